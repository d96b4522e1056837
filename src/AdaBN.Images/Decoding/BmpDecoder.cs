using System.Buffers.Binary;
using System.Numerics;

namespace AdaBN.Images.Decoding;

/// <summary>Windows and OS/2 bitmaps without compression: 1, 4, 8, 16, 24 and 32 bits a pixel, bit fields, rows from the bottom or the top. Transparency is left out.</summary>
internal static class BmpDecoder
{
    private const int FileHeader = 14, CoreHeader = 12, InfoHeader = 40;
    private const uint Uncompressed = 0, BitFields = 3, AlphaBitFields = 6;

    public static ReadOnlySpan<byte> Signature => "BM"u8;

    public static Picture Decode(ReadOnlySpan<byte> file)
    {
        int start = BinaryPrimitives.ReadInt32LittleEndian(file[10..]), headerLength = BinaryPrimitives.ReadInt32LittleEndian(file[FileHeader..]);
        ReadOnlySpan<byte> header = file[FileHeader..];
        bool isCore = headerLength == CoreHeader;
        if (!isCore && headerLength is < InfoHeader or > 1024) throw ImageDecoder.Damaged($"its header has {headerLength} bytes");
        long width = isCore ? BinaryPrimitives.ReadUInt16LittleEndian(header[4..]) : BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        long height = isCore ? BinaryPrimitives.ReadUInt16LittleEndian(header[6..]) : BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(header[(isCore ? 10 : 14)..]);
        uint compression = isCore ? Uncompressed : BinaryPrimitives.ReadUInt32LittleEndian(header[16..]);
        bool isTopDown = height < 0;
        height = Math.Abs(height);
        ImageDecoder.CheckSize(width, height);
        if (compression is not (Uncompressed or BitFields or AlphaBitFields)) throw new InvalidDataException($"its pixels are compressed (BMP compression {compression}), which is not read; save it as PNG");
        if (bits is not (1 or 4 or 8 or 16 or 24 or 32)) throw ImageDecoder.Damaged($"it has {bits} bits a pixel");

        long stride = ((width * bits) + 31) / 32 * 4;
        if (start < FileHeader || start + (stride * height) > file.Length) throw ImageDecoder.Damaged($"{width} x {height} pixels of {bits} bits do not fit into its {file.Length} bytes; was it copied completely?");
        int paletteAt = FileHeader + headerLength, entryBytes = isCore ? 3 : 4;
        ReadOnlySpan<byte> palette = bits <= 8 && start > paletteAt ? file[paletteAt..start] : [];
        (uint red, uint green, uint blue) = compression == Uncompressed
            ? bits == 16 ? (0x7C00u, 0x03E0u, 0x001Fu) : (0xFF0000u, 0x00FF00u, 0x0000FFu)
            : (BinaryPrimitives.ReadUInt32LittleEndian(header[40..]), BinaryPrimitives.ReadUInt32LittleEndian(header[44..]), BinaryPrimitives.ReadUInt32LittleEndian(header[48..]));

        var pixels = new byte[width * height * Picture.Rgb];
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> row = file.Slice(start + (int)(stride * (isTopDown ? y : height - 1 - y)), (int)stride);
            for (int x = 0; x < width; x++)
            {
                Span<byte> pixel = pixels.AsSpan((int)((y * width) + x) * Picture.Rgb, Picture.Rgb);
                if (bits == 24)
                {
                    (pixel[0], pixel[1], pixel[2]) = (row[(3 * x) + 2], row[(3 * x) + 1], row[3 * x]);
                }
                else if (bits > 8)
                {
                    uint value = bits == 16 ? BinaryPrimitives.ReadUInt16LittleEndian(row[(2 * x)..]) : BinaryPrimitives.ReadUInt32LittleEndian(row[(4 * x)..]);
                    (pixel[0], pixel[1], pixel[2]) = (Field(value, red), Field(value, green), Field(value, blue));
                }
                else
                {
                    int bit = x * bits, entry = (row[bit / 8] >> (8 - bits - (bit % 8))) & ((1 << bits) - 1);
                    if ((entry + 1) * entryBytes > palette.Length) throw ImageDecoder.Damaged($"a pixel has colour {entry} of a palette of {palette.Length / entryBytes}");
                    (pixel[0], pixel[1], pixel[2]) = (palette[(entry * entryBytes) + 2], palette[(entry * entryBytes) + 1], palette[entry * entryBytes]);
                }
            }
        }
        return new Picture((int)width, (int)height, Picture.Rgb, pixels);
    }

    /// <summary>A field of any width, spread over 0 to 255.</summary>
    private static byte Field(uint value, uint mask)
    {
        if (mask == 0) return 0;
        int shift = BitOperations.TrailingZeroCount(mask);
        ulong most = mask >> shift;
        return (byte)(((value & mask) >> shift) * byte.MaxValue / most);
    }
}
