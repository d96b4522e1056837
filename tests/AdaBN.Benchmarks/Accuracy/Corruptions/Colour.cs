namespace AdaBN.Benchmarks.Accuracy.Corruptions;

/// <summary>Brightness, contrast, saturation.</summary>
internal static class Colour
{
    /// <summary>Toward each channel's mean.</summary>
    public static float[] Contrast(float[] picture, float kept)
    {
        float[] means = [.. picture.Chunk(Picture.Area).Select(channel => channel.Average())];
        return [.. picture.Select((value, i) => ((value - means[i / Picture.Area]) * kept) + means[i / Picture.Area])];
    }

    /// <summary>More value in HSV: hue and saturation stay, so all channels grow by the same factor.</summary>
    public static float[] Brightness(float[] picture, float more) => Picture.MapColours(picture, rgb =>
    {
        float value = Math.Max(rgb.R, Math.Max(rgb.G, rgb.B)), brighter = Math.Clamp(value + more, 0, 1);
        return value == 0 ? (brighter, brighter, brighter) : (rgb.R * brighter / value, rgb.G * brighter / value, rgb.B * brighter / value);
    });

    /// <summary>Saturation in HSV times a factor and something more: distances to the largest channel grow alike. A grey's hue is red.</summary>
    public static float[] Saturate(float[] picture, float factor, float more) => Picture.MapColours(picture, rgb =>
    {
        float value = Math.Max(rgb.R, Math.Max(rgb.G, rgb.B)), spread = value - Math.Min(rgb.R, Math.Min(rgb.G, rgb.B));
        float saturation = value == 0 ? 0 : spread / value, changed = Math.Clamp((saturation * factor) + more, 0, 1);
        if (saturation == 0) return (value, value * (1 - changed), value * (1 - changed));
        float Channel(float one) => value - ((value - one) * changed / saturation);
        return (Channel(rgb.R), Channel(rgb.G), Channel(rgb.B));
    });
}
