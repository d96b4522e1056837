namespace AdaBN.Distributed;

/// <summary>What processes tell each other, as bytes, little-endian, every bit kept.</summary>
internal static class Records
{
    public static void Write(BinaryWriter writer, double[] numbers)
    {
        writer.Write(numbers.Length);
        foreach (double number in numbers) writer.Write(number);
    }

    public static double[] ReadNumbers(BinaryReader reader)
    {
        var numbers = new double[CheckedLength(reader, sizeof(double))];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = reader.ReadDouble();
        return numbers;
    }

    private static int CheckedLength(BinaryReader reader, int size)
    {
        int length = reader.ReadInt32();
        return length >= 0 && length <= (reader.BaseStream.Length - reader.BaseStream.Position) / size ? length : throw new EndOfStreamException();
    }

    public static void Write(BinaryWriter writer, float[] numbers)
    {
        writer.Write(numbers.Length);
        foreach (float number in numbers) writer.Write(number);
    }

    public static float[] ReadSingles(BinaryReader reader)
    {
        var numbers = new float[CheckedLength(reader, sizeof(float))];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = reader.ReadSingle();
        return numbers;
    }
}
