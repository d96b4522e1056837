using System.Numerics.Tensors;

namespace AdaBN.Domains;

/// <summary>Whether images are of two kinds, and which is of which.</summary>
internal static class TwoHeaps
{
    private const double Disputed = 0.1; // of the smaller heap

    /// <summary>
    /// The two heaps on either side of the deepest valley that a discriminant shows; null where none is deep enough. Each discriminant starts from the best cut of one feature, or of
    /// what the features before it do not foretell of it. It is fitted to either half of the images and judged on the other: among many features, some direction splits whatever it
    /// was fitted to.
    /// </summary>
    /// <param name="rows">Standardized features, in an order of their own: every other one makes up a half.</param>
    /// <param name="least">Fewest images of a heap.</param>
    /// <param name="deepEnough">The density between two heaps, over that of the lower one's top, below which they are two.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>Whether each image is in the second heap.</returns>
    public static bool[]? In(double[][] rows, int least, double deepEnough, CancellationToken cancellationToken)
    {
        if (rows.Length < 2 * least) return null;
        var all = new int[rows.Length];
        double[][] factor = Covariance.Factor(rows, all, Discriminant.Centroids(rows, all, 1));
        double[][] starts = [.. rows.Select(row => (double[])[.. row, .. Covariance.Residuals(factor, row)])];
        bool[]? best = null;
        double deepest = deepEnough;
        var tried = new HashSet<string>();
        for (int f = 0; f < starts[0].Length; f++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Cut([.. starts.Select(row => row[f])], least) is not { } start || Discriminant.Settle(rows, start, 2, least) is not { } split) continue;
            int[] clusters = [.. split.Clusters.Select(cluster => cluster ^ split.Clusters[0])];
            if (!tried.Add(string.Concat(clusters)) || HeldOut(rows, clusters, least) is not { } scores) continue;
            (double valley, double place) = Valley.Find(scores, least / 2);
            bool[] isSecond = [.. scores.Select(score => score > place)];
            if (valley < deepest && isSecond.Count(second => second) is var second && second >= least && rows.Length - second >= least) (deepest, best) = (valley, isSecond);
        }
        return best;
    }

    /// <summary>
    /// Scores of the images, each by the discriminant of the half that it is not in, above 0 on the second side, in deviations of a heap; null where the two discriminants are not of
    /// the same heaps: scores of two different ones would show a valley between them.
    /// </summary>
    private static double[]? HeldOut(double[][] rows, int[] clusters, int least)
    {
        double[][] scores = [new double[rows.Length], new double[rows.Length]];
        for (int half = 0; half < 2; half++)
        {
            int[] fitted = [.. Enumerable.Range(0, rows.Length).Where(i => i % 2 == half)];
            if (Discriminant.Settle([.. fitted.Select(i => rows[i])], [.. fitted.Select(i => clusters[i])], 2, least / 4) is not { } split) return null;
            var weights = new double[rows[0].Length];
            TensorPrimitives.Subtract(split.Router.Weights[1], split.Router.Weights[0], weights);
            double offset = split.Router.Offsets[1] - split.Router.Offsets[0];
            for (int i = 0; i < rows.Length; i++) scores[half][i] = TensorPrimitives.Dot<double>(weights, rows[i]) + offset;
            double width = Valley.Width([.. fitted.Select(i => scores[half][i])]);
            TensorPrimitives.Divide(scores[half], width, scores[half]);
        }
        int second = scores[0].Count(score => score > 0), disputed = scores[0].Zip(scores[1]).Count(pair => pair.First > 0 != pair.Second > 0);
        return disputed > Disputed * Math.Min(second, rows.Length - second) ? null : [.. scores[0].Select((score, i) => i % 2 == 0 ? scores[1][i] : score)];
    }

    /// <summary>The cut of numbers in two that leaves the least variance within the parts; null where they do not vary.</summary>
    private static int[]? Cut(double[] numbers, int least)
    {
        int[] order = [.. Enumerable.Range(0, numbers.Length).OrderBy(i => numbers[i])];
        double mean = numbers.Average(), below = 0, most = 0;
        int best = 0;
        for (int k = 1; k <= numbers.Length - least; k++)
        {
            below += numbers[order[k - 1]] - mean;
            double between = below * below * ((1.0 / k) + (1.0 / (numbers.Length - k)));
            if (k >= least && between > most && numbers[order[k]] > numbers[order[k - 1]]) (most, best) = (between, k);
        }
        if (best == 0) return null;
        var clusters = new int[numbers.Length];
        foreach (int i in order[best..]) clusters[i] = 1;
        return clusters;
    }
}
