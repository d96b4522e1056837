using System.Collections.Immutable;
using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN.Planning;

/// <summary>
/// Finds what the engine can compute in one pass at the head of a stage: adapted layers, and the Add, Relu and Clip behind them.
/// Declines (leaves to ONNX Runtime) what has more than two summands, or clamps before it adds.
/// </summary>
internal sealed class BlendFinder(IReadOnlyDictionary<Value, int> depths, ChannelParts parts, IReadOnlyDictionary<Node, BatchNormLayer> adapted)
{
    private const int MostTerms = 2;
    private readonly Dictionary<Value, Blend> _blends = [];

    /// <summary>The candidates found so far by what they compute.</summary>
    public IReadOnlyDictionary<Value, Blend> Candidates => _blends;

    /// <summary>Takes a node, offered in topological order, if it can be blended; false leaves it to ONNX Runtime.</summary>
    public bool TryTake(Node node)
    {
        if (Match(node) is not { } blend) return false;
        _blends.Add(blend.Output, blend);
        return true;
    }

    private Blend? Match(Node node)
    {
        if (adapted.TryGetValue(node, out BatchNormLayer? layer))
            return new Blend(node.Outputs[0]!, [new BlendTerm(parts.Of(layer.Input), layer)], float.NegativeInfinity, float.PositiveInfinity);
        if (node.Outputs is not [{ } output]) return null;
        if (node.Is("Relu")) return Clamp(output, node.Inputs[0]!, 0, float.PositiveInfinity);
        if (node.Is("Clip") && Bound(node, 1, "min", float.NegativeInfinity) is { } low && Bound(node, 2, "max", float.PositiveInfinity) is { } high)
            return Clamp(output, node.Inputs[0]!, low, high);
        return node.Is("Add") ? Sum(output, node.Inputs[0]!, node.Inputs[1]!) : null;
    }

    private Blend? Clamp(Value output, Value input, float low, float high) =>
        Unclamped(input) is { } blend ? blend with { Output = output, Low = low, High = high } : null;

    private Blend? Sum(Value output, Value left, Value right)
    {
        int stage = depths[output];
        if (Summand(left, stage) is not { } leftTerms || Summand(right, stage) is not { } rightTerms) return null;
        if (!leftTerms.Concat(rightTerms).Any(term => term.Layer is not null) || leftTerms.Length + rightTerms.Length > MostTerms) return null;
        return new Blend(output, [.. leftTerms, .. rightTerms], float.NegativeInfinity, float.PositiveInfinity);
    }

    /// <summary>
    /// What a value contributes to a sum. One layer's output is normalized where it is added (a skip with a layer of its own is never
    /// stored twice); a sum of an earlier stage is taken as stored, or chains of skips would grow a term at each link.
    /// </summary>
    private ImmutableArray<BlendTerm>? Summand(Value value, int stage) =>
        Unclamped(value) is { } blend && (depths[value] == stage || blend.Terms.Length == 1) ? blend.Terms : Stored(value, stage);

    private Blend? Unclamped(Value value) =>
        _blends.TryGetValue(value, out Blend? blend) && float.IsNegativeInfinity(blend.Low) && float.IsPositiveInfinity(blend.High) ? blend : null;

    /// <summary>A value of an earlier stage as a summand, or null where it is constant or computed in this very stage.</summary>
    private ImmutableArray<BlendTerm>? Stored(Value value, int stage) =>
        depths.ContainsKey(value) && parts.Of(value).All(part => depths[part] < stage || part.IsGraphInput) ? [new BlendTerm(parts.Of(value), null)] : null;

    /// <summary>A bound of Clip: an attribute before opset 11, a constant input since; null where it is computed at run time.</summary>
    private static float? Bound(Node node, int inputIndex, string attribute, float none)
    {
        if (node.HasAttribute(attribute)) return node.GetFloat(attribute, none);
        if (node.Inputs.Count <= inputIndex || node.Inputs[inputIndex] is not { } value) return none;
        return value.ConstantFloats() is [var bound] ? bound : null;
    }
}
