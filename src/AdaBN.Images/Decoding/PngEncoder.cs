using System.Buffers.Binary;
using System.IO.Compression;

namespace AdaBN.Images.Decoding;

/// <summary>PNG of 8 bits, grey or RGB, rows unfiltered.</summary>
internal static class PngEncoder
{
    public static void Write(Stream stream, Picture picture)
    {
        Span<byte> header = stackalloc byte[13];
        header.Clear();
        BinaryPrimitives.WriteInt32BigEndian(header, picture.Width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], picture.Height);
        (header[8], header[9]) = (8, (byte)(picture.Channels == Picture.Gray ? 0 : 2));
        using var rows = new MemoryStream();
        using (var packed = new ZLibStream(rows, CompressionLevel.Optimal, leaveOpen: true))
        {
            int stride = picture.Width * picture.Channels;
            for (int y = 0; y < picture.Height; y++)
            {
                packed.WriteByte(0);
                packed.Write(picture.Pixels.AsSpan(y * stride, stride));
            }
        }
        stream.Write(PngDecoder.Signature);
        WriteChunk(stream, [.. "IHDR"u8, .. header]);
        WriteChunk(stream, [.. "IDAT"u8, .. rows.ToArray()]);
        WriteChunk(stream, [.. "IEND"u8]);
    }

    private static void WriteChunk(Stream stream, byte[] typeAndContent)
    {
        Span<byte> number = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteInt32BigEndian(number, typeAndContent.Length - sizeof(uint));
        stream.Write(number);
        stream.Write(typeAndContent);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.Of(typeAndContent));
        stream.Write(number);
    }
}
