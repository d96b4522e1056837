using AdaBN.Onnx.Serialization;

namespace AdaBN.Onnx;

/// <summary>Copies nodes under other names, bodies included; names that bodies define themselves are renamed too.</summary>
/// <param name="rename">The new name of a value; never asked about the empty name, which means "left out".</param>
/// <param name="bind">The attribute to put where a function's body refers to one of its call's; null leaves it out.</param>
internal sealed class Renaming(Func<string, string> rename, Func<AttributeProto, AttributeProto?> bind)
{
    public NodeProto Copy(NodeProto node)
    {
        NodeProto copy = node.Clone();
        for (int i = 0; i < copy.Input.Count; i++) copy.Input[i] = Rename(copy.Input[i]);
        for (int i = 0; i < copy.Output.Count; i++) copy.Output[i] = Rename(copy.Output[i]);
        copy.Attribute.Clear();
        copy.Attribute.AddRange(node.Attribute.Select(Copy).OfType<AttributeProto>());
        return copy;
    }

    public TensorProto Copy(TensorProto tensor)
    {
        TensorProto copy = tensor.Clone();
        copy.Name = Rename(tensor.Name);
        return copy;
    }

    private AttributeProto? Copy(AttributeProto attribute)
    {
        if (attribute.RefAttrName.Length > 0) return bind(attribute);
        if (attribute.G is null && attribute.Graphs.Count == 0) return attribute;
        AttributeProto copy = attribute.Clone();
        if (attribute.G is not null) copy.G = Copy(attribute.G);
        for (int i = 0; i < attribute.Graphs.Count; i++) copy.Graphs[i] = Copy(attribute.Graphs[i]);
        return copy;
    }

    private GraphProto Copy(GraphProto graph)
    {
        GraphProto copy = graph.Clone();
        for (int i = 0; i < graph.Node.Count; i++) copy.Node[i] = Copy(graph.Node[i]);
        for (int i = 0; i < graph.Initializer.Count; i++) copy.Initializer[i] = Copy(graph.Initializer[i]);
        foreach (SparseTensorProto sparse in copy.SparseInitializer) sparse.Values.Name = Rename(sparse.Values.Name);
        foreach (ValueInfoProto info in copy.Input.Concat(copy.Output).Concat(copy.ValueInfo)) info.Name = Rename(info.Name);
        return copy;
    }

    private string Rename(string name) => name.Length == 0 ? name : rename(name);
}
