namespace AdaBN.Judgement;

/// <summary>
/// Whether images come from two domains, by <see cref="ImageFeatures"/>. Two groups are told apart where splitting the images in two along the feature that splits best leaves
/// next to none of its variance: even a feature that varies evenly over a range would leave a quarter of it, a Gaussian one third.
/// </summary>
/// <param name="First">Images in the smaller group.</param>
/// <param name="Second">Images in the larger group.</param>
internal sealed record ImageGroups(int First, int Second)
{
    private const double LeftWithin = 0.16, LeastShare = 0.1;
    private const int LeastImages = 16;

    /// <summary>The groups; null where there is one only, or too few images to tell.</summary>
    public static ImageGroups? Find(double[][] features)
    {
        int images = features.Length;
        if (images < LeastImages) return null;
        for (int f = 0; f < features[0].Length; f++)
        {
            int split = BestSplit([.. features.Select(image => image[f]).Order()], out double left);
            if (left < LeftWithin) return new ImageGroups(Math.Min(split, images - split), Math.Max(split, images - split));
        }
        return null;
    }

    /// <summary>Where to cut sorted numbers so that the least of their variance is left within the two parts, each a tenth at least.</summary>
    private static int BestSplit(double[] sorted, out double left)
    {
        int n = sorted.Length, best = 0;
        double mean = sorted.Average(), total = sorted.Sum(value => (value - mean) * (value - mean)), below = 0;
        left = 1;
        for (int k = 1; k < n; k++)
        {
            below += sorted[k - 1] - mean;
            if (k < LeastShare * n || n - k < LeastShare * n || !(total > 0)) continue;
            double within = 1 - (below * below * (((double)1 / k) + ((double)1 / (n - k))) / total);
            if (within < left) (left, best) = (within, k);
        }
        return best;
    }
}
