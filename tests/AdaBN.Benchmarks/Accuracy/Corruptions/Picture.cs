namespace AdaBN.Benchmarks.Accuracy.Corruptions;

/// <summary>32x32 RGB pictures: values 0 to 1 in one array, channel by channel.</summary>
internal static class Picture
{
    public const int Side = 32, Area = Side * Side, Channels = 3;

    /// <summary>From bytes, three a pixel.</summary>
    public static float[] FromBytes(byte[] rgb) => Make((channel, y, x) => rgb[(((y * Side) + x) * Channels) + channel] / 255f);

    public static float[] Make(Func<int, int, int, float> value)
    {
        var picture = new float[Channels * Area];
        for (int i = 0; i < picture.Length; i++) picture[i] = value(i / Area, i % Area / Side, i % Side);
        return picture;
    }

    /// <summary>A pixel; outside, the nearest at the edge.</summary>
    public static float Nearest(float[] picture, int channel, int y, int x) =>
        picture[(channel * Area) + (Math.Clamp(y, 0, Side - 1) * Side) + Math.Clamp(x, 0, Side - 1)];

    /// <summary>A pixel; outside, mirrored at the edge pixel's centre.</summary>
    public static float Mirrored(float[] picture, int channel, int y, int x) => Nearest(picture, channel, Mirror(y), Mirror(x));

    /// <summary>Between pixels, with a way to read them.</summary>
    public static float Between(Func<float[], int, int, int, float> pixel, float[] picture, int channel, double y, double x)
    {
        int top = (int)Math.Floor(y), left = (int)Math.Floor(x);
        double Across(int row) => double.Lerp(pixel(picture, channel, row, left), pixel(picture, channel, row, left + 1), x - left);
        return (float)double.Lerp(Across(top), Across(top + 1), y - top);
    }

    /// <summary>One number a pixel, for all channels.</summary>
    public static float[] Map(float[] picture, Func<float, float> change) => [.. picture.Select(change)];

    /// <summary>Changes the colours of single pixels.</summary>
    public static float[] MapColours(float[] picture, Func<(float R, float G, float B), (float R, float G, float B)> change)
    {
        var result = new float[picture.Length];
        for (int i = 0; i < Area; i++) (result[i], result[Area + i], result[(2 * Area) + i]) = change((picture[i], picture[Area + i], picture[(2 * Area) + i]));
        return result;
    }

    /// <summary>As a file would hold it: the published sets are bytes, cut off and not rounded. The little more is for floats just below a byte.</summary>
    public static float[] Quantized(float[] picture) => Map(picture, value => MathF.Floor((Math.Clamp(value, 0, 1) * 255) + 1e-3f) / 255);

    /// <summary>To the nearest byte, as image libraries do before the picture is cut off.</summary>
    public static float[] Rounded(float[] picture) => Map(picture, value => MathF.Round(Math.Clamp(value, 0, 1) * 255) / 255);

    private static int Mirror(int at) => at < 0 ? -at : at >= Side ? (2 * (Side - 1)) - at : at;
}
