using System.Numerics.Tensors;

namespace AdaBN.Domains;

/// <summary>Fisher's linear discriminant of Gaussian clusters with one covariance in common: what makes a router of clusters, and clusters of a router, until they agree.</summary>
internal static class Discriminant
{
    private const int MostRounds = 20;

    /// <summary>Alternates between router and clusters (Celeux and Govaert 1992, classification EM).</summary>
    /// <param name="rows">Standardized features.</param>
    /// <param name="clusters">The cluster of each row to begin with.</param>
    /// <param name="count">Number of clusters.</param>
    /// <param name="least">Fewest rows of a cluster.</param>
    /// <returns>The router and the clusters it tells; null where a cluster shrinks below the least.</returns>
    public static (LinearRouter Router, int[] Clusters)? Settle(double[][] rows, int[] clusters, int count, int least)
    {
        for (int round = 1; ; round++)
        {
            if (Sizes(clusters, count).Min() < Math.Max(1, least)) return null;
            LinearRouter router = Fit(rows, clusters, count);
            int[] told = router.Of(rows);
            bool areSettled = told.AsSpan().SequenceEqual(clusters);
            clusters = told;
            if (areSettled || round == MostRounds) return Sizes(clusters, count).Min() < Math.Max(1, least) ? null : (router, clusters);
        }
    }

    public static int[] Sizes(int[] clusters, int count)
    {
        var sizes = new int[count];
        foreach (int cluster in clusters) sizes[cluster]++;
        return sizes;
    }

    public static double[][] Centroids(IReadOnlyList<double[]> rows, int[] clusters, int count)
    {
        int[] sizes = Sizes(clusters, count);
        double[][] centroids = [.. sizes.Select(_ => new double[rows[0].Length])];
        for (int i = 0; i < rows.Count; i++) TensorPrimitives.Add(centroids[clusters[i]], rows[i], centroids[clusters[i]]);
        for (int k = 0; k < count; k++) TensorPrimitives.Divide(centroids[k], sizes[k], centroids[k]);
        return centroids;
    }

    /// <summary>W = S⁻¹·m, b = ln(share) − m·S⁻¹·m/2, S the covariance within clusters.</summary>
    private static LinearRouter Fit(double[][] rows, int[] clusters, int count)
    {
        double[][] means = Centroids(rows, clusters, count), factor = Covariance.Factor(rows, clusters, means);
        double[][] weights = [.. means.Select(mean => Covariance.Solve(factor, mean))];
        int[] sizes = Sizes(clusters, count);
        return new LinearRouter(weights, [.. means.Select((mean, k) => Math.Log((double)sizes[k] / rows.Length) - (TensorPrimitives.Dot<double>(weights[k], mean) / 2))]);
    }
}
