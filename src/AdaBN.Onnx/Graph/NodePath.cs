using System.Collections.Immutable;

namespace AdaBN.Onnx;

/// <summary>Where a node stands in a model, in words that hold in every copy of it.</summary>
/// <param name="Owners">The nodes around it, outermost first: the first output of each and which of its nested graphs.</param>
/// <param name="Output">The first output of the node itself.</param>
public sealed record NodePath(ImmutableArray<(string Output, int NestedGraph)> Owners, string Output)
{
    /// <summary>The path of a node of the main graph.</summary>
    /// <param name="output">Its first output.</param>
    public static NodePath InMainGraph(string output) => new([], output);

    /// <summary>The path of a node in a graph nested in this node.</summary>
    public NodePath Into(int nestedGraph, string output) => new(Owners.Add((Output, nestedGraph)), output);

    /// <summary>Finds the node.</summary>
    /// <exception cref="OnnxModelException">The model has no such node.</exception>
    public Node Find(OnnxModel model) => TryFind(model) ?? throw new OnnxModelException($"The model has no node that computes '{Output}' where one is expected.");

    /// <summary>Finds the node; null where the model has no such node.</summary>
    public Node? TryFind(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Graph graph = model.Graph;
        foreach ((string output, int nested) in Owners)
        {
            if (NodeIn(graph, output) is not { } owner || owner.NestedGraphs.Count <= nested) return null;
            graph = owner.NestedGraphs[nested];
        }
        return NodeIn(graph, Output);
    }

    private static Node? NodeIn(Graph graph, string output) => graph.TryGetValue(output, out Value? value) ? value.Producer : null;
}
