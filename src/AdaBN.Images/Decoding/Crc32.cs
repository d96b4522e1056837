namespace AdaBN.Images.Decoding;

/// <summary>The check sum of PNG's chunks (W3C PNG specification, annex D).</summary>
internal static class Crc32
{
    private static readonly uint[] _table = [.. Enumerable.Range(0, 256).Select(i => Enumerable.Range(0, 8).Aggregate((uint)i, (c, _) => (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1))];

    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes) crc = _table[(byte)(crc ^ value)] ^ (crc >> 8);
        return ~crc;
    }
}
