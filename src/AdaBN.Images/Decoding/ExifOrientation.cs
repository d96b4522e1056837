using System.Buffers.Binary;

namespace AdaBN.Images.Decoding;

/// <summary>The one entry of Exif that changes what a picture shows (Exif 2.32, 4.6.4): how the camera was held.</summary>
internal static class ExifOrientation
{
    public const int Upright = 1;
    private const int OrientationTag = 0x0112, ShortType = 3, EntryBytes = 12;

    /// <summary>Looks for it in a TIFF structure; what is damaged there says nothing.</summary>
    public static int Find(ReadOnlySpan<byte> tiff)
    {
        if (tiff.Length < 8) return Upright;
        bool isLittle = tiff.StartsWith("II"u8);
        if (!isLittle && !tiff.StartsWith("MM"u8)) return Upright;
        uint start = isLittle ? BinaryPrimitives.ReadUInt32LittleEndian(tiff[4..]) : BinaryPrimitives.ReadUInt32BigEndian(tiff[4..]);
        if (start > tiff.Length - 2) return Upright;
        ReadOnlySpan<byte> directory = tiff[(int)start..];
        int entries = Short(directory, isLittle);
        for (int i = 0; i < entries && 2 + ((i + 1) * EntryBytes) <= directory.Length; i++)
        {
            ReadOnlySpan<byte> entry = directory.Slice(2 + (i * EntryBytes), EntryBytes);
            if (Short(entry, isLittle) == OrientationTag && Short(entry[2..], isLittle) == ShortType) return Short(entry[8..], isLittle);
        }
        return Upright;
    }

    private static int Short(ReadOnlySpan<byte> bytes, bool isLittle) => isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
}
