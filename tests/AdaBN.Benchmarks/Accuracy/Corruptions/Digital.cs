namespace AdaBN.Benchmarks.Accuracy.Corruptions;

/// <summary>What storing a picture loses.</summary>
internal static class Digital
{
    /// <summary>Fewer pixels, each the mean of those whose centres it covers, then as many as before, each the nearest.</summary>
    public static float[] Pixelate(float[] picture, double share)
    {
        int small = (int)(Picture.Side * share);
        double scale = (double)Picture.Side / small;
        (int From, int To)[] covered = [.. Enumerable.Range(0, small).Select(i => ((int)((i * scale) + 0.5), (int)(((i + 1) * scale) + 0.5)))];
        float Mean(int channel, int row, int column)
        {
            float sum = 0;
            for (int y = covered[row].From; y < covered[row].To; y++)
                for (int x = covered[column].From; x < covered[column].To; x++) sum += Picture.Nearest(picture, channel, y, x);
            return sum / ((covered[row].To - covered[row].From) * (covered[column].To - covered[column].From));
        }

        int Nearest(int at) => (int)((at + 0.5) / scale);
        return Picture.Rounded(Picture.Make((channel, y, x) => Mean(channel, Nearest(y), Nearest(x))));
    }
}
