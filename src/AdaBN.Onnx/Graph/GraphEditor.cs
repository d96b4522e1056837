using System.Globalization;

namespace AdaBN.Onnx;

/// <summary>Edits of a graph. Each checks what it needs before it changes anything.</summary>
public static partial class GraphEditor
{
    /// <summary>
    /// Gives one input of several nodes, which read the same initializer there, other data of the same shape and type. Where anyone
    /// else sees that initializer, it stays as it is and these inputs get one copy under a new name.
    /// </summary>
    /// <param name="model">The model that holds the nodes.</param>
    /// <param name="nodes">The nodes to edit; at least one.</param>
    /// <param name="inputIndex">Position among each node's inputs.</param>
    /// <param name="data">Row-major elements, rounded to the initializer's own type.</param>
    /// <returns>The initializer that the inputs have now.</returns>
    /// <exception cref="OnnxModelException">The input is no floating-point initializer of that many elements.</exception>
    public static Initializer ReplaceInitializer(OnnxModel model, IReadOnlyList<Node> nodes, int inputIndex, double[] data)
    {
        Value? value = nodes[0].Inputs.ElementAtOrDefault(inputIndex);
        if (value?.Initializer is not { } old || !old.ElementType.IsFloatingPoint() || nodes.Any(node => node.Inputs.ElementAtOrDefault(inputIndex) != value))
            throw new OnnxModelException($"Input {inputIndex.ToString(CultureInfo.InvariantCulture)} of {string.Join(", ", nodes)} is no one floating-point initializer and cannot be replaced.");
        long expected = old.Dims.Aggregate(1L, (product, length) => product * length);
        if (data.Length != expected)
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture, $"Initializer '{old.Name}' has {expected} elements, not {data.Length}."));

        Initializer replacement = old.With(value, data);
        if (!value.IsGraphOutput && value.Uses.All(use => use.InputIndex == inputIndex && nodes.Contains(use.Consumer)))
        {
            value.Graph.ReplaceInitializer(old, replacement);
            return replacement;
        }

        Value copy = value.Graph.GetOrAddValue(UnusedName(value.Graph, value.Name));
        copy.Type = value.Type;
        Initializer renamed = replacement.For(copy);
        AddInitializer(model, renamed, declare: value.IsGraphInput);
        foreach (Node node in nodes) node.SetInput(inputIndex, copy);
        return renamed;
    }

    private static void AddInitializer(OnnxModel model, Initializer initializer, bool declare)
    {
        initializer.Value.Graph.AddInitializer(initializer);
        if (declare && model.DeclaresInitializers) initializer.Value.Graph.AddInput(initializer.Value);
    }

    private static string UnusedName(Graph graph, string like)
    {
        Graph[] scopes = Scopes(graph);
        for (int i = 1; ; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{like}_{i}");
            if (!scopes.Any(scope => scope.TryGetValue(name, out _))) return name;
        }
    }

    private static bool IsTaken(Graph graph, string name) => Scopes(graph).Any(scope => scope.TryGetValue(name, out _));

    /// <summary>ONNX names are unique across a graph, the graphs nested in it and the graphs around it.</summary>
    private static Graph[] Scopes(Graph graph)
    {
        while (graph.Owner is { } owner) graph = owner.Graph;
        return [graph, .. graph.NodesAndNested().SelectMany(node => node.NestedGraphs)];
    }
}
