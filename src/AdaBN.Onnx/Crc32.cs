namespace AdaBN.Onnx;

/// <summary>The checksum of zip files (ISO 3309, polynomial 0x04C11DB7 bit by bit from the lowest); .NET's zip reader does not compare it.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(value => Enumerable.Range(0, 8).Aggregate((uint)value, (rest, _) => (rest >> 1) ^ ((rest & 1) * 0xEDB88320u)))];

    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes) crc = Table[(byte)(crc ^ value)] ^ (crc >> 8);
        return ~crc;
    }
}
