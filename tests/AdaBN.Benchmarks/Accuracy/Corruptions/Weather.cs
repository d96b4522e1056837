namespace AdaBN.Benchmarks.Accuracy.Corruptions;

/// <summary>Fog and snow. Frost needs outside pictures and is left out.</summary>
internal static class Weather
{
    /// <summary>A plasma fractal added, then scaled back to the picture's own range.</summary>
    public static float[] Fog(float[] picture, double density, double decay, Draws draws)
    {
        double[,] plasma = Plasma(decay, draws);
        float brightest = picture.Max();
        return Picture.Make((channel, y, x) =>
            (float)((Picture.Nearest(picture, channel, y, x) + (density * plasma[y, x])) * brightest / (brightest + density)));
    }

    /// <summary>Paler colours under two layers of flakes, one the other turned by half a circle.</summary>
    public static float[] Snow(float[] picture, SnowSettings snow, Draws draws)
    {
        float[] noise = new float[Picture.Area];
        for (int i = 0; i < noise.Length; i++) noise[i] = (float)(snow.Mean + (snow.Deviation * draws.Normal()));
        float[] flakes = Blur.Enlarged([.. noise, .. noise, .. noise], snow.Enlargement);
        flakes = Blur.Motion(Picture.Quantized(Picture.Map(flakes, value => value < snow.Threshold ? 0 : value)), snow.Radius, snow.Trail, draws.Uniform(-135, -45));
        float[] paler = Picture.MapColours(picture, rgb =>
        {
            float pale = (((0.299f * rgb.R) + (0.587f * rgb.G) + (0.114f * rgb.B)) * 1.5f) + 0.5f;
            float Mix(float value) => float.Lerp(Math.Max(value, pale), value, snow.Kept);
            return (Mix(rgb.R), Mix(rgb.G), Mix(rgb.B));
        });
        return Picture.Make((channel, y, x) => Picture.Nearest(paler, channel, y, x)
            + Picture.Nearest(flakes, channel, y, x) + Picture.Nearest(flakes, channel, Picture.Side - 1 - y, Picture.Side - 1 - x));
    }

    /// <summary>Diamonds and squares on a torus (Fournier, Fussell and Carpenter 1982); from 0 to 1.</summary>
    private static double[,] Plasma(double decay, Draws draws)
    {
        const int side = Picture.Side;
        var map = new double[side, side];
        double At(int y, int x) => map[(y + side) % side, (x + side) % side];
        double roughness = 100;
        for (int step = side, half = side / 2; step >= 2; step /= 2, half /= 2, roughness /= decay)
        {
            void Fill(int fromY, int fromX, Func<int, int, double> sumOfFour)
            {
                for (int y = fromY; y < side; y += step)
                    for (int x = fromX; x < side; x += step) map[y, x] = (sumOfFour(y, x) / 4) + (roughness * draws.Uniform(-roughness, roughness));
            }

            double Beside(int y, int x) => At(y - half, x) + At(y + half, x) + At(y, x - half) + At(y, x + half);
            Fill(half, half, (y, x) => At(y - half, x - half) + At(y - half, x + half) + At(y + half, x - half) + At(y + half, x + half));
            Fill(0, half, Beside);
            Fill(half, 0, Beside);
        }
        double low = map.Cast<double>().Min(), high = map.Cast<double>().Max();
        for (int i = 0; i < Picture.Area; i++) map[i / side, i % side] = (map[i / side, i % side] - low) / (high - low);
        return map;
    }
}

/// <summary>One severity of snow.</summary>
/// <param name="Mean">Mean of the noise that flakes are made of.</param>
/// <param name="Deviation">Its deviation.</param>
/// <param name="Enlargement">Size of the flakes.</param>
/// <param name="Threshold">Noise below it is no flake.</param>
/// <param name="Radius">Reach of the flakes' trails.</param>
/// <param name="Trail">Deviation of the trails.</param>
/// <param name="Kept">The share of the picture that does not get paler.</param>
internal sealed record SnowSettings(double Mean, double Deviation, double Enlargement, double Threshold, int Radius, double Trail, float Kept);
