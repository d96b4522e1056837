namespace AdaBN.Images.Decoding;

/// <summary>SkiaSharp's native part, which a system may lack.</summary>
internal static class SkiaLibrary
{
    public static bool IsMissing(Exception e) => e is DllNotFoundException or TypeInitializationException { InnerException: DllNotFoundException };

    public static InvalidDataException Missing(Exception e) => new($"the library that reads and writes images cannot be loaded here: {(e.InnerException ?? e).Message}", e);
}
