namespace AdaBN.Onnx.Serialization;

/// <summary>Every tensor that a stored model holds, wherever it stands: initializers, attributes, nested graphs, functions, training.</summary>
internal static class StoredTensors
{
    public static IEnumerable<TensorProto> Of(ModelProto model) =>
    [
        .. Of(model.Graph),
        .. model.Functions.SelectMany(function => function.Node.SelectMany(Of).Concat(function.AttributeProto.SelectMany(Of))),
        .. model.TrainingInfo.SelectMany(training => Of(training.Initialization).Concat(Of(training.Algorithm))),
    ];

    private static IEnumerable<TensorProto> Of(GraphProto? graph) => graph is null ? [] : graph.Initializer.Concat(graph.SparseInitializer.SelectMany(Of)).Concat(graph.Node.SelectMany(Of));

    private static IEnumerable<TensorProto> Of(NodeProto node) => node.Attribute.SelectMany(Of);

    private static IEnumerable<TensorProto> Of(AttributeProto attribute) =>
    [
        .. Of(attribute.T), .. attribute.Tensors, .. Of(attribute.SparseTensor), .. attribute.SparseTensors.SelectMany(Of),
        .. Of(attribute.G), .. attribute.Graphs.SelectMany(Of),
    ];

    private static IEnumerable<TensorProto> Of(SparseTensorProto? sparse) => sparse is null ? [] : Of(sparse.Values).Concat(Of(sparse.Indices));

    private static IEnumerable<TensorProto> Of(TensorProto? tensor) => tensor is null ? [] : [tensor];
}
