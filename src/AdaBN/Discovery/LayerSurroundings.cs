using System.Collections.Frozen;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Discovery;

/// <summary>Judges by what stands around a layer whether a BatchNormalization can have stood right behind it.</summary>
internal sealed class LayerSurroundings(IReadOnlySet<Value> fromData)
{
    // Ops that pass a channel on, moved, averaged, joined or shifted, but not bent.
    private static readonly FrozenSet<string> Carriers = FrozenSet.ToFrozenSet(
    [
        "Identity", "Dropout", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Pad", "Slice", "Split", "Gather", "Concat", "Add", "Sub",
        "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth",
    ]);
    private static readonly FrozenSet<string> Movers = FrozenSet.ToFrozenSet(["Identity", "Dropout", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Slice", "Split", "Gather"]);
    private static readonly FrozenSet<string> Activations = FrozenSet.ToFrozenSet(
        ["Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Mish", "Gelu", "Clip", "Erf"]);
    private static readonly FrozenSet<string> Gates = FrozenSet.ToFrozenSet(["Sigmoid", "HardSigmoid", "Softmax", "Tanh"]);
    private static readonly FrozenSet<string> Scores = FrozenSet.ToFrozenSet(["Softmax", "LogSoftmax", "Sigmoid", "ArgMax", "TopK"]);
    private static readonly FrozenSet<string> GlobalPools = FrozenSet.ToFrozenSet(["GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax"]);

    /// <summary>Whether a normalization that the file still has stands right behind a layer.</summary>
    public static bool IsNormalized(Node node) => Readers(node.Outputs[0]!).Any(reader => reader.Is(BatchNormalization.OpType) || SampleNormalization.IsOperator(reader));

    /// <summary>Why none is thought to have stood behind a layer; null where one may well have.</summary>
    public string? WhyNotFolded(Node node)
    {
        Value output = node.Outputs[0]!;
        if (Readers(output).Any(ScalesChannels)) return "its channels are scaled by constants behind it, which folding would have taken in";
        if (node.Inputs.ElementAtOrDefault(Linear.BiasInput) is null && !Readers(output).Any(reader => reader.Is("Add") && IsConstant(Other(reader, output))))
            return "it has no bias, and folding leaves one";
        HashSet<Value> carried = Follow([output], reader => Carriers.Contains(reader.OpType) || (reader.OpType is "Mul" or "Div" && reader.Inputs.Any(IsConstant)));
        HashSet<Value> scores = Follow(carried, reader => Scores.Contains(reader.OpType) || IsMover(reader));
        if (scores.Any(value => value.IsGraphOutput)) return "it makes the model's output: normalizing scores would even out the classes";
        if (carried.SelectMany(Readers).FirstOrDefault(CentresSamples) is { } normalization) return $"{normalization} normalizes what it computes";
        HashSet<Value> moved = Follow([output], reader => IsMover(reader) || (reader.OpType is "Add" or "Mul" or "Div" && reader.Inputs.Any(IsConstant)));
        if (moved.SelectMany(Readers).Any(reader => reader.OpType is "MatMul" or "Einsum" or "Attention" or "MultiHeadAttention" && reader.Inputs.Count(input => input is not null && !IsConstant(input)) > 1))
            return "it belongs to an attention";
        if (IsGate(node, output)) return "it computes a gate for other features (squeeze and excitation)";
        return node.Is("Gemm") && !Follow([output], reader => reader.OpType is "Identity" or "Dropout").SelectMany(Readers).All(FollowsHiddenLayer)
            ? "what follows it is not what follows a BatchNormalization" : null;
    }

    /// <summary>LayerNormalization, or its first step where an exporter took it apart: x − mean(x).</summary>
    private static bool CentresSamples(Node reader) => reader.OpType == "LayerNormalization" || (reader.OpType == "Sub" && reader.Inputs.ElementAtOrDefault(1)?.Producer is { OpType: "ReduceMean" });

    private static bool FollowsHiddenLayer(Node reader) => Activations.Contains(reader.OpType) || reader.OpType is "Identity" or "Dropout" or "Add" or "Gemm" or "Concat" or "Mul";

    /// <summary>
    /// Whether what a layer computes is multiplied onto other features: through a sigmoid, or, where it sees pooled features only, in any
    /// way, be it by the next layer. x·sigmoid(x) is an activation, no gate.
    /// </summary>
    private bool IsGate(Node node, Value output)
    {
        HashSet<Value> moved = Follow([output], IsMover);
        IEnumerable<Value> squashed = moved.SelectMany(Readers).Where(reader => Gates.Contains(reader.OpType)).SelectMany(gate => gate.Outputs).OfType<Value>();
        if (AreMultiplied(Follow(squashed, IsMover), moved)) return true;
        if (!SeesPooledOnly(node)) return false;
        HashSet<Value> bent = Bend(output);
        return AreMultiplied(bent, bent) || bent.SelectMany(Readers).Where(Linear.Is).SelectMany(next => next.Outputs).OfType<Value>().Select(Bend).Any(next => AreMultiplied(next, next));
    }

    private HashSet<Value> Bend(Value output) => Follow([output], reader =>
        IsMover(reader) || Activations.Contains(reader.OpType) || (reader.OpType is "Add" or "Mul" or "Div" && reader.Inputs.Any(IsConstant)));

    /// <summary>Whether one of the values is multiplied with features that are neither constant nor the layer's own.</summary>
    private bool AreMultiplied(HashSet<Value> values, HashSet<Value> own) => values.Any(value => Readers(value).Any(reader =>
        reader.Is("Mul") && Other(reader, value) is var other && !IsConstant(other) && !values.Contains(other) && !own.Contains(other)));

    private bool SeesPooledOnly(Node node)
    {
        int layersPassed = 0;
        for (Value? value = node.Inputs[Linear.DataInput]; value?.Producer is { } producer; value = producer.Inputs.FirstOrDefault(input => input is not null && !IsConstant(input)))
        {
            if (GlobalPools.Contains(producer.OpType)) return true;
            bool isLayer = Linear.Is(producer);
            if (isLayer && ++layersPassed > 1) return false;
            if (!isLayer && !IsMover(producer) && !Activations.Contains(producer.OpType) && producer.OpType is not ("Mul" or "Add" or "Div")) return false;
        }
        return false;
    }

    private bool ScalesChannels(Node reader) =>
        reader.OpType is "Mul" or "Div" && reader.Inputs.FirstOrDefault(input => input is not null && IsConstant(input))?.Initializer is { } scale && scale.Dims.Any(dim => dim > 1);

    /// <summary>The values that can be reached through nodes of a kind, the start included.</summary>
    private static HashSet<Value> Follow(IEnumerable<Value> start, Func<Node, bool> passes)
    {
        HashSet<Value> seen = [.. start];
        var open = new Stack<Value>(seen);
        while (open.TryPop(out Value? value))
        {
            foreach (Value output in Readers(value).Where(passes).SelectMany(reader => reader.Outputs).OfType<Value>())
                if (seen.Add(output)) open.Push(output);
        }
        return seen;
    }

    private static bool IsMover(Node node) => Movers.Contains(node.OpType);

    private bool IsConstant(Value? value) => value is not null && !fromData.Contains(value);

    private static Value Other(Node node, Value value) => node.Inputs.FirstOrDefault(input => input is not null && input != value) ?? value;

    private static IEnumerable<Node> Readers(Value value) => value.Uses.Select(use => use.Consumer);
}
