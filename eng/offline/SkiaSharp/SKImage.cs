using System.Runtime.InteropServices;

namespace SkiaSharp;

public sealed class SKImage : IDisposable
{
    private const int RgbaBytes = 4;
    private readonly SKImageInfo _info;
    private readonly byte[] _rgba;

    private SKImage(SKImageInfo info, byte[] rgba) => (_info, _rgba) = (info, rgba);

    public static SKImage FromPixelCopy(SKImageInfo info, byte[] pixels) => new(info, [.. pixels]);

    public SKData Encode(SKEncodedImageFormat format, int quality)
    {
        GCHandle pixels = GCHandle.Alloc(_rgba, GCHandleType.Pinned);
        const int rgb = 0, bits = 8;
        IntPtr image = Pixbuf.gdk_pixbuf_new_from_data(pixels.AddrOfPinnedObject(), rgb, true, bits, _info.Width, _info.Height, _info.Width * RgbaBytes, IntPtr.Zero, IntPtr.Zero);
        try
        {
            if (!Pixbuf.gdk_pixbuf_save_to_bufferv(image, out IntPtr buffer, out nuint length, "png", [IntPtr.Zero], [IntPtr.Zero], IntPtr.Zero)) return null;
            var file = new byte[length];
            Marshal.Copy(buffer, file, 0, file.Length);
            Pixbuf.g_free(buffer);
            return new SKData(file);
        }
        finally
        {
            Pixbuf.g_object_unref(image);
            pixels.Free();
        }
    }

    public void Dispose()
    {
    }
}
