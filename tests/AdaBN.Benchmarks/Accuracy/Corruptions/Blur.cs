namespace AdaBN.Benchmarks.Accuracy.Corruptions;

/// <summary>Neighbours averaged or mixed up.</summary>
internal static class Blur
{
    /// <summary>Cut off at four deviations, edges repeated.</summary>
    public static float[] Gaussian(float[] picture, double deviation)
    {
        int radius = (int)((4 * deviation) + 0.5);
        double[] kernel = Bell(deviation, Enumerable.Range(-radius, (2 * radius) + 1));
        float[] across = Picture.Make((channel, y, x) => (float)kernel.Select((weight, i) => weight * Picture.Nearest(picture, channel, y, x + i - radius)).Sum());
        return Picture.Make((channel, y, x) => (float)kernel.Select((weight, i) => weight * Picture.Nearest(across, channel, y + i - radius, x)).Sum());
    }

    /// <summary>Averaged over a disk, itself smoothed by a 3x3 bell; edges mirrored.</summary>
    public static float[] Defocus(float[] picture, double radius, double smoothing)
    {
        int reach = (int)radius + 1;
        int[] offsets = [.. Enumerable.Range(-reach, (2 * reach) + 1)];
        double[] bell = Bell(smoothing, [-1, 0, 1]);
        double Disk(int y, int x) => (y * y) + (x * x) <= radius * radius ? 1 : 0;
        double area = offsets.Sum(y => offsets.Sum(x => Disk(y, x)));
        (int Y, int X, double Weight)[] kernel =
        [
            .. from y in offsets
               from x in offsets
               let weight = Enumerable.Range(0, 9).Sum(i => bell[i / 3] * bell[i % 3] * Disk(y + (i / 3) - 1, x + (i % 3) - 1)) / area
               where weight > 0
               select (y, x, weight),
        ];
        return Picture.Make((channel, y, x) =>
        {
            double sum = 0;
            foreach ((int dy, int dx, double weight) in kernel) sum += weight * Picture.Mirrored(picture, channel, y + dy, x + dx);
            return (float)sum;
        });
    }

    /// <summary>Pixels take the place of near ones, between two light blurs. The published program copies where it means to swap, and so does this.</summary>
    public static float[] Glass(float[] picture, double deviation, int reach, int rounds, Draws draws)
    {
        float[] shuffled = Picture.Quantized(Gaussian(picture, deviation));
        int Offset() => (int)Math.Floor(draws.Uniform(-reach, reach));
        for (int round = 0; round < rounds; round++)
        {
            for (int y = Picture.Side - reach; y > reach; y--)
            {
                for (int x = Picture.Side - reach; x > reach; x--)
                {
                    int fromX = x + Offset(), fromY = y + Offset();
                    for (int channel = 0; channel < Picture.Channels; channel++)
                        shuffled[(channel * Picture.Area) + (y * Picture.Side) + x] = Picture.Nearest(shuffled, channel, fromY, fromX);
                }
            }
        }
        return Gaussian(shuffled, deviation);
    }

    /// <summary>A trail to one side, fading like half a bell.</summary>
    public static float[] Motion(float[] picture, int radius, double deviation, double degrees)
    {
        double[] kernel = Bell(deviation, Enumerable.Range(0, (2 * radius) + 1));
        (double sin, double cos) = Math.SinCos(degrees * Math.PI / 180);
        (int Y, int X)[] offsets = [.. kernel.Select((_, i) => ((int)Math.Ceiling((i * sin) - 0.5), (int)Math.Ceiling((i * cos) - 0.5)))];
        return Picture.Make((channel, y, x) =>
        {
            double sum = 0;
            for (int i = 0; i < kernel.Length; i++) sum += kernel[i] * Picture.Nearest(picture, channel, y + offsets[i].Y, x + offsets[i].X);
            return (float)sum;
        });
    }

    /// <summary>The mean of the picture and of itself enlarged by 0, 1, 2 … percent.</summary>
    public static float[] Zoom(float[] picture, int enlargements)
    {
        float[] sum = [.. picture];
        for (int i = 0; i < enlargements; i++)
        {
            float[] enlarged = Enlarged(picture, 1 + (0.01 * i));
            for (int k = 0; k < sum.Length; k++) sum[k] += enlarged[k];
        }
        return Picture.Map(sum, value => value / (enlargements + 1));
    }

    /// <summary>The middle, enlarged bilinearly with corners kept, and cut to the same size.</summary>
    public static float[] Enlarged(float[] picture, double factor)
    {
        int crop = (int)Math.Ceiling(Picture.Side / factor), size = (int)Math.Round(crop * factor);
        double step = (crop - 1.0) / (size - 1);
        int start = (Picture.Side - crop) / 2, trim = (size - Picture.Side) / 2;
        return Picture.Make((channel, y, x) =>
            Picture.Between(Picture.Nearest, picture, channel, start + (step * (y + trim)), start + (step * (x + trim))));
    }

    private static double[] Bell(double deviation, IEnumerable<int> distances)
    {
        double[] weights = [.. distances.Select(distance => distance == 0 ? 1 : Math.Exp(-0.5 * distance * distance / (deviation * deviation)))];
        double sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }
}
