using System.Buffers.Binary;

namespace AdaBN.Onnx;

/// <summary>The numbers behind <see cref="ElementType"/>: rounding, reading and writing (little-endian, as onnx.proto's raw_data).</summary>
public static class ElementTypes
{
    private const int BrainShift = 16;

    /// <summary>Whether the elements are floating-point numbers that this library reads and writes.</summary>
    public static bool IsFloatingPoint(this ElementType type) => type is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16;

    /// <summary>The nearest number the type holds; infinity where the number is beyond it.</summary>
    /// <param name="type">A floating-point type.</param>
    /// <param name="number">The number.</param>
    public static double Round(this ElementType type, double number) => type switch
    {
        ElementType.Double => number,
        ElementType.Float => (float)number,
        ElementType.Float16 => (double)(Half)number,
        ElementType.BFloat16 => FromBrain(ToBrain(number)),
        _ => throw NoFloat(type),
    };

    /// <summary>Bytes of an element; 0 where the type has no fixed width.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.Bool or ElementType.Int8 or ElementType.UInt8 => 1,
        ElementType.Int16 or ElementType.UInt16 or ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.Float or ElementType.Int32 or ElementType.UInt32 => 4,
        ElementType.Double or ElementType.Int64 or ElementType.UInt64 => 8,
        _ => 0,
    };

    /// <summary>Reads numbers, truth values as 0 and 1; null for a type that holds no plain numbers.</summary>
    /// <param name="type">Type of the elements.</param>
    /// <param name="bytes">The elements.</param>
    public static double[]? Read(this ElementType type, ReadOnlySpan<byte> bytes)
    {
        int size = type.Size();
        if (size == 0) return null;
        var numbers = new double[bytes.Length / size];
        for (int i = 0; i < numbers.Length; i++)
        {
            ReadOnlySpan<byte> element = bytes.Slice(i * size, size);
            numbers[i] = type switch
            {
                ElementType.Float => BinaryPrimitives.ReadSingleLittleEndian(element),
                ElementType.Double => BinaryPrimitives.ReadDoubleLittleEndian(element),
                ElementType.Float16 => (double)BinaryPrimitives.ReadHalfLittleEndian(element),
                ElementType.BFloat16 => FromBrain(BinaryPrimitives.ReadUInt16LittleEndian(element)),
                ElementType.Int8 => (sbyte)element[0],
                ElementType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(element),
                ElementType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(element),
                ElementType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(element),
                ElementType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(element),
                ElementType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(element),
                ElementType.UInt64 => BinaryPrimitives.ReadUInt64LittleEndian(element),
                _ => element[0],
            };
        }
        return numbers;
    }

    /// <summary>Writes numbers, each rounded to the nearest the type holds.</summary>
    /// <param name="type">A floating-point type.</param>
    /// <param name="numbers">The numbers.</param>
    public static byte[] Write(this ElementType type, ReadOnlySpan<double> numbers)
    {
        int size = type.IsFloatingPoint() ? type.Size() : throw NoFloat(type);
        var bytes = new byte[numbers.Length * size];
        for (int i = 0; i < numbers.Length; i++)
        {
            Span<byte> element = bytes.AsSpan(i * size, size);
            if (type == ElementType.Float) BinaryPrimitives.WriteSingleLittleEndian(element, (float)numbers[i]);
            else if (type == ElementType.Double) BinaryPrimitives.WriteDoubleLittleEndian(element, numbers[i]);
            else if (type == ElementType.Float16) BinaryPrimitives.WriteHalfLittleEndian(element, (Half)numbers[i]);
            else BinaryPrimitives.WriteUInt16LittleEndian(element, ToBrain(numbers[i]));
        }
        return bytes;
    }

    private static double FromBrain(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << BrainShift);

    /// <summary>The upper half of a float32, rounded to nearest, ties to even; NaN keeps a bit that makes it one.</summary>
    private static ushort ToBrain(double number)
    {
        uint bits = BitConverter.SingleToUInt32Bits((float)number);
        if (double.IsNaN(number)) return (ushort)((bits >> BrainShift) | 1);
        return (ushort)((bits + 0x7FFF + ((bits >> BrainShift) & 1)) >> BrainShift);
    }

    private static ArgumentOutOfRangeException NoFloat(ElementType type) => new(nameof(type), type, "Expected a floating-point type.");
}
