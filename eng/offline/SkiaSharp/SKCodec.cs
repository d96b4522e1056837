using System.Globalization;
using System.Runtime.InteropServices;

namespace SkiaSharp;

public sealed class SKCodec : IDisposable
{
    private const int RgbaBytes = 4;
    private readonly Func<byte[]> _decode;

    private SKCodec(int width, int height, SKEncodedOrigin origin, Func<byte[]> decode) =>
        (Info, EncodedOrigin, _decode) = (new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul), origin, decode);

    public SKImageInfo Info { get; }

    public SKEncodedOrigin EncodedOrigin { get; }

    /// <summary>Null where the header cannot be read.</summary>
    public static SKCodec Create(SKData data) => data.Bytes switch
    {
        [0x89, (byte)'P', ..] => Load(data.Bytes, "png"),
        [0xFF, 0xD8, ..] => Load(data.Bytes, "jpeg"),
        [(byte)'B', (byte)'M', ..] => Load(data.Bytes, "bmp"),
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', ..] => LoadWebp(data.Bytes),
        _ => null,
    };

    public SKCodecResult GetPixels(SKImageInfo info, out byte[] pixels)
    {
        pixels = _decode();
        return pixels is null ? SKCodecResult.ErrorInInput : SKCodecResult.Success;
    }

    public void Dispose()
    {
    }

    private static SKCodec Load(byte[] file, string type)
    {
        IntPtr loader = Pixbuf.gdk_pixbuf_loader_new_with_type(type, IntPtr.Zero);
        if (loader == IntPtr.Zero) throw new DllNotFoundException($"gdk-pixbuf has no loader for {type}.");
        try
        {
            bool isWritten = Pixbuf.gdk_pixbuf_loader_write(loader, file, (nuint)file.Length, IntPtr.Zero);
            bool isWhole = Pixbuf.gdk_pixbuf_loader_close(loader, IntPtr.Zero) && isWritten;
            IntPtr image = Pixbuf.gdk_pixbuf_loader_get_pixbuf(loader);
            if (image == IntPtr.Zero) return null;
            (int width, int height) = (Pixbuf.gdk_pixbuf_get_width(image), Pixbuf.gdk_pixbuf_get_height(image));
            string orientation = Marshal.PtrToStringUTF8(Pixbuf.gdk_pixbuf_get_option(image, "orientation"));
            int origin = int.TryParse(orientation, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 1 and <= 8 ? number : 1;
            byte[] rgba = isWhole ? Rgba(image, width, height) : null;
            return new SKCodec(width, height, (SKEncodedOrigin)origin, () => rgba);
        }
        finally
        {
            Pixbuf.g_object_unref(loader);
        }
    }

    private static byte[] Rgba(IntPtr image, int width, int height)
    {
        (int channels, int stride) = (Pixbuf.gdk_pixbuf_get_n_channels(image), Pixbuf.gdk_pixbuf_get_rowstride(image));
        IntPtr rows = Pixbuf.gdk_pixbuf_get_pixels(image);
        byte[] rgba = new byte[width * height * RgbaBytes], row = new byte[width * channels];
        for (int y = 0; y < height; y++)
        {
            Marshal.Copy(IntPtr.Add(rows, y * stride), row, 0, row.Length);
            for (int x = 0; x < width; x++)
            {
                Span<byte> pixel = rgba.AsSpan(((y * width) + x) * RgbaBytes, RgbaBytes);
                pixel[3] = byte.MaxValue;
                row.AsSpan(x * channels, channels).CopyTo(pixel);
            }
        }
        return rgba;
    }

    private static SKCodec LoadWebp(byte[] file) => Webp.WebPGetInfo(file, (nuint)file.Length, out int width, out int height) == 0 ? null : new SKCodec(width, height, SKEncodedOrigin.TopLeft, () =>
    {
        var rgba = new byte[width * height * RgbaBytes];
        return Webp.WebPDecodeRGBAInto(file, (nuint)file.Length, rgba, (nuint)rgba.Length, width * RgbaBytes) == IntPtr.Zero ? null : rgba;
    });
}
