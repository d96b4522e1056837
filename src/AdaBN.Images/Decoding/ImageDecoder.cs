using System.Globalization;
using AdaBN.Images.Decoding.Jpeg;

namespace AdaBN.Images.Decoding;

/// <summary>
/// PNG, JPEG and BMP, told apart by their first bytes. In managed code, so that the same file has the same pixels on every system, and that a hostile
/// one can do no more than fail.
/// </summary>
internal static class ImageDecoder
{
    /// <summary>A larger picture is refused: decoding takes up to 9 bytes a pixel.</summary>
    public const long MostPixels = 100_000_000;

    /// <summary>Decodes a file's content and turns it upright.</summary>
    /// <exception cref="InvalidDataException">It is none of these, of a kind that is not supported, or damaged; the message does not name the file.</exception>
    public static Picture Decode(ReadOnlySpan<byte> file)
    {
        try
        {
            if (file.IsEmpty) throw new InvalidDataException("the file is empty");
            if (file.StartsWith(PngDecoder.Signature)) return PngDecoder.Decode(file);
            if (file.StartsWith(JpegDecoder.Signature)) return JpegDecoder.Decode(file);
            if (file.StartsWith(BmpDecoder.Signature)) return BmpDecoder.Decode(file);
        }
        catch (Exception e) when (e is EndOfStreamException or ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            throw new InvalidDataException("damaged: a part of it reaches beyond its end; was it copied completely?", e);
        }
        throw new InvalidDataException($"it is {KindOf(file)}, expected PNG, JPEG or BMP");
    }

    /// <summary>Whether a file's first bytes are those of a kind that is read.</summary>
    public static bool IsKnown(ReadOnlySpan<byte> start) => start.StartsWith(PngDecoder.Signature) || start.StartsWith(JpegDecoder.Signature) || start.StartsWith(BmpDecoder.Signature);

    /// <summary>Refuses sizes that no picture has, before memory is asked for.</summary>
    public static void CheckSize(long width, long height)
    {
        if (width < 1 || height < 1) throw Damaged($"it declares {width} x {height} pixels");
        if (width * height > MostPixels) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"it declares {width} x {height} pixels, more than the {MostPixels} that are read; make it smaller"));
    }

    public static InvalidDataException Damaged(FormattableString what) => new($"damaged: {FormattableString.Invariant(what)}");

    private static string KindOf(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith("GIF8"u8)) return "a GIF";
        if (file.StartsWith("II*\0"u8) || file.StartsWith("MM\0*"u8)) return "a TIFF";
        if (file.Length >= 12 && file.StartsWith("RIFF"u8) && file[8..12].SequenceEqual("WEBP"u8)) return "a WebP";
        if (file.Length >= 12 && file[4..8].SequenceEqual("ftyp"u8)) return "a HEIF, AVIF or video";
        return "no image that is known here";
    }
}
