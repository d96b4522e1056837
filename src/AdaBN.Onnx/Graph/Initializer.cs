using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
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

    /// <summary>A new vector.</summary>
    internal Initializer(Value value, ReadOnlySpan<float> data)
        : this(value, new TensorProto { Name = value.Name, DataType = (int)ElementType.Float, Dims = { data.Length }, RawData = UnsafeByteOperations.UnsafeWrap(LittleEndian.ToBytes(data)) })
    {
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
    public long ByteLength => Proto.HasRawData ? Proto.RawData.Length : Proto.CalculateSize();

    /// <summary>The stored tensor as the file holds it: name, shape, type and data, byte for byte.</summary>
    public byte[] ToSerializedBytes() => Proto.ToByteArray();

    /// <summary>The elements as float32, row-major.</summary>
    /// <exception cref="OnnxModelException">The elements are of another type, or fewer or more than the shape says.</exception>
    public float[] ToFloatArray()
    {
        ReadOnlySpan<byte> raw = RawElements(ElementType.Float, sizeof(float), Proto.FloatData.Count);
        if (!Proto.HasRawData) return [.. Proto.FloatData];
        return LittleEndian.ToFloats(raw);
    }

    /// <summary>The elements as float32, row-major; the stored bytes themselves where the machine reads them as they are.</summary>
    /// <exception cref="OnnxModelException">The elements are of another type, or fewer or more than the shape says.</exception>
    public ReadOnlySpan<float> AsFloats()
    {
        ReadOnlySpan<byte> raw = RawElements(ElementType.Float, sizeof(float), Proto.FloatData.Count);
        return Proto.HasRawData && BitConverter.IsLittleEndian ? MemoryMarshal.Cast<byte, float>(raw) : ToFloatArray();
    }

    /// <summary>The elements as int64, row-major.</summary>
    /// <exception cref="OnnxModelException">The elements are of another type, or fewer or more than the shape says.</exception>
    public long[] ToIntegerArray()
    {
        ReadOnlySpan<byte> raw = RawElements(ElementType.Int64, sizeof(long), Proto.Int64Data.Count);
        if (!Proto.HasRawData) return [.. Proto.Int64Data];
        var integers = new long[raw.Length / sizeof(long)];
        for (int i = 0; i < integers.Length; i++) integers[i] = BinaryPrimitives.ReadInt64LittleEndian(raw[(i * sizeof(long))..]);
        return integers;
    }

    /// <summary>A copy for another value (or the same) with other data; everything else the tensor carries is kept.</summary>
    internal Initializer With(Value value, ReadOnlySpan<float> data)
    {
        TensorProto proto = Proto.Clone();
        proto.Name = value.Name;
        proto.FloatData.Clear();
        proto.RawData = UnsafeByteOperations.UnsafeWrap(LittleEndian.ToBytes(data));
        return new Initializer(value, proto);
    }

    /// <summary>The raw bytes, after checking that type and number of elements, wherever they are stored, are what the shape says.</summary>
    private ReadOnlySpan<byte> RawElements(ElementType expected, int size, int listed)
    {
        if (ElementType != expected) throw new OnnxModelException($"Initializer '{Name}' holds {ElementType} elements, expected {expected}.");
        int bytes = Proto.HasRawData ? Proto.RawData.Length : listed * size;
        if (bytes % size != 0 || bytes / size != ElementCount())
        {
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture,
                $"Initializer '{Name}' of shape [{string.Join(", ", Dims)}] holds {(double)bytes / size} elements. The file is damaged; export the model again."));
        }
        return Proto.RawData.Span;
    }

    private long ElementCount()
    {
        long count = 1;
        foreach (long dim in Dims)
        {
            if (dim < 0 || (dim > 0 && count > long.MaxValue / dim))
                throw new OnnxModelException($"Initializer '{Name}' declares the impossible shape [{string.Join(", ", Dims)}]. The file is damaged; export the model again.");
            count *= dim;
        }
        return count;
    }
}
