namespace SkiaSharp;

public readonly struct SKImageInfo(int width, int height, SKColorType colorType, SKAlphaType alphaType)
{
    public int Width { get; } = width;

    public int Height { get; } = height;

    public SKColorType ColorType { get; } = colorType;

    public SKAlphaType AlphaType { get; } = alphaType;
}
