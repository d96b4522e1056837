using System.Reflection;
using System.Runtime.InteropServices;

namespace SkiaSharp;

#pragma warning disable IDE1006 // names are the libraries'

/// <summary>GdkPixbuf 2 and what it stands on (GObject, GLib), whose symbols its handle finds too. Faults are not asked for: that they are is told beside.</summary>
internal static class Pixbuf
{
    public const string Library = "gdk-pixbuf";

    static Pixbuf() => Libraries.Register();

    [DllImport(Library)] public static extern IntPtr gdk_pixbuf_loader_new_with_type([MarshalAs(UnmanagedType.LPUTF8Str)] string type, IntPtr fault);
    [DllImport(Library)] public static extern bool gdk_pixbuf_loader_write(IntPtr loader, byte[] bytes, nuint length, IntPtr fault);
    [DllImport(Library)] public static extern bool gdk_pixbuf_loader_close(IntPtr loader, IntPtr fault);
    [DllImport(Library)] public static extern IntPtr gdk_pixbuf_loader_get_pixbuf(IntPtr loader);
    [DllImport(Library)] public static extern int gdk_pixbuf_get_width(IntPtr image);
    [DllImport(Library)] public static extern int gdk_pixbuf_get_height(IntPtr image);
    [DllImport(Library)] public static extern int gdk_pixbuf_get_n_channels(IntPtr image);
    [DllImport(Library)] public static extern int gdk_pixbuf_get_rowstride(IntPtr image);
    [DllImport(Library)] public static extern IntPtr gdk_pixbuf_get_pixels(IntPtr image);
    [DllImport(Library)] public static extern IntPtr gdk_pixbuf_get_option(IntPtr image, [MarshalAs(UnmanagedType.LPUTF8Str)] string key);
    [DllImport(Library)] public static extern IntPtr gdk_pixbuf_new_from_data(IntPtr pixels, int colorspace, bool hasAlpha, int bits, int width, int height, int stride, IntPtr free, IntPtr freeData);
    [DllImport(Library)] public static extern bool gdk_pixbuf_save_to_bufferv(IntPtr image, out IntPtr buffer, out nuint length, [MarshalAs(UnmanagedType.LPUTF8Str)] string type, IntPtr[] keys, IntPtr[] values, IntPtr fault);
    [DllImport(Library)] public static extern void g_object_unref(IntPtr instance);
    [DllImport(Library)] public static extern void g_free(IntPtr memory);
}

/// <summary>libwebp's simple decoding.</summary>
internal static class Webp
{
    public const string Library = "webp";

    static Webp() => Libraries.Register();

    [DllImport(Library)] public static extern int WebPGetInfo(byte[] bytes, nuint length, out int width, out int height);
    [DllImport(Library)] public static extern IntPtr WebPDecodeRGBAInto(byte[] bytes, nuint length, byte[] target, nuint targetLength, int stride);
}

internal static class Libraries
{
    private static readonly Dictionary<string, string[]> _files = new()
    {
        [Pixbuf.Library] = ["libgdk_pixbuf-2.0.so.0", "libgdk_pixbuf-2.0.0.dylib", "libgdk_pixbuf-2.0-0.dll"],
        [Webp.Library] = ["libwebp.so.7", "libwebp.7.dylib", "libwebp-7.dll"],
    };

    private static readonly Lazy<bool> _isRegistered = new(() =>
    {
        NativeLibrary.SetDllImportResolver(typeof(Libraries).Assembly, Load);
        return true;
    });

    public static void Register() => _ = _isRegistered.Value;

    private static IntPtr Load(string library, Assembly assembly, DllImportSearchPath? path)
    {
        foreach (string file in _files[library])
            if (NativeLibrary.TryLoad(file, out IntPtr handle)) return handle;
        throw new DllNotFoundException($"Offline, pictures are decoded by the system's {library}, which is not there ({_files[library][0]}). Debian: apt-get install libgdk-pixbuf-2.0-0 libwebp7.");
    }
}
