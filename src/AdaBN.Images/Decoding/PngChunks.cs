using System.Buffers.Binary;

namespace AdaBN.Images.Decoding;

/// <summary>The frame of a PNG (W3C PNG specification, third edition): chunks from IHDR to IEND. What they hold is for the decoder.</summary>
internal static class PngChunks
{
    private const int ChunkFrame = 12;

    /// <summary>Deflate packs no more than 258 bytes into 2 bits.</summary>
    private const long LargestRatio = 1032;

    private static readonly byte[] _signature = [0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n'];

    public static ReadOnlySpan<byte> Signature => _signature;

    /// <summary>Refuses a file that is cut, or holds too little for its size; gives the orientation that its Exif tells.</summary>
    public static int Check(ReadOnlySpan<byte> file)
    {
        long packed = 0;
        int orientation = ExifOrientation.Upright;
        ReadOnlySpan<byte> header = [], rest = file[Signature.Length..];
        while (true)
        {
            if (rest.Length < ChunkFrame) throw ImageDecoder.Damaged($"the file ends before its last chunk; was it copied completely?");
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - ChunkFrame) throw ImageDecoder.Damaged($"the file ends within a chunk; was it copied completely?");
            ReadOnlySpan<byte> type = rest[4..8], content = rest.Slice(8, (int)length);
            if (header.IsEmpty) header = type.SequenceEqual("IHDR"u8) && length > 0 ? content : throw ImageDecoder.Damaged($"the first chunk is not IHDR");
            else if (type.SequenceEqual("IDAT"u8)) packed += length;
            else if (type.SequenceEqual("eXIf"u8)) orientation = ExifOrientation.Find(content);
            else if (type.SequenceEqual("IEND"u8)) break;
            rest = rest[(ChunkFrame + (int)length)..];
        }
        (long width, long height) = (BinaryPrimitives.ReadUInt32BigEndian(header), BinaryPrimitives.ReadUInt32BigEndian(header[4..]));
        ImageDecoder.CheckSize(width, height);
        int samples = header[9] switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 }; // by colour type
        if (((width * samples * header[8]) + 7) / 8 * height > packed * LargestRatio) throw ImageDecoder.Damaged($"it declares {width} x {height} pixels and holds data for fewer");
        return orientation;
    }
}
