using System.Globalization;
using SkiaSharp;

namespace AdaBN.Images.Decoding;

/// <summary>
/// PNG, JPEG, WebP and BMP, told apart by their first bytes and decoded by SkiaSharp: colours as the file has them, without colour management, transparency
/// left out. What a file says of its size is held against its bytes before that library sees it.
/// </summary>
internal static class ImageDecoder
{
    /// <summary>As messages name them.</summary>
    public const string Kinds = "PNG, JPEG, WebP or BMP";

    /// <summary>A larger picture is refused: decoding takes up to 13 bytes a pixel.</summary>
    public const long MostPixels = 100_000_000;

    private const int RgbaBytes = 4;

    /// <summary>Decodes a file's content and turns it upright.</summary>
    /// <exception cref="InvalidDataException">It is none of these, of a kind that is not supported, or damaged; the message does not name the file.</exception>
    public static Picture Decode(ReadOnlySpan<byte> file, long maxPixels = MostPixels)
    {
        int orientation = Check(file);
        try
        {
            return Decode(file, orientation, maxPixels);
        }
        catch (Exception e) when (SkiaLibrary.IsMissing(e))
        {
            throw SkiaLibrary.Missing(e);
        }
    }

    /// <summary>Whether a file's first bytes are those of a kind that is read.</summary>
    public static bool IsKnown(ReadOnlySpan<byte> start) =>
        start.StartsWith(PngChunks.Signature) || start.StartsWith(JpegSegments.Signature) || start.StartsWith(BmpHeader.Signature) || WebpHeader.IsWebp(start);

    /// <summary>Refuses sizes that no picture has, before memory is asked for.</summary>
    public static void CheckSize(long width, long height, long maxPixels = MostPixels)
    {
        if (width < 1 || height < 1) throw Damaged($"it declares {width} x {height} pixels");
        if (width * height > maxPixels) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"it declares {width} x {height} pixels, more than the {maxPixels} that are read; make it smaller"));
    }

    public static InvalidDataException Damaged(FormattableString what) => new($"damaged: {FormattableString.Invariant(what)}");

    /// <summary>Whether the file is whole and no giant; gives the orientation of a PNG, which SkiaSharp does not look for.</summary>
    private static int Check(ReadOnlySpan<byte> file)
    {
        try
        {
            if (file.IsEmpty) throw new InvalidDataException("the file is empty");
            if (file.StartsWith(PngChunks.Signature)) return PngChunks.Check(file);
            if (file.StartsWith(JpegSegments.Signature)) JpegSegments.Check(file);
            else if (file.StartsWith(BmpHeader.Signature)) BmpHeader.Check(file);
            else if (WebpHeader.IsWebp(file)) WebpHeader.Check(file);
            else throw new InvalidDataException($"it is {KindOf(file)}, expected {Kinds}");
            return ExifOrientation.Upright;
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            throw new InvalidDataException("damaged: a part of it reaches beyond its end; was it copied completely?", e);
        }
    }

    private static Picture Decode(ReadOnlySpan<byte> file, int orientation, long maxPixels)
    {
        using SKData data = SKData.CreateCopy(file);
        using SKCodec codec = SKCodec.Create(data) ?? throw new InvalidDataException("damaged, or of a rare kind that is not read; if other programs show it, save it anew");
        CheckSize(codec.Info.Width, codec.Info.Height, maxPixels);
        // Not premultiplied, whatever lies under transparency stays as it is; no colour space, no conversion.
        var wanted = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        switch (codec.GetPixels(wanted, out byte[] pixels))
        {
            case SKCodecResult.Success:
                if (codec.EncodedOrigin != SKEncodedOrigin.TopLeft) orientation = (int)codec.EncodedOrigin;
                return new Picture(wanted.Width, wanted.Height, Picture.Rgb, WithoutAlpha(pixels)).Upright(orientation);
            case SKCodecResult.IncompleteInput:
                throw Damaged($"it holds a part of its picture only; was it copied completely?");
            case var result:
                throw Damaged($"its pixels cannot be decoded ({result})");
        }
    }

    private static byte[] WithoutAlpha(ReadOnlySpan<byte> rgba)
    {
        var pixels = new byte[rgba.Length / RgbaBytes * Picture.Rgb];
        for (int to = 0, from = 0; to < pixels.Length; to += Picture.Rgb, from += RgbaBytes)
            (pixels[to], pixels[to + 1], pixels[to + 2]) = (rgba[from], rgba[from + 1], rgba[from + 2]);
        return pixels;
    }

    private static string KindOf(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith("GIF8"u8)) return "a GIF";
        if (file.StartsWith("II*\0"u8) || file.StartsWith("MM\0*"u8)) return "a TIFF";
        if (file.Length >= 12 && file[4..8].SequenceEqual("ftyp"u8)) return "a HEIF, AVIF or video";
        return "no image that is known here";
    }
}
