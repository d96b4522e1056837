using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Planning;

namespace AdaBN.Forms;

/// <summary>
/// Finds layers that are one module called at several places: they share all their constants, and what feeds them is made by the same
/// operators with the same weights. Called at one depth they keep one statistic, of all that passes through; at different depths each
/// call gets its own, because the deeper one is measured with the shallower already adapted.
/// </summary>
internal static class SharedLayers
{
    /// <summary>Groups layers; those of a group share one statistic.</summary>
    /// <param name="copy">The working copy.</param>
    /// <param name="forms">The layers to group.</param>
    /// <param name="adapted">The nodes of all layers to adapt: what makes up depth.</param>
    /// <param name="findings">Told what layers share.</param>
    public static IEnumerable<BatchNormLayer[]> Group(OnnxModel copy, IReadOnlyDictionary<BatchNormLayer, AdaptableNode> forms, IReadOnlySet<Node> adapted, List<string> findings)
    {
        Dictionary<Value, int> depths = BatchNormDepth.Of(copy.Graph, copy.Graph.TopologicalOrder(), adapted.Contains);
        List<List<BatchNormLayer>> groups = [];
        foreach (BatchNormLayer layer in forms.Keys)
        {
            List<BatchNormLayer>? group = groups.Find(group => depths[group[0].Input] == depths[layer.Input]
                && forms[group[0]].Identity.SequenceEqual(forms[layer].Identity) && IsSameComputation(group[0].Input, layer.Input, depths.ContainsKey));
            if (group is null) groups.Add([layer]);
            else group.Add(layer);
        }
        foreach (List<BatchNormLayer> group in groups.Where(group => group.Count > 1))
            findings.Add($"Layers {Names(group)} are one module called at several places of one depth: they share one statistic, of all that passes through.");
        foreach (var sharing in groups.GroupBy(group => forms[group[0]].Identity.Aggregate("", (key, value) => $"{key}\n{value.Name}")).Where(sharing => sharing.Count() > 1))
            findings.Add($"Layers {Names(sharing.Select(group => group[0]))} share their parameters in the file; each has its own statistics now, because they see different activations.");
        return groups.Select(group => group.ToArray());
    }

    /// <summary>Whether both values come from the same weights by the same operators; walks up through nodes without weights.</summary>
    private static bool IsSameComputation(Value left, Value right, Func<Value, bool> varies)
    {
        while (left.Producer is { } a && right.Producer is { } b)
        {
            if (a == b) return left == right;
            if (!a.IsSameCall(b) || a.Inputs.Count != b.Inputs.Count) return false;
            bool hasWeights = false;
            (Value Left, Value Right)? next = null;
            foreach ((Value? first, Value? second) in a.Inputs.Zip(b.Inputs))
            {
                if (first is null || second is null)
                {
                    if (first != second) return false;
                }
                else if (varies(first) && varies(second))
                {
                    if (next is not null && !hasWeights) return false;
                    next = (first, second);
                }
                else if (ConstantFolder.Root(first) != ConstantFolder.Root(second))
                {
                    return false;
                }
                else
                {
                    hasWeights |= ConstantFolder.Root(first).Initializer is { ElementType: not ElementType.Int64, Dims.Length: > 0 };
                }
            }
            if (hasWeights) return true;
            if (next is null) return false;
            (left, right) = next.Value;
        }
        return false;
    }

    private static string Names(IEnumerable<BatchNormLayer> layers) => string.Join(", ", layers.Select(layer => $"'{layer.Info.Name}'"));
}
