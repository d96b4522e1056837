using System.Globalization;

namespace AdaBN.Onnx.Serialization;

/// <summary>What a stored tensor's shape and type ask of its data.</summary>
internal static class TensorShape
{
    /// <summary>Refuses a tensor whose data, stored in the model file, is not what its shape says.</summary>
    /// <exception cref="OnnxModelException">The shape is impossible, or the data too short or too long.</exception>
    public static void Check(TensorProto tensor)
    {
        long count = ElementCount(tensor);
        if (ExternalData.IsIn(tensor)) return;
        long? found = tensor.HasRawData ? tensor.RawData.Length : null, needed = tensor.HasRawData ? ByteCount(tensor) : null;
        if (!tensor.HasRawData && Listed(tensor) is { } listed) (found, needed) = (listed, count);
        if (needed is null || needed == found) return;
        throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture,
            $"Tensor '{tensor.Name}' of shape [{string.Join(", ", tensor.Dims)}] holds {found} {(tensor.HasRawData ? "bytes" : "elements")}, expected {needed}. The file is damaged; export the model again."));
    }

    /// <summary>Number of elements.</summary>
    /// <exception cref="OnnxModelException">A length is negative, or the number too large for any machine.</exception>
    public static long ElementCount(TensorProto tensor)
    {
        long count = 1;
        foreach (long dim in tensor.Dims)
        {
            if (dim < 0 || (dim > 0 && count > long.MaxValue / 256 / dim))
                throw new OnnxModelException($"Tensor '{tensor.Name}' declares the impossible shape [{string.Join(", ", tensor.Dims.Take(16))}]. The file is damaged; export the model again.");
            count *= dim;
        }
        return count;
    }

    /// <summary>Bytes of raw data; null for strings and types newer than this library.</summary>
    public static long? ByteCount(TensorProto tensor) => Bits(tensor.DataType) is { } bits ? ((ElementCount(tensor) * bits) + 7) / 8 : null;

    /// <summary>Elements in the list that the type is kept in (onnx.proto, TensorProto); null for types that this library does not read.</summary>
    private static int? Listed(TensorProto tensor) => (ElementType)tensor.DataType switch
    {
        ElementType.Float => tensor.FloatData.Count,
        ElementType.Double => tensor.DoubleData.Count,
        ElementType.Int64 => tensor.Int64Data.Count,
        ElementType.Float16 or ElementType.BFloat16 => tensor.Int32Data.Count,
        _ => null,
    };

    // Numbers of the format's TensorProto.DataType; those beyond ElementType are the float8 (17 to 20, 24) and the sub-byte types.
    private static int? Bits(int dataType) => (ElementType)dataType switch
    {
        ElementType.Complex64 => 64,
        ElementType.Complex128 => 128,
        (ElementType)17 or (ElementType)18 or (ElementType)19 or (ElementType)20 or (ElementType)24 => 8,
        (ElementType)21 or (ElementType)22 or (ElementType)23 => 4,
        var type => type.Size() is > 0 and var size ? 8 * size : null,
    };
}
