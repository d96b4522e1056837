using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms.Onnx;

/// <summary>
/// The types of a model's inputs and outputs as its file declares them. ONNX Runtime's own metadata will not do: it may know more
/// than the file says, and ML.NET goes by the file. Reads just the few protobuf fields that this takes, skipping all else.
/// </summary>
internal sealed class OnnxSignature
{
    // Field numbers of onnx.proto: ModelProto.graph, GraphProto.input and .output, and so on down.
    private const int Graph = 7, GraphInput = 11, GraphOutput = 12, ValueName = 1, ValueType = 2, TensorType = 1, ElementType = 1,
        TensorShape = 2, ShapeDimension = 1, DimensionValue = 1;

    private static readonly Dictionary<int, PrimitiveDataViewType> ItemTypes = new()
    {
        [1] = NumberDataViewType.Single,
        [2] = NumberDataViewType.Byte,
        [3] = NumberDataViewType.SByte,
        [4] = NumberDataViewType.UInt16,
        [5] = NumberDataViewType.Int16,
        [6] = NumberDataViewType.Int32,
        [7] = NumberDataViewType.Int64,
        [8] = TextDataViewType.Instance,
        [9] = BooleanDataViewType.Instance,
        [11] = NumberDataViewType.Double,
        [12] = NumberDataViewType.UInt32,
        [13] = NumberDataViewType.UInt64,
    };

    internal Dictionary<string, DataViewType> Inputs { get; } = [];

    internal Dictionary<string, DataViewType> Outputs { get; } = [];

    internal static OnnxSignature Read(string modelFile)
    {
        using var stream = File.OpenRead(modelFile);
        var signature = new OnnxSignature();
        var fields = new ProtobufFields(stream, stream.Length);
        while (fields.Next())
        {
            if (fields.Number == Graph)
                signature.ReadGraph(fields.Message());
        }

        return signature;
    }

    private void ReadGraph(ProtobufFields graph)
    {
        while (graph.Next())
        {
            if (graph.Number == GraphInput)
                AddValue(graph.Message(), Inputs);
            else if (graph.Number == GraphOutput)
                AddValue(graph.Message(), Outputs);
        }
    }

    private static void AddValue(ProtobufFields value, Dictionary<string, DataViewType> types)
    {
        string name = "";
        DataViewType type = null;
        while (value.Next())
        {
            if (value.Number == ValueName)
                name = value.Text();
            else if (value.Number == ValueType)
                type = ReadType(value.Message());
        }

        types[name] = type;
    }

    private static DataViewType ReadType(ProtobufFields type)
    {
        while (type.Next())
        {
            if (type.Number == TensorType)
                return ReadTensorType(type.Message());
        }

        throw new NotSupportedException("The ML.NET stand-in knows tensors only: no sequences or maps.");
    }

    private static DataViewType ReadTensorType(ProtobufFields tensor)
    {
        int element = 0;
        List<int> shape = null;
        while (tensor.Next())
        {
            if (tensor.Number == ElementType)
                element = (int)tensor.Integer();
            else if (tensor.Number == TensorShape)
                shape = ReadShape(tensor.Message());
        }

        Check.State(ItemTypes.TryGetValue(element, out var item), $"ONNX element type {element} has no column type.");
        // Like ML.NET, no way is known to treat a tensor of unknown rank.
        if (shape == null)
            throw new NullReferenceException("The model file declares an input or output without a shape.");
        if (shape.Count == 0)
            return item;
        // The first dimension is the batch; rows go one by one. Any other unknown one makes the whole size unknown.
        if (shape[0] <= 0)
            shape[0] = 1;
        return shape.Contains(0) ? new VectorDataViewType(item, 0) : new VectorDataViewType(item, shape.ToArray());
    }

    private static List<int> ReadShape(ProtobufFields shape)
    {
        var lengths = new List<int>();
        while (shape.Next())
        {
            if (shape.Number != ShapeDimension)
                continue;
            long length = 0;
            var dimension = shape.Message();
            while (dimension.Next())
                length = dimension.Number == DimensionValue ? dimension.Integer() : length;
            Check.Parameter(length <= int.MaxValue, nameof(shape), $"A dimension of {length} is too long.");
            lengths.Add((int)Math.Max(length, 0));
        }

        return lengths;
    }
}
