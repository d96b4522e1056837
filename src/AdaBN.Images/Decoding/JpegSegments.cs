using System.Buffers.Binary;

namespace AdaBN.Images.Decoding;

/// <summary>The frame of a JPEG (ITU-T T.81, annex B): segments from SOI to EOI. What they hold is for the decoder.</summary>
internal static class JpegSegments
{
    private const int BlockSide = 8;
    private const int MostScans = 256; // each goes over the whole picture, and costs a file a few bytes only

    public static ReadOnlySpan<byte> Signature => [0xFF, 0xD8];

    /// <summary>Refuses a file that is cut, holds too little for its size, or would keep a decoder busy for ever.</summary>
    public static void Check(ReadOnlySpan<byte> file)
    {
        int scans = 0;
        ReadOnlySpan<byte> rest = file[Signature.Length..];
        while (true)
        {
            int at = rest.IndexOf((byte)0xFF); // passes over what is coded, and what some encoders leave between segments
            rest = at < 0 ? [] : rest[at..].TrimStart((byte)0xFF);
            if (rest.IsEmpty) throw ImageDecoder.Damaged($"the file ends before its end marker; was it copied completely?");
            int marker = rest[0];
            rest = rest[1..];
            if (marker == 0xD9) return;
            if (marker is 0 or 1 or (>= 0xD0 and <= 0xD8)) continue;
            int length = BinaryPrimitives.ReadUInt16BigEndian(rest);
            ReadOnlySpan<byte> segment = rest[2..length];
            rest = rest[length..];
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC)) CheckFrame(segment, rest.Length);
            if (marker == 0xDA && ++scans > MostScans) throw ImageDecoder.Damaged($"it has more than {MostScans} scans");
        }
    }

    private static void CheckFrame(ReadOnlySpan<byte> segment, long bytesLeft)
    {
        if (segment[0] != 8) throw new InvalidDataException($"it is a JPEG of {segment[0]} bits a colour, which is not read; save it with 8 bits");
        (long height, long width) = (BinaryPrimitives.ReadUInt16BigEndian(segment[1..]), BinaryPrimitives.ReadUInt16BigEndian(segment[3..]));
        ImageDecoder.CheckSize(width, height);
        // One component at least has all samples, and a block takes a bit or more, for its DC coefficient.
        long blocks = ((width + BlockSide - 1) / BlockSide) * ((height + BlockSide - 1) / BlockSide);
        if (blocks > bytesLeft * 8) throw ImageDecoder.Damaged($"it declares {width} x {height} pixels and holds data for fewer");
    }
}
