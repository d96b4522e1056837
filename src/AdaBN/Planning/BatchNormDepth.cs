using AdaBN.Onnx;

namespace AdaBN.Planning;

/// <summary>
/// The depth of values: how many of the given normalizations lie on the longest path to them. Layers whose inputs have the same
/// depth do not influence each other and are measured together.
/// </summary>
internal static class BatchNormDepth
{
    /// <summary>Depths by value; values that do not depend on the model's inputs have none.</summary>
    public static Dictionary<Value, int> Of(Graph graph, IReadOnlyList<Node> topologicalOrder, Func<Node, bool> isCounted, Func<Value, bool>? isNormalizedInput = null)
    {
        Dictionary<Value, int> depths = graph.RequiredInputs.ToDictionary(input => input, input => isNormalizedInput?.Invoke(input) == true ? 1 : 0);
        foreach (Node node in topologicalOrder)
        {
            int depth = -1;
            foreach (Value dependency in node.Dependencies)
                if (depths.TryGetValue(dependency, out int found)) depth = Math.Max(depth, found);
            if (depth < 0) continue;
            if (isCounted(node)) depth++;
            foreach (Value output in node.Outputs.OfType<Value>()) depths[output] = depth;
        }
        return depths;
    }
}
