using AdaBN.Policies;

namespace AdaBN.Judgement;

/// <summary>
/// How many images are none of the kind that the others are (blank, damaged, of something else), by <see cref="ImageFeatures"/>: those that lie many times as far from the median,
/// in some feature, as images on the same side of it usually do.
/// </summary>
internal static class ImageOutliers
{
    private const double Far = 8;
    private const double Many = 0.2;
    private const int LeastImages = 32, LeastOutliers = 3; // one or two unusual images are in any set

    /// <summary>The share of outliers; 0 where there are too few images to tell, or so many outliers (a fifth) that they are a domain of their own.</summary>
    public static double ShareOf(double[][] features)
    {
        int images = features.Length;
        if (images < LeastImages) return 0;
        var isFar = new bool[images];
        for (int f = 0; f < features[0].Length; f++)
        {
            double[] values = [.. features.Select(image => image[f])];
            double median = Median.Of(values);
            double[] below = [.. values.Where(value => value < median).Select(value => median - value)], above = [.. values.Where(value => value > median).Select(value => value - median)];
            double down = below.Length > 0 ? Median.Of(below) : 0, up = above.Length > 0 ? Median.Of(above) : 0;
            for (int i = 0; i < images; i++) isFar[i] |= values[i] < median - (Far * down) || values[i] > median + (Far * up);
        }
        int outliers = isFar.Count(far => far);
        return outliers >= LeastOutliers && outliers < Many * images ? (double)outliers / images : 0;
    }
}
