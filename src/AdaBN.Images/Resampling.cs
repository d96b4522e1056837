namespace AdaBN.Images;

/// <summary>How pixels between pixels are found when a picture is resized; shrinking averages over all that fall into one (antialiasing).</summary>
public enum Resampling
{
    /// <summary>A triangle: torchvision's default.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = −0.5.</summary>
    Bicubic,
}

/// <summary>
/// Separable resizing, columns of a row first, each pass rounded to 8 bits: weights of a filter widened by the ratio of sizes, in 22-bit fixed point.
/// These conventions are Pillow's, hence torchvision's, and give their pixels to the bit.
/// </summary>
internal static class Resizer
{
    private const int FractionBits = 22;

    /// <summary>Resizes to width x height and cuts out what lies at (left, top); only the rows and columns that it needs are computed.</summary>
    public static Picture Resize(Picture picture, int width, int height, Resampling resampling, int left, int top, int cutWidth, int cutHeight)
    {
        Weights[] columns = WeightsOf(picture.Width, width, left, cutWidth, resampling), rows = WeightsOf(picture.Height, height, top, cutHeight, resampling);
        int first = rows[0].From, count = rows.Max(row => row.From + row.Values.Length) - first, channels = picture.Channels;
        byte[] narrowed = picture.Pixels;
        if (width == picture.Width && left == 0 && cutWidth == width) first = 0;
        else narrowed = Narrow(picture, columns, first, count);

        var pixels = new byte[cutWidth * cutHeight * channels];
        int stride = cutWidth * channels;
        for (int y = 0; y < cutHeight; y++)
        {
            for (int x = 0; x < stride; x++)
            {
                int sum = 1 << (FractionBits - 1), at = ((rows[y].From - first) * stride) + x;
                foreach (int weight in rows[y].Values)
                {
                    sum += narrowed[at] * weight;
                    at += stride;
                }
                pixels[(y * stride) + x] = (byte)Math.Clamp(sum >> FractionBits, byte.MinValue, byte.MaxValue);
            }
        }
        return new Picture(cutWidth, cutHeight, channels, pixels);
    }

    private static byte[] Narrow(Picture picture, Weights[] columns, int first, int count)
    {
        int channels = picture.Channels;
        var narrowed = new byte[columns.Length * count * channels];
        for (int y = 0, to = 0; y < count; y++)
        {
            int line = (first + y) * picture.Width;
            foreach (Weights column in columns)
            {
                for (int channel = 0; channel < channels; channel++, to++)
                {
                    int sum = 1 << (FractionBits - 1), at = ((line + column.From) * channels) + channel;
                    foreach (int weight in column.Values)
                    {
                        sum += picture.Pixels[at] * weight;
                        at += channels;
                    }
                    narrowed[to] = (byte)Math.Clamp(sum >> FractionBits, byte.MinValue, byte.MaxValue);
                }
            }
        }
        return narrowed;
    }

    private static Weights[] WeightsOf(int source, int target, int from, int count, Resampling resampling)
    {
        double scale = (double)source / target, widening = Math.Max(scale, 1), support = (resampling == Resampling.Bilinear ? 1 : 2) * widening;
        var all = new Weights[count];
        for (int i = 0; i < count; i++)
        {
            double center = (from + i + 0.5) * scale;
            int first = Math.Max(0, (int)(center - support + 0.5)), end = Math.Min(source, (int)(center + support + 0.5));
            double[] weights = [.. Enumerable.Range(first, end - first).Select(x => Filter((x - center + 0.5) / widening, resampling))];
            double sum = 0;
            foreach (double weight in weights) sum += weight;
            all[i] = new Weights(first, [.. weights.Select(weight => (int)Math.Round(weight / sum * (1 << FractionBits), MidpointRounding.AwayFromZero))]);
        }
        return all;
    }

    private static double Filter(double distance, Resampling resampling)
    {
        const double a = -0.5;
        double x = Math.Abs(distance);
        if (resampling == Resampling.Bilinear) return Math.Max(0, 1 - x);
        return x < 1 ? ((((a + 2) * x) - (a + 3)) * x * x) + 1 : x < 2 ? ((((x - 5) * x) + 8) * x - 4) * a : 0;
    }

    /// <summary>Weights of a stretch of pixels.</summary>
    private readonly record struct Weights(int From, int[] Values);
}
