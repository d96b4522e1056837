using System.Globalization;

namespace AdaBN.Domains;

/// <summary>
/// Domains in a set of images that nobody told apart: clusters of their features, and the router that tells the cluster of any image. A set is split in two where a linear
/// discriminant finds two heaps with a valley between them on images that it was not fitted to; then its parts, as long as that goes on. docs/mixed.md has the reasons.
/// </summary>
/// <param name="Router">The router.</param>
/// <param name="Assignment">The cluster of each image, as the router tells it. Clusters stand by size, the largest first, then by their centroids.</param>
internal sealed record ImageClusters(LinearRouter Router, int[] Assignment)
{
    /// <summary>The most clusters there can be.</summary>
    public const int Most = 8;

    /// <summary>Fewest images of a cluster: statistics of fewer are no use.</summary>
    public const int LeastImages = 16;

    private const int MostLookedAt = 1024;
    private const double DeepEnough = 0.4;

    public int Count => Router.Clusters;

    /// <summary>Finds the clusters. A pure function, the same for images in any order.</summary>
    /// <param name="features">Features of each image.</param>
    /// <param name="most">The most clusters to find.</param>
    /// <param name="deepEnough">The density between two heaps, over that of the lower one's top, below which they are two.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <exception cref="AdaptationException">A feature is no finite number.</exception>
    /// <exception cref="ArgumentException">There are no images, or not all have as many features.</exception>
    public static ImageClusters Find(IReadOnlyList<double[]> features, int most = Most, double deepEnough = DeepEnough, CancellationToken cancellationToken = default)
    {
        Check(features);
        double[][] sorted = [.. features.Order(Lexicographic)];
        int lookedAt = Math.Min(sorted.Length, MostLookedAt);
        double[][] sample = [.. Enumerable.Range(0, lookedAt).Select(i => sorted[(int)((long)i * sorted.Length / lookedAt)])];
        (double[] mean, double[] scale) = Standard(sample);
        double[][] rows = [.. sample.Select(row => row.Select((value, j) => (value - mean[j]) * scale[j]).ToArray())];
        LinearRouter router = InUnitsOf(RouterOf(rows, most, deepEnough, cancellationToken), mean, scale);
        router = Numbered(router, sorted);
        return new ImageClusters(router, router.Of(features));
    }

    /// <summary>Splits parts, the largest first, until none falls into two; then one discriminant of them all.</summary>
    private static LinearRouter RouterOf(double[][] rows, int most, double deepEnough, CancellationToken cancellationToken)
    {
        List<int[]> parts = [[.. Enumerable.Range(0, rows.Length)]], whole = [];
        while (parts.Count > 0 && parts.Count + whole.Count < most)
        {
            int[] part = parts.MaxBy(part => part.Length)!;
            parts.Remove(part);
            if (TwoHeaps.In([.. part.Select(i => rows[i])], LeastImages, deepEnough, cancellationToken) is not { } isSecond) whole.Add(part);
            else foreach (bool side in (bool[])[false, true]) parts.Add([.. part.Where((_, nth) => isSecond[nth] == side)]);
        }
        return Joint(rows, [.. whole, .. parts]);
    }

    /// <summary>One discriminant of all parts; where that leaves one of them too few images, of all but the smallest.</summary>
    private static LinearRouter Joint(double[][] rows, IReadOnlyList<int[]> parts)
    {
        if (parts.Count == 1) return new LinearRouter([new double[rows[0].Length]], [0]);
        (int Row, int Part)[] members = [.. parts.SelectMany((part, k) => part.Select(row => (row, k)))];
        return Discriminant.Settle([.. members.Select(member => rows[member.Row])], [.. members.Select(member => member.Part)], parts.Count, LeastImages)?.Router
            ?? Joint(rows, [.. parts.OrderByDescending(part => part.Length).SkipLast(1)]);
    }

    /// <summary>What a router of standardized features is for the features themselves. The clusters' mean goes from weights and offsets: it decides nothing, and float32 is spared it.</summary>
    private static LinearRouter InUnitsOf(LinearRouter router, double[] mean, double[] scale)
    {
        double[] common = [.. mean.Select((_, j) => router.Weights.Average(row => row[j]))];
        double[][] weights = [.. router.Weights.Select(row => row.Select((weight, j) => (weight - common[j]) * scale[j]).ToArray())];
        double[] offsets = [.. router.Offsets.Select((offset, k) => offset - weights[k].Select((weight, j) => weight * mean[j]).Sum())];
        double middle = offsets.Average();
        return new LinearRouter(weights, [.. offsets.Select(offset => offset - middle)]);
    }

    /// <summary>Clusters in their own order, whatever order they were found in; those that no image falls into are left out.</summary>
    private static LinearRouter Numbered(LinearRouter router, double[][] sorted)
    {
        int[] clusters = router.Of(sorted), sizes = Discriminant.Sizes(clusters, router.Clusters);
        double[][] centroids = Discriminant.Centroids(sorted, clusters, router.Clusters);
        int[] order = [.. Enumerable.Range(0, router.Clusters).Where(k => sizes[k] > 0).OrderByDescending(k => sizes[k]).ThenBy(k => centroids[k], Lexicographic)];
        return new LinearRouter([.. order.Select(k => router.Weights[k])], [.. order.Select(k => router.Offsets[k])]);
    }

    /// <summary>Mean and inverse deviation of each feature; 0 where it does not vary.</summary>
    private static (double[] Mean, double[] Scale) Standard(double[][] rows)
    {
        int d = rows[0].Length;
        double[] mean = [.. Enumerable.Range(0, d).Select(j => rows.Average(row => row[j]))];
        double[] deviation = [.. Enumerable.Range(0, d).Select(j => Math.Sqrt(rows.Average(row => (row[j] - mean[j]) * (row[j] - mean[j]))))];
        const double rounding = 1e-5; // the graph computes in float32
        return (mean, [.. deviation.Select((value, j) => value > rounding * (1 + Math.Abs(mean[j])) ? 1 / value : 0)]);
    }

    private static Comparer<double[]> Lexicographic { get; } = Comparer<double[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));

    private static void Check(IReadOnlyList<double[]> features)
    {
        if (features.Count == 0) throw new ArgumentException("There are no images.", nameof(features));
        for (int i = 0; i < features.Count; i++)
        {
            if (features[i].Length != features[0].Length) throw new ArgumentException($"Image {i} has {features[i].Length} features; expected {features[0].Length}, as of image 0.", nameof(features));
            int wrong = Array.FindIndex(features[i], value => !double.IsFinite(value));
            if (wrong >= 0)
            {
                throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                    $"Feature {wrong} of image {i} is {features[i][wrong]}; expected a finite number. Check the images for NaN, infinite or huge values."));
            }
        }
    }
}
