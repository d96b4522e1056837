using AdaBN.Onnx.Serialization;
using Google.Protobuf;

namespace AdaBN.Onnx;

/// <summary>Writes a small model from scratch. Names are the caller's; only <see cref="Build"/> checks them.</summary>
public sealed class GraphBuilder
{
    private readonly ModelProto _model;

    /// <summary>Starts an empty model.</summary>
    /// <param name="irVersion">Version of the file format.</param>
    /// <param name="opsetImports">Operator sets: domain (empty for ONNX's own) to version.</param>
    public GraphBuilder(long irVersion, params IEnumerable<KeyValuePair<string, long>> opsetImports)
    {
        _model = new ModelProto { IrVersion = irVersion, Graph = new GraphProto { Name = "graph" } };
        _model.OpsetImport.AddRange(opsetImports.Select(import => new OperatorSetIdProto { Domain = import.Key, Version = import.Value }));
    }

    /// <summary>Declares an input.</summary>
    public GraphBuilder Input(string name, TensorType type)
    {
        _model.Graph.Input.Add(GraphWriter.ToProto(name, type));
        return this;
    }

    /// <summary>Declares an output; its type may be left to inference.</summary>
    public GraphBuilder Output(string name, TensorType? type = null)
    {
        _model.Graph.Output.Add(GraphWriter.ToProto(name, type));
        return this;
    }

    /// <summary>Adds a float32 initializer, row-major.</summary>
    public GraphBuilder Floats(string name, IReadOnlyList<long> dims, ReadOnlySpan<float> data)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)ElementType.Float, RawData = UnsafeByteOperations.UnsafeWrap(LittleEndian.ToBytes(data)) };
        tensor.Dims.Add(dims);
        _model.Graph.Initializer.Add(tensor);
        return this;
    }

    /// <summary>Adds a node.</summary>
    /// <param name="domain">The operator's domain; empty for ONNX's own.</param>
    /// <param name="opType">The operator.</param>
    /// <param name="inputs">Names of what it reads; empty for an input left out.</param>
    /// <param name="output">Name of what it computes.</param>
    /// <param name="attributesOf">A node whose attributes it shares, or null.</param>
    /// <param name="integers">Integer attributes to set beside or instead of those.</param>
    public GraphBuilder Node(string domain, string opType, IEnumerable<string> inputs, string output, Node? attributesOf = null, params IEnumerable<KeyValuePair<string, long[]>> integers)
    {
        var node = new NodeProto { Domain = domain, OpType = opType };
        node.Input.AddRange(inputs);
        node.Output.Add(output);
        Dictionary<string, long[]> own = integers.ToDictionary();
        if (attributesOf is not null) node.Attribute.AddRange(attributesOf.Proto.Attribute.Where(attribute => !own.ContainsKey(attribute.Name)));
        foreach ((string name, long[] values) in own)
        {
            var attribute = new AttributeProto { Name = name };
            const int intType = 2, intsType = 7;
            if (values is [var single])
            {
                (attribute.I, attribute.Type) = (single, intType);
            }
            else
            {
                attribute.Ints.AddRange(values);
                attribute.Type = intsType;
            }
            node.Attribute.Add(attribute);
        }
        _model.Graph.Node.Add(node);
        return this;
    }

    /// <summary>The model.</summary>
    /// <exception cref="OnnxModelException">A name is defined twice or not at all.</exception>
    public OnnxModel Build() => OnnxModel.FromBytes(ToBytes());

    /// <summary>The model's file, for those who only pass it on.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = GC.AllocateUninitializedArray<byte>(_model.CalculateSize());
        _model.WriteTo(bytes.AsSpan());
        return bytes;
    }
}
