using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using AdaBN.Onnx.Serialization;
using Google.Protobuf;

namespace AdaBN.Onnx;

/// <summary>A constant tensor of a graph. Immutable: <see cref="GraphEditor"/> puts another in its place.</summary>
public sealed class Initializer
{
    internal Initializer(Value value, TensorProto proto)
    {
        Value = value;
        Proto = proto;
        Dims = [.. proto.Dims];
    }

    internal TensorProto Proto { get; }

    /// <summary>The value that carries this data.</summary>
    public Value Value { get; }

    /// <summary>Its name.</summary>
    public string Name => Value.Name;

    /// <summary>Type of its elements.</summary>
    public ElementType ElementType => (ElementType)Proto.DataType;

    /// <summary>Length of each axis; empty for a scalar.</summary>
    public ImmutableArray<long> Dims { get; }

    /// <summary>Bytes of its data as stored.</summary>
    public long ByteLength => ExternalData.IsIn(Proto) ? ExternalData.Of(Proto).Length : Proto.HasRawData ? Proto.RawData.Length : Proto.CalculateSize();

    /// <summary>The stored tensor as the file holds it: name, shape, type and data (or where it lies outside), byte for byte.</summary>
    public byte[] ToSerializedBytes() => Proto.ToByteArray();

    /// <summary>The elements as float32, row-major.</summary>
    /// <exception cref="OnnxModelException">The elements are of another type, or fewer or more than the shape says.</exception>
    public float[] ToFloatArray()
    {
        ReadOnlySpan<byte> raw = RawElements(ElementType.Float);
        return IsRaw ? LittleEndian.ToFloats(raw) : [.. Proto.FloatData];
    }

    /// <summary>The elements as float32, row-major; the stored bytes themselves where the machine reads them as they are.</summary>
    /// <exception cref="OnnxModelException">The elements are of another type, or fewer or more than the shape says.</exception>
    public ReadOnlySpan<float> AsFloats()
    {
        ReadOnlySpan<byte> raw = RawElements(ElementType.Float);
        return IsRaw && BitConverter.IsLittleEndian ? MemoryMarshal.Cast<byte, float>(raw) : ToFloatArray();
    }

    /// <summary>The elements as int64, row-major.</summary>
    /// <exception cref="OnnxModelException">The elements are of another type, or fewer or more than the shape says.</exception>
    public long[] ToIntegerArray()
    {
        ReadOnlySpan<byte> raw = RawElements(ElementType.Int64);
        if (!IsRaw) return [.. Proto.Int64Data];
        var integers = new long[raw.Length / sizeof(long)];
        for (int i = 0; i < integers.Length; i++) integers[i] = BinaryPrimitives.ReadInt64LittleEndian(raw[(i * sizeof(long))..]);
        return integers;
    }

    /// <summary>The elements as double, row-major, whatever floating-point type they are stored in.</summary>
    /// <exception cref="OnnxModelException">The elements are no floating-point numbers, or fewer or more than the shape says.</exception>
    public double[] ToDoubleArray()
    {
        if (!ElementType.IsFloatingPoint()) throw new OnnxModelException($"Initializer '{Name}' holds {ElementType} elements, expected floating-point numbers.");
        ReadOnlySpan<byte> raw = RawElements(ElementType);
        if (IsRaw) return ElementType.Read(raw)!;
        return ElementType switch
        {
            ElementType.Float => [.. Proto.FloatData.Select(element => (double)element)],
            ElementType.Double => [.. Proto.DoubleData],
            // 16-bit types are listed by their bit patterns (onnx.proto, TensorProto.int32_data).
            _ => ElementType.Read(Proto.Int32Data.SelectMany(bits => (byte[])[(byte)bits, (byte)(bits >> 8)]).ToArray())!,
        };
    }

    /// <summary>A copy for another value (or the same) with other data, in another type where one is given; all else the tensor carries is kept.</summary>
    internal Initializer With(Value value, ReadOnlySpan<double> data, ElementType? type = null)
    {
        TensorProto proto = Proto.Clone();
        proto.Name = value.Name;
        proto.DataType = (int)(type ?? ElementType);
        proto.FloatData.Clear();
        proto.Int32Data.Clear();
        proto.DoubleData.Clear();
        ExternalData.Remove(proto);
        proto.RawData = UnsafeByteOperations.UnsafeWrap((type ?? ElementType).Write(data));
        return new Initializer(value, proto);
    }

    /// <summary>The same data for another value.</summary>
    internal Initializer For(Value value)
    {
        TensorProto proto = Proto.Clone();
        proto.Name = value.Name;
        return new Initializer(value, proto);
    }

    private bool IsRaw => Proto.HasRawData || ExternalData.IsIn(Proto);

    /// <summary>The raw bytes, as many as the shape says: <see cref="TensorShape.Check"/> and <see cref="ExternalData.Of"/> have seen to that.</summary>
    private ReadOnlySpan<byte> RawElements(ElementType expected)
    {
        if (ElementType != expected) throw new OnnxModelException($"Initializer '{Name}' holds {ElementType} elements, expected {expected}.");
        return ExternalData.IsIn(Proto) ? Value.Graph.Folder!.Read(Proto) : Proto.RawData.Span;
    }
}
