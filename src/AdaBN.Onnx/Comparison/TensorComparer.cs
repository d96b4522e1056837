using AdaBN.Onnx.Serialization;
using Google.Protobuf;

namespace AdaBN.Onnx.Comparison;

/// <summary>Compares two initializers of one name.</summary>
internal static class TensorComparer
{
    private const long ExactInteger = 1L << 53; // a double holds all of them up to here

    public static string Form(Initializer tensor) => FormattableString.Invariant($"{tensor.ElementType} [{string.Join(", ", tensor.Dims)}]");

    /// <summary>How they differ; null where they are stored alike, byte for byte.</summary>
    public static TensorDifference? Compare(Initializer first, Initializer second, string? where)
    {
        bool isStoredAlike = first.Proto.RawData.Equals(second.Proto.RawData) && StoredBytes.AreSame(WithoutData(first), WithoutData(second));
        if (isStoredAlike && (!ExternalData.IsIn(first.Proto) || Outside(first).SequenceEqual(Outside(second)))) return null;
        var difference = new TensorDifference(first.Name, where, DifferenceKind.Changed, Form(first), Form(second)) { Stored = (first, second) };
        if (first.ElementType != second.ElementType || !first.Dims.SequenceEqual(second.Dims)) return difference;
        if (Numbers(first) is not { } before || Numbers(second) is not { } after) return difference;
        (long differing, double largest, double sum) = (0, 0, 0);
        for (int i = 0; i < before.Length; i++)
        {
            if (BitConverter.DoubleToInt64Bits(before[i]) == BitConverter.DoubleToInt64Bits(after[i])) continue;
            double distance = Math.Abs(before[i] - after[i]);
            if (double.IsNaN(distance)) distance = double.PositiveInfinity;
            differing++;
            largest = Math.Max(largest, distance);
            sum += distance;
        }
        return difference with { Elements = before.Length, Differing = differing, Largest = largest, Mean = before.Length == 0 ? 0 : sum / before.Length };
    }

    private static TensorProto WithoutData(Initializer tensor)
    {
        TensorProto proto = tensor.Proto.Clone();
        if (proto.HasRawData) proto.RawData = ByteString.Empty;
        return proto;
    }

    private static ReadOnlySpan<byte> Outside(Initializer tensor) => tensor.Value.Graph.Folder!.Read(tensor.Proto);

    private static double[]? Numbers(Initializer tensor) => tensor.ElementType switch
    {
        ElementType.Int64 when tensor.ToIntegerArray() is var integers && integers.All(number => number is >= -ExactInteger and <= ExactInteger) => [.. integers.Select(number => (double)number)],
        var type when type.IsFloatingPoint() => tensor.ToDoubleArray(),
        _ => null,
    };
}
