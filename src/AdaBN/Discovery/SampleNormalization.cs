using System.Collections.Frozen;
using AdaBN.Onnx;

namespace AdaBN.Discovery;

/// <summary>
/// Normalizations whose statistics are computed anew at run time: as operators, or written out by exporters as
/// (x − ReduceMean(x)) / sqrt(ReduceMean((x − ReduceMean(x))²) + epsilon). What they reduce over tells them apart.
/// </summary>
/// <param name="Form">The operator that does the same.</param>
/// <param name="Spelling">How the file writes it, where not as that operator.</param>
/// <param name="IsOfTheBatch">Whether samples of a batch are mixed: a BatchNormalization in training.</param>
internal sealed record SampleNormalization(string Form, string? Spelling, bool IsOfTheBatch)
{
    // https://onnx.ai/onnx/operators/ and ONNX Runtime's own, https://onnxruntime.ai/docs/reference/operators/ContribOperators.html
    private static readonly FrozenDictionary<string, string> Operators = new Dictionary<string, string>
    {
        ["InstanceNormalization"] = "InstanceNormalization", ["LayerNormalization"] = "LayerNormalization", ["GroupNormalization"] = "GroupNormalization",
        ["RMSNormalization"] = "RMSNormalization", ["LRN"] = "LRN", ["LpNormalization"] = "LpNormalization", ["MeanVarianceNormalization"] = "MeanVarianceNormalization",
        ["SimplifiedLayerNormalization"] = "RMSNormalization", ["SkipLayerNormalization"] = "LayerNormalization", ["EmbedLayerNormalization"] = "LayerNormalization",
        ["SkipSimplifiedLayerNormalization"] = "RMSNormalization", ["GroupNorm"] = "GroupNormalization", ["SkipGroupNorm"] = "GroupNormalization",
    }.ToFrozenDictionary();

    /// <summary>Whether a node is an operator that normalizes.</summary>
    public static bool IsOperator(Node node) => (node.Domain.Length == 0 || node.Domain == "com.microsoft") && Operators.ContainsKey(node.OpType);

    /// <summary>What a node is, or null where it normalizes nothing (or is not the node that divides).</summary>
    public static SampleNormalization? Of(Node node)
    {
        if (!IsOperator(node)) return WrittenOut(node);
        if (node.Is("InstanceNormalization") && node.Inputs is [{ } grouped, ..] && IsBetweenReshapes(grouped, node)) return new SampleNormalization("GroupNormalization", "InstanceNormalization between Reshapes", false);
        string form = Operators[node.OpType];
        return new SampleNormalization(form, node.OpType == form ? null : node.OpType, false);
    }

    private static SampleNormalization? WrittenOut(Node node)
    {
        if (node.Inputs is not [{ } left, { } right] || !(node.Is("Div") || node.Is("Mul"))) return null;
        foreach ((Value centred, Value divisor) in (ReadOnlySpan<(Value, Value)>)[(left, right), (right, left)])
        {
            if (node.Is("Div") && divisor != right) continue;
            if (node.Is("Div") && Made(Through(divisor), "ReduceL2") is { } norm && norm.Inputs[0] == centred) return new SampleNormalization("LpNormalization", "written out as ReduceL2, Div", false);
            if (RootOf(divisor, isDivisor: node.Is("Div")) is not { } root || Made(Through(root.Inputs[0]!), "ReduceMean") is not { } reduce || !IsSquareOf(reduce.Inputs[0]!, centred)) continue;
            bool isCentred = Made(centred, "Sub") is { Inputs: [{ } x, { } mean] } && Made(mean, "ReduceMean") is { } first && first.Inputs[0] == x;
            return Classify(node, reduce, isCentred, isCentred ? centred.Producer!.Inputs[0] : centred);
        }
        return null;
    }

    private static SampleNormalization Classify(Node node, Node reduce, bool isCentred, Value? data)
    {
        long[] axes = [.. reduce.Inputs.Count > 1 && reduce.Inputs[1]?.ConstantIntegers() is { } given ? given : reduce.GetInts("axes")];
        string spelling = isCentred ? "written out as ReduceMean, Sub, ReduceMean, Sqrt, Div" : "written out as ReduceMean, Sqrt, Div";
        if (axes.Length == 0 || axes.Contains(0)) return new SampleNormalization("BatchNormalization", spelling, true);
        if (!isCentred) return new SampleNormalization("RMSNormalization", spelling, false);
        if (IsBetweenReshapes(data, node)) return new SampleNormalization("GroupNormalization", $"{spelling} between Reshapes", false);
        bool isSpatial = axes.Length > 1 && (axes.Min() == 2 || (axes.Min() < 0 && data?.Type?.Shape is { } shape && axes.Min() + shape.Length == 2));
        return new SampleNormalization(isSpatial ? "InstanceNormalization" : "LayerNormalization", spelling, false);
    }

    private static Node? RootOf(Value value, bool isDivisor)
    {
        if (isDivisor) return Made(value, "Sqrt");
        return Made(value, "Reciprocal") is { } reciprocal ? Made(reciprocal.Inputs[0]!, "Sqrt") : Made(value, "Div") is { Inputs: [_, { } root] } ? Made(root, "Sqrt") : null;
    }

    private static bool IsSquareOf(Value square, Value value) =>
        square.Producer is { Inputs: [{ } first, { } second] } node && (node.Is("Pow") || node.Is("Mul")) && IsSame(first, value) && (node.Is("Pow") || IsSame(second, value));

    /// <summary>Exporters may write the difference twice, once for the square and once to divide.</summary>
    private static bool IsSame(Value a, Value b) =>
        a == b || (Made(a, "Sub") is { } first && Made(b, "Sub") is { } second && first.Inputs.SequenceEqual(second.Inputs));

    /// <summary>Past the epsilon that is added, or a lower bound.</summary>
    private static Value Through(Value value) =>
        value.Producer is { } node && (node.Is("Add") || node.Is("Max") || node.Is("Clip"))
            ? node.Inputs.OfType<Value>().FirstOrDefault(input => input.Producer is { } made && made.OpType.StartsWith("Reduce", StringComparison.Ordinal)) ?? value
            : value.Producer is { } passing && passing.Is("Expand") && passing.Inputs is [{ } expanded, ..] ? Through(expanded) : value;

    private static bool IsBetweenReshapes(Value? data, Node node) =>
        data is not null && Made(data, "Reshape") is not null && node.Outputs is [{ Uses: [{ InputIndex: 0 } use] }, ..] && use.Consumer.Is("Reshape");

    private static Node? Made(Value value, string opType) => value.Producer is { Inputs: [not null, ..] } producer && producer.Is(opType) ? producer : null;
}
