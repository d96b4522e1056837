using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy.Corruptions;

/// <summary>
/// What baseline JPEG loses (ITU-T T.81): YCbCr, chroma at half the resolution, 8x8 cosine transform, coefficients rounded to multiples of
/// the tables of annex K at the Independent JPEG Group's quality. What comes behind, entropy coding, loses nothing.
/// </summary>
internal static class Jpeg
{
    private const int Block = 8;

    private static readonly int[] _luminance =
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
        18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ];

    private static readonly int[] _chrominance =
    [
        17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    ];

    private static readonly double[,] _cosines = Cosines();

    public static float[] Compress(float[] picture, int quality)
    {
        float[] colours = Picture.MapColours(picture, rgb => (
            255 * ((0.299f * rgb.R) + (0.587f * rgb.G) + (0.114f * rgb.B)),
            255 * ((-0.168736f * rgb.R) - (0.331264f * rgb.G) + (0.5f * rgb.B)),
            255 * ((0.5f * rgb.R) - (0.418688f * rgb.G) - (0.081312f * rgb.B))));
        const int side = Picture.Side;
        double[] luma = [.. colours[..Picture.Area].Select(value => Math.Round(value) - 128)];
        Quantize(luma, side, Table(_luminance, quality));
        double[] Chroma(int channel)
        {
            var halved = new double[Picture.Area / 4];
            for (int i = 0; i < Picture.Area; i++) halved[(i / side / 2 * (side / 2)) + (i % side / 2)] += Math.Round(colours[(channel * Picture.Area) + i]) / 4;
            Quantize(halved, side / 2, Table(_chrominance, quality));
            return [.. Resize.Bilinear([.. halved.Select(value => (float)value)], side / 2, side).Select(value => (double)value)];
        }

        float[] decoded = [.. luma.Concat(Chroma(1)).Concat(Chroma(2)).Select(value => (float)value)];
        return Picture.Rounded(Picture.MapColours(decoded, c => (
            (c.R + 128 + (1.402f * c.B)) / 255,
            (c.R + 128 - (0.344136f * c.G) - (0.714136f * c.B)) / 255,
            (c.R + 128 + (1.772f * c.G)) / 255)));
    }

    private static int[] Table(int[] table, int quality)
    {
        int scale = quality < 50 ? 5000 / quality : 200 - (2 * quality);
        return [.. table.Select(step => Math.Clamp(((step * scale) + 50) / 100, 1, 255))];
    }

    private static void Quantize(double[] plane, int side, int[] table)
    {
        for (int top = 0; top < side; top += Block)
        {
            for (int left = 0; left < side; left += Block)
            {
                int At(int i) => ((top + (i / Block)) * side) + left + (i % Block);
                double[] coefficients = Transform([.. Enumerable.Range(0, Block * Block).Select(i => plane[At(i)])], inverse: false);
                for (int i = 0; i < coefficients.Length; i++) coefficients[i] = Math.Round(coefficients[i] / table[i]) * table[i];
                double[] values = Transform(coefficients, inverse: true);
                for (int i = 0; i < values.Length; i++) plane[At(i)] = values[i];
            }
        }
    }

    private static double[] Transform(double[] block, bool inverse)
    {
        double Weight(int to, int from) => inverse ? _cosines[from, to] : _cosines[to, from];
        var rows = new double[block.Length];
        var both = new double[block.Length];
        for (int i = 0; i < block.Length; i++)
            for (int k = 0; k < Block; k++) rows[i] += Weight(i % Block, k) * block[(i / Block * Block) + k];
        for (int i = 0; i < block.Length; i++)
            for (int k = 0; k < Block; k++) both[i] += Weight(i / Block, k) * rows[(k * Block) + (i % Block)];
        return both;
    }

    private static double[,] Cosines()
    {
        var cosines = new double[Block, Block];
        for (int u = 0; u < Block; u++)
            for (int x = 0; x < Block; x++) cosines[u, x] = (u == 0 ? Math.Sqrt(0.125) : 0.5) * Math.Cos(((2 * x) + 1) * u * Math.PI / 16);
        return cosines;
    }
}
