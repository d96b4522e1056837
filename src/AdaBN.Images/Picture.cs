namespace AdaBN.Images;

/// <summary>Pixels of 8 bits, row by row, the channels of a pixel together.</summary>
/// <param name="Width">Pixels a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1 (grey) or 3 (red, green, blue).</param>
/// <param name="Pixels">The values.</param>
internal sealed record Picture(int Width, int Height, int Channels, byte[] Pixels)
{
    public const int Gray = 1, Rgb = 3;

    /// <summary>Of so many channels. Grey is ITU-R BT.601 luma in 16-bit fixed point, which leaves grey pixels as they are.</summary>
    public Picture To(int channels)
    {
        if (channels == Channels) return this;
        var pixels = new byte[Width * Height * channels];
        if (channels == Rgb)
        {
            for (int i = 0; i < pixels.Length; i++) pixels[i] = Pixels[i / Rgb];
        }
        else
        {
            const int red = 19595, green = 38470, blue = 7471, half = 1 << 15;
            for (int i = 0; i < pixels.Length; i++)
                pixels[i] = (byte)(((Pixels[Rgb * i] * red) + (Pixels[(Rgb * i) + 1] * green) + (Pixels[(Rgb * i) + 2] * blue) + half) >> 16);
        }
        return new Picture(Width, Height, channels, pixels);
    }

    /// <summary>Turned upright from how the camera was held (Exif 2.32, tag Orientation: 1 to 8).</summary>
    public Picture Upright(int orientation)
    {
        if (orientation is <= 1 or > 8) return this;
        bool isOnItsSide = orientation >= 5;
        (int width, int height) = isOnItsSide ? (Height, Width) : (Width, Height);
        var pixels = new byte[Pixels.Length];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                (int fromX, int fromY) = orientation switch
                {
                    2 => (Width - 1 - x, y),
                    3 => (Width - 1 - x, Height - 1 - y),
                    4 => (x, Height - 1 - y),
                    5 => (y, x),
                    6 => (y, Height - 1 - x),
                    7 => (Width - 1 - y, Height - 1 - x),
                    _ => (Width - 1 - y, x),
                };
                Pixels.AsSpan(((fromY * Width) + fromX) * Channels, Channels).CopyTo(pixels.AsSpan(((y * width) + x) * Channels));
            }
        }
        return new Picture(width, height, Channels, pixels);
    }
}
