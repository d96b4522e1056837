namespace AdaBN.Onnx.Serialization;

/// <summary>
/// Gives the linked graph back its stored form. What was read and not edited is written as it came; tensors, which are never
/// changed in place, are shared with the model they came from.
/// </summary>
internal static class GraphWriter
{
    public static GraphProto ToProto(Graph graph)
    {
        GraphProto proto = graph.Shell.Clone();
        proto.Node.AddRange(graph.Nodes.Select(ToProto));
        proto.Initializer.AddRange(graph.Initializers.Select(initializer => initializer.Proto));
        proto.Input.AddRange(graph.Inputs.Skip(proto.Input.Count).Select(input => ToProto(input.Name, input.Type)));
        return proto;
    }

    public static NodeProto ToProto(Node node)
    {
        NodeProto proto = node.Proto;
        IEnumerable<string> inputs = node.Inputs.Select(value => value?.Name ?? ""), outputs = node.Outputs.Select(value => value?.Name ?? "");
        bool edited = !proto.Input.SequenceEqual(inputs) || !proto.Output.SequenceEqual(outputs);
        if (!edited && node.NestedGraphs.Count == 0) return proto;

        NodeProto written = ShellOf(proto);
        written.Input.AddRange(inputs);
        written.Output.AddRange(outputs);
        int next = 0;
        foreach (AttributeProto attribute in proto.Attribute) written.Attribute.Add(ToProto(attribute, node, ref next));
        return written;
    }

    public static ValueInfoProto ToProto(string name, TensorType? type)
    {
        var info = new ValueInfoProto { Name = name };
        if (type is null) return info;
        info.Type = new TypeProto { TensorType = new() { ElemType = (int)type.ElementType } };
        if (type.Shape is not { } shape) return info;
        info.Type.TensorType.Shape = new TensorShapeProto();
        foreach (Dimension dimension in shape)
        {
            var dim = new TensorShapeProto.Types.Dimension();
            if (dimension.Length is { } length) dim.DimValue = length;
            else if (dimension.Symbol is { } symbol) dim.DimParam = symbol;
            info.Type.TensorType.Shape.Dim.Add(dim);
        }
        return info;
    }

    private static AttributeProto ToProto(AttributeProto attribute, Node node, ref int nextNested)
    {
        if (attribute.G is null && attribute.Graphs.Count == 0) return attribute;
        AttributeProto written = attribute.Clone();
        if (attribute.G is not null) written.G = ToProto(node.NestedGraphs[nextNested++]);
        for (int i = 0; i < attribute.Graphs.Count; i++) written.Graphs[i] = ToProto(node.NestedGraphs[nextNested++]);
        return written;
    }

    private static NodeProto ShellOf(NodeProto proto)
    {
        NodeProto shell = proto.Clone();
        shell.Input.Clear();
        shell.Output.Clear();
        shell.Attribute.Clear();
        return shell;
    }
}
