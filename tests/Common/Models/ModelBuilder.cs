using System.Runtime.InteropServices;
using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using Google.Protobuf;

namespace AdaBN.TestSupport;

/// <summary>Small ONNX models written field by field, for forms that no exporter at hand produces.</summary>
internal sealed class ModelBuilder
{
    private readonly ModelProto _model;

    public ModelBuilder(long opset = 13, long irVersion = 7)
    {
        _model = new ModelProto { IrVersion = irVersion, ProducerName = "tests", Graph = new GraphProto { Name = "g" } };
        _model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
    }

    public ModelProto Proto => _model;

    public GraphProto Graph => _model.Graph;

    public ModelBuilder Input(string name, params long[] dims) => Input(name, ElementType.Float, dims);

    /// <summary>Negative lengths are left open.</summary>
    public ModelBuilder Input(string name, ElementType type, params long[] dims)
    {
        Graph.Input.Add(Info(name, type, dims));
        return this;
    }

    public ModelBuilder Output(string name, params long[] dims)
    {
        Graph.Output.Add(Info(name, ElementType.Float, dims));
        return this;
    }

    public ModelBuilder Floats(string name, long[] dims, params float[] data)
    {
        Graph.Initializer.Add(Tensor(name, dims, data));
        return this;
    }

    public ModelBuilder Node(string opType, string[] inputs, string[] outputs, params AttributeProto[] attributes)
    {
        Graph.Node.Add(NodeOf(opType, inputs, outputs, attributes));
        return this;
    }

    /// <summary>BatchNormalization with scale 1, bias 0, mean 0, variance 1; parameters are named after the output.</summary>
    public ModelBuilder BatchNorm(string input, string output, int channels, params AttributeProto[] attributes)
    {
        Floats($"{output}.scale", [channels], Filled(channels, 1)).Floats($"{output}.bias", [channels], Filled(channels, 0));
        Floats($"{output}.mean", [channels], Filled(channels, 0)).Floats($"{output}.var", [channels], Filled(channels, 1));
        return Node("BatchNormalization", [input, $"{output}.scale", $"{output}.bias", $"{output}.mean", $"{output}.var"], [output], attributes);
    }

    public byte[] ToBytes() => _model.ToByteArray();

    public OnnxModel Build() => OnnxModel.FromBytes(ToBytes());

    public static NodeProto NodeOf(string opType, string[] inputs, string[] outputs, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = opType };
        node.Input.Add(inputs);
        node.Output.Add(outputs);
        node.Attribute.Add(attributes);
        return node;
    }

    public static AttributeProto Int(string name, long value) => new() { Name = name, I = value, Type = 2 };

    public static AttributeProto Ints(string name, params long[] values)
    {
        var attribute = new AttributeProto { Name = name, Type = 7 };
        attribute.Ints.Add(values);
        return attribute;
    }

    public static AttributeProto SubGraph(string name, GraphProto graph) => new() { Name = name, G = graph, Type = 5 };

    public static TensorProto Tensor(string name, long[] dims, params float[] data)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)ElementType.Float, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(data.AsSpan())) };
        tensor.Dims.Add(dims);
        return tensor;
    }

    public static float[] Filled(int count, float value) => [.. Enumerable.Repeat(value, count)];

    public static ValueInfoProto Info(string name, ElementType type, long[] dims)
    {
        var info = new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new() { ElemType = (int)type, Shape = new TensorShapeProto() } } };
        foreach (long dim in dims)
        {
            var dimension = new TensorShapeProto.Types.Dimension();
            if (dim >= 0) dimension.DimValue = dim;
            else dimension.DimParam = "N";
            info.Type.TensorType.Shape.Dim.Add(dimension);
        }
        return info;
    }
}
