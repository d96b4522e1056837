using System.Buffers.Binary;
using System.IO.Compression;

namespace AdaBN.Benchmarks.Accuracy.Data;

/// <summary>Reads the one kind of PNG that the data comes in: 8-bit RGB, not interlaced (W3C PNG specification, sections 9 and 11).</summary>
internal static class PngFile
{
    private const int Signature = 8, ChunkFrame = 12, Channels = 3;

    /// <summary>Width, height and the pixels, row by row, three bytes each.</summary>
    public static (int Width, int Height, byte[] Pixels) Decode(ReadOnlySpan<byte> file, string name)
    {
        if (!file.StartsWith((ReadOnlySpan<byte>)[0x89, .. "PNG\r\n\x1a\n"u8])) throw new InvalidDataException($"{name} is no PNG file.");
        int width = 0, height = 0;
        using var compressed = new MemoryStream();
        for (ReadOnlySpan<byte> rest = file[Signature..]; rest.Length >= ChunkFrame;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - ChunkFrame) throw new InvalidDataException($"{name} is damaged: a chunk is longer than the file.");
            ReadOnlySpan<byte> type = rest[4..8], content = rest.Slice(8, (int)length);
            if (type.SequenceEqual("IHDR"u8))
            {
                if (!content[8..].SequenceEqual((ReadOnlySpan<byte>)[8, 2, 0, 0, 0])) throw new InvalidDataException($"{name} is no 8-bit RGB image without interlacing.");
                (width, height) = (BinaryPrimitives.ReadInt32BigEndian(content), BinaryPrimitives.ReadInt32BigEndian(content[4..]));
            }
            else if (type.SequenceEqual("IDAT"u8))
            {
                compressed.Write(content);
            }
            rest = rest[(ChunkFrame + (int)length)..];
        }
        if (width <= 0 || height <= 0) throw new InvalidDataException($"{name} is damaged: no IHDR chunk with a width and a height.");
        compressed.Position = 0;
        using var rows = new ZLibStream(compressed, CompressionMode.Decompress);
        return (width, height, Unfilter(rows, width * Channels, height, name));
    }

    private static byte[] Unfilter(Stream rows, int stride, int height, string name)
    {
        var pixels = new byte[stride * height];
        Span<byte> above = new byte[stride];
        for (int y = 0; y < height; y++)
        {
            int filter = rows.ReadByte();
            Span<byte> row = pixels.AsSpan(y * stride, stride);
            rows.ReadExactly(row);
            for (int i = 0; i < stride; i++)
            {
                int left = i < Channels ? 0 : row[i - Channels], corner = i < Channels ? 0 : above[i - Channels];
                row[i] += (byte)(filter switch
                {
                    0 => 0,
                    1 => left,
                    2 => above[i],
                    3 => (left + above[i]) / 2,
                    4 => Paeth(left, above[i], corner),
                    _ => throw new InvalidDataException($"{name} is damaged: row {y} has the unknown filter {filter}."),
                });
            }
            above = row;
        }
        return pixels;
    }

    private static int Paeth(int left, int above, int corner)
    {
        int toLeft = Math.Abs(above - corner), toAbove = Math.Abs(left - corner), toCorner = Math.Abs(left + above - (2 * corner));
        return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
    }
}
