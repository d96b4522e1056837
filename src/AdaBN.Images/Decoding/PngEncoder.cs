using SkiaSharp;

namespace AdaBN.Images.Decoding;

/// <summary>PNG of 8 bits.</summary>
internal static class PngEncoder
{
    private const int RgbaBytes = 4, Lossless = 100;

    public static void Write(Stream stream, Picture picture)
    {
        byte[] rgb = picture.To(Picture.Rgb).Pixels, rgba = new byte[picture.Width * picture.Height * RgbaBytes];
        for (int from = 0, to = 0; from < rgb.Length; from += Picture.Rgb, to += RgbaBytes)
            (rgba[to], rgba[to + 1], rgba[to + 2], rgba[to + 3]) = (rgb[from], rgb[from + 1], rgb[from + 2], byte.MaxValue);
        try
        {
            using SKImage image = SKImage.FromPixelCopy(new SKImageInfo(picture.Width, picture.Height, SKColorType.Rgba8888, SKAlphaType.Opaque), rgba);
            using SKData file = image.Encode(SKEncodedImageFormat.Png, Lossless);
            file.SaveTo(stream);
        }
        catch (Exception e) when (SkiaLibrary.IsMissing(e))
        {
            throw SkiaLibrary.Missing(e);
        }
    }
}
