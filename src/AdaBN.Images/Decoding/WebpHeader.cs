using System.Buffers.Binary;

namespace AdaBN.Images.Decoding;

/// <summary>The frame of a WebP: a RIFF container that tells its length (RFC 9649, section 2.4).</summary>
internal static class WebpHeader
{
    /// <summary>Bytes to tell it by.</summary>
    public const int Length = 12;

    public static bool IsWebp(ReadOnlySpan<byte> file) => file.Length >= Length && file.StartsWith("RIFF"u8) && file[8..Length].SequenceEqual("WEBP"u8);

    /// <summary>Refuses a file that is cut.</summary>
    public static void Check(ReadOnlySpan<byte> file)
    {
        const int frame = 8;
        if (BinaryPrimitives.ReadUInt32LittleEndian(file[4..]) > file.Length - frame) throw ImageDecoder.Damaged($"the file ends before its container does; was it copied completely?");
    }
}
