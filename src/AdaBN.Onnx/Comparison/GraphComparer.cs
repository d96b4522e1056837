using AdaBN.Onnx.Serialization;
using static AdaBN.Onnx.Comparison.StoredBytes;

namespace AdaBN.Onnx.Comparison;

/// <summary>Compares graphs and those nested in their nodes.</summary>
/// <param name="other">Takes what is neither tensor nor node.</param>
internal sealed class GraphComparer(List<string> other)
{
    public List<TensorDifference> Tensors { get; } = [];

    public List<NodeDifference> Nodes { get; } = [];

    public void Compare(Graph first, Graph second, string? where)
    {
        string suffix = where is null ? "" : $" ({where})";
        (GraphProto a, GraphProto b) = (GraphWriter.ToProto(first), GraphWriter.ToProto(second));
        if (!AreSame(a.Input, b.Input)) other.Add($"inputs{suffix}: {Names(first.Inputs)}; {Names(second.Inputs)}");
        if (!AreSame(a.Output, b.Output)) other.Add($"outputs{suffix}: {Names(first.Outputs)}; {Names(second.Outputs)}");
        if (!AreSame(a.ValueInfo, b.ValueInfo)) other.Add($"types declared for inner values{suffix}");
        if (!AreSame(Rest(a), Rest(b))) other.Add($"the graph's name, documentation, annotations or sparse tensors{suffix}");
        CompareTensors(first, second, where, suffix);
        CompareNodes(first, second, where, suffix);
    }

    private void CompareTensors(Graph first, Graph second, string? where, string suffix)
    {
        Dictionary<string, Initializer> before = ByName(first), after = ByName(second);
        foreach (Initializer tensor in first.Initializers)
        {
            if (!after.TryGetValue(tensor.Name, out Initializer? now)) Tensors.Add(new TensorDifference(tensor.Name, where, DifferenceKind.Removed, TensorComparer.Form(tensor), null) { Stored = (tensor, null) });
            else if (TensorComparer.Compare(tensor, now, where) is { } difference) Tensors.Add(difference);
        }
        foreach (Initializer tensor in second.Initializers.Where(tensor => !before.ContainsKey(tensor.Name)))
            Tensors.Add(new TensorDifference(tensor.Name, where, DifferenceKind.Added, null, TensorComparer.Form(tensor)) { Stored = (null, tensor) });
        if (!first.Initializers.Select(tensor => tensor.Name).Where(after.ContainsKey).SequenceEqual(second.Initializers.Select(tensor => tensor.Name).Where(before.ContainsKey))) other.Add($"the order of tensors{suffix}");
    }

    private void CompareNodes(Graph first, Graph second, string? where, string suffix)
    {
        Dictionary<string, Node> before = ByOutput(first), after = ByOutput(second);
        foreach ((string key, Node node) in before)
        {
            if (!after.TryGetValue(key, out Node? now)) Nodes.Add(new NodeDifference(node.DisplayName, node.OpType, where, DifferenceKind.Removed, []) { Stored = (node, null) });
            else CompareNode(node, now, where);
        }
        foreach ((string key, Node node) in after.Where(entry => !before.ContainsKey(entry.Key)))
            Nodes.Add(new NodeDifference(node.DisplayName, node.OpType, where, DifferenceKind.Added, []) { Stored = (null, node) });
        if (!before.Keys.Where(after.ContainsKey).SequenceEqual(after.Keys.Where(before.ContainsKey))) other.Add($"the order of nodes{suffix}");
    }

    private void CompareNode(Node first, Node second, string? where)
    {
        bool goesInto = first.NestedGraphs.Count == second.NestedGraphs.Count && first.NestedGraphs.Count > 0;
        (NodeProto a, NodeProto b) = (Stored(first, goesInto), Stored(second, goesInto));
        if (!AreSame(a, b)) Nodes.Add(new NodeDifference(second.DisplayName, second.OpType, where, DifferenceKind.Changed, [.. Changes(a, b)]) { Stored = (first, second) });
        if (!goesInto) return;
        for (int i = 0; i < first.NestedGraphs.Count; i++)
            Compare(first.NestedGraphs[i], second.NestedGraphs[i], FormattableString.Invariant($"{(where is null ? "" : $"{where}, ")}{first}, graph {i}"));
    }

    private static NodeProto Stored(Node node, bool withoutGraphs)
    {
        NodeProto proto = GraphWriter.ToProto(node);
        if (!withoutGraphs) return proto;
        proto = proto.Clone();
        foreach (AttributeProto attribute in proto.Attribute)
        {
            attribute.G = null;
            attribute.Graphs.Clear();
        }
        return proto;
    }

    private static IEnumerable<string> Changes(NodeProto a, NodeProto b)
    {
        if (a.OpType != b.OpType || a.Domain != b.Domain)
        {
            yield return $"operator {a.OpType}"; // another node altogether
            yield break;
        }
        bool isSameName = a.Name == b.Name;
        if (!a.Input.Equals(b.Input)) yield return NodeDifference.Inputs;
        if (!a.Output.Equals(b.Output)) yield return "outputs";
        foreach (string name in a.Attribute.Concat(b.Attribute).Select(attribute => attribute.Name).Distinct())
            if (!AreSame(a.Attribute.FirstOrDefault(attribute => attribute.Name == name), b.Attribute.FirstOrDefault(attribute => attribute.Name == name))) yield return $"attribute '{name}'";
        if (!isSameName) yield return $"name '{a.Name}'";
        if (isSameName && !AreSame(Rest(a), Rest(b))) yield return "documentation or fields of no meaning to the computation";
    }

    private static NodeProto Rest(NodeProto proto)
    {
        NodeProto rest = proto.Clone();
        rest.Input.Clear();
        rest.Output.Clear();
        rest.Attribute.Clear();
        return rest;
    }

    private static GraphProto Rest(GraphProto proto)
    {
        GraphProto rest = proto.Clone();
        rest.Node.Clear();
        rest.Initializer.Clear();
        rest.Input.Clear();
        rest.Output.Clear();
        rest.ValueInfo.Clear();
        return rest;
    }

    private static Dictionary<string, Initializer> ByName(Graph graph) => graph.Initializers.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);

    /// <summary>In the file's order. A node that computes nothing goes by its place.</summary>
    private static Dictionary<string, Node> ByOutput(Graph graph) =>
        graph.Nodes.Select((node, i) => (Key: node.Outputs.OfType<Value>().FirstOrDefault()?.Name ?? FormattableString.Invariant($"\0{i}"), node)).ToDictionary(pair => pair.Key, pair => pair.node, StringComparer.Ordinal);

    private static string Names(IReadOnlyList<Value> values) => string.Join(", ", values.Select(value => value.ToString()));
}
