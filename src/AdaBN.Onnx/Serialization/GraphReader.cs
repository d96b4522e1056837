using System.Collections.Immutable;
using AdaBN.Onnx.Ops;

namespace AdaBN.Onnx.Serialization;

/// <summary>
/// Builds the linked object graph from the stored one, refusing what cannot be linked. The stored graph is used up: its nodes
/// and tensors move into the linked graph, the rest stays behind as the shell that <see cref="GraphWriter"/> fills again.
/// </summary>
internal static class GraphReader
{
    public static Graph Read(GraphProto proto, ModelFolder? folder) => Read(proto, owner: null, scopes: [], folder);

    private static Graph Read(GraphProto proto, Node? owner, ImmutableStack<Graph> scopes, ModelFolder? folder)
    {
        var graph = new Graph(proto, owner, folder);
        Declare(graph);
        proto.Node.Clear();
        proto.Initializer.Clear();
        ImmutableStack<Graph> inner = scopes.Push(graph);
        foreach (Node node in graph.Nodes) Link(node, inner);
        foreach (ValueInfoProto output in proto.Output)
        {
            Value value = Resolve(output.Name, inner) ?? throw Undefined(output.Name, "a graph output");
            if (value.Graph == graph) graph.AddOutput(value);
            else Capture(graph, value, owner!, inputIndex: -1);
            value.Type ??= ReadType(output);
        }
        foreach (ValueInfoProto info in proto.ValueInfo)
            if (graph.TryGetValue(info.Name, out Value? value)) value.Type ??= ReadType(info);
        return graph;
    }

    /// <summary>All names first: nodes may stand in any order, and nested graphs read names of the graphs around them.</summary>
    private static void Declare(Graph graph)
    {
        foreach (ValueInfoProto input in graph.Shell.Input)
        {
            if (graph.TryGetValue(input.Name, out _)) throw Twice(input.Name);
            Value value = Named(graph, input.Name, "graph input");
            value.Type = ReadType(input);
            graph.AddInput(value);
        }
        foreach (TensorProto tensor in graph.Shell.Initializer)
        {
            Value value = Named(graph, tensor.Name, "initializer");
            if (value.Initializer is not null) throw Twice(tensor.Name);
            graph.AddInitializer(new Initializer(value, tensor));
        }
        foreach (SparseTensorProto sparse in graph.Shell.SparseInitializer)
        {
            string name = sparse.Values?.Name ?? "";
            if (graph.TryGetValue(name, out Value? value) && !value.IsGraphInput) throw Twice(name);
            Named(graph, name, "sparse initializer");
        }
        foreach (NodeProto proto in graph.Shell.Node)
        {
            var node = new Node(graph, proto);
            foreach (string name in proto.Output)
            {
                if (name.Length > 0 && graph.TryGetValue(name, out _)) throw Twice(name);
                node.AddOutput(name.Length > 0 ? graph.GetOrAddValue(name) : null);
            }
            graph.AddNode(node);
        }
    }

    private static void Link(Node node, ImmutableStack<Graph> scopes)
    {
        foreach (string name in node.Proto.Input)
        {
            Value? value = name.Length > 0 ? Resolve(name, scopes) ?? throw Undefined(name, node.ToString()) : null;
            if (value is not null && value.Graph != node.Graph) Capture(node.Graph, value);
            node.AddInput(value);
        }
        foreach (AttributeProto attribute in node.Proto.Attribute)
        {
            if (attribute.G is { } nested) node.AddNestedGraph(Read(nested, node, scopes, node.Graph.Folder));
            foreach (GraphProto one in attribute.Graphs) node.AddNestedGraph(Read(one, node, scopes, node.Graph.Folder));
        }
        OperatorInputs.Check(node);
    }

    /// <summary>Notes on every node from the reading graph outwards that its body needs the outer value.</summary>
    private static void Capture(Graph reader, Value value)
    {
        for (Graph graph = reader; graph != value.Graph; graph = graph.Owner!.Graph) graph.Owner!.AddCapture(value);
    }

    private static void Capture(Graph reader, Value value, Node owner, int inputIndex)
    {
        Capture(reader, value);
        value.AddUse(owner, inputIndex);
    }

    private static Value Named(Graph graph, string name, string what) => name.Length > 0
        ? graph.GetOrAddValue(name)
        : throw new OnnxModelException($"The graph '{graph.Name}' has a {what} without a name. The file is damaged; export the model again.");

    private static Value? Resolve(string name, ImmutableStack<Graph> scopes)
    {
        foreach (Graph scope in scopes)
            if (scope.TryGetValue(name, out Value? value)) return value;
        return null;
    }

    private static TensorType? ReadType(ValueInfoProto info)
    {
        if (info.Type?.TensorType is not { } tensor) return null;
        return new TensorType((ElementType)tensor.ElemType, tensor.Shape is { } shape
            ? [.. shape.Dim.Select(dim => new Dimension(dim is { HasDimValue: true, DimValue: >= 0 } ? dim.DimValue : null, dim.HasDimParam ? dim.DimParam : null))]
            : null);
    }

    private static OnnxModelException Undefined(string name, string reader) =>
        new($"'{name}', read by {reader}, is neither an input nor an initializer nor any node's output. The file is damaged; export the model again.");

    private static OnnxModelException Twice(string name) =>
        new($"The name '{name}' is defined twice in one graph; ONNX wants each name once. Export the model again.");
}
