using System.Buffers.Binary;

namespace AdaBN.Images.Decoding;

/// <summary>The headers of Windows and OS/2 bitmaps. What lies behind is for the decoder.</summary>
internal static class BmpHeader
{
    private const int FileHeader = 14, CoreHeader = 12;
    private const uint Uncompressed = 0, BitFields = 3, AlphaBitFields = 6;

    public static ReadOnlySpan<byte> Signature => "BM"u8;

    /// <summary>Refuses a file that is cut, or packed: then its size would not tell how many pixels it holds.</summary>
    public static void Check(ReadOnlySpan<byte> file)
    {
        uint start = BinaryPrimitives.ReadUInt32LittleEndian(file[10..]);
        ReadOnlySpan<byte> header = file[FileHeader..];
        bool isCore = BinaryPrimitives.ReadInt32LittleEndian(header) == CoreHeader;
        long width = isCore ? BinaryPrimitives.ReadUInt16LittleEndian(header[4..]) : BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        long height = isCore ? BinaryPrimitives.ReadUInt16LittleEndian(header[6..]) : Math.Abs((long)BinaryPrimitives.ReadInt32LittleEndian(header[8..])); // below 0: rows from the top
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(header[(isCore ? 10 : 14)..]);
        uint compression = isCore ? Uncompressed : BinaryPrimitives.ReadUInt32LittleEndian(header[16..]);
        ImageDecoder.CheckSize(width, height);
        if (compression is not (Uncompressed or BitFields or AlphaBitFields)) throw new InvalidDataException($"its pixels are compressed (BMP compression {compression}), which is not read; save it as PNG");
        long stride = ((width * bits) + 31) / 32 * 4;
        if (start + (stride * height) > file.Length) throw ImageDecoder.Damaged($"{width} x {height} pixels of {bits} bits do not fit into its {file.Length} bytes; was it copied completely?");
    }
}
