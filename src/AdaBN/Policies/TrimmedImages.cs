using System.Globalization;

namespace AdaBN.Policies;

/// <summary>
/// Another policy's decision on the images that lie together. An image's distance is the average, over channels, of how far its mean and its
/// standard deviation lie from the median image's, in median absolute deviations. Averages of absolute numbers, not of squares, and medians
/// throughout: no image can hide another. Channels in which most images are equal (no median deviation) tell nothing and are left out.
/// </summary>
internal sealed class TrimmedImages(IAdaptationPolicy policy, double share) : IAdaptationPolicy
{
    public string Description => string.Create(CultureInfo.InvariantCulture, $"{policy.Description}, without the farthest {100 * share:0.##} % of the images");

    public bool NeedsImages => true;

    public ChannelStatistics Decide(LayerEvidence layer)
    {
        int leftOut = (int)(share * layer.EachImage.Count);
        if (leftOut == 0) return policy.Decide(layer);
        double[] distances = Distances(layer.EachImage, layer.Channels);
        int[] nearest = [.. Enumerable.Range(0, distances.Length).OrderBy(image => distances[image]).Take(distances.Length - leftOut).Order()];
        return policy.Decide(layer.Only(nearest));
    }

    internal static double[] Distances(IReadOnlyList<ChannelStatistics> images, int channels)
    {
        var distances = new double[images.Count];
        for (int c = 0; c < channels; c++)
        {
            Add([.. images.Select(image => image.Mean[c])]);
            Add([.. images.Select(image => Math.Sqrt(image.Variance[c]))]);
        }
        return distances;

        void Add(double[] values)
        {
            double median = Median.Of(values);
            double[] deviations = [.. values.Select(value => Math.Abs(value - median))];
            double unit = Median.Of(deviations);
            for (int i = 0; i < deviations.Length && unit > 0; i++) distances[i] += deviations[i] / unit;
        }
    }
}
