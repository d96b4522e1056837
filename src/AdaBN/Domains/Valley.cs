namespace AdaBN.Domains;

/// <summary>
/// How empty it is between two heaps of numbers: the least density between them, over that of the lower heap's top, by Gaussian kernels. A share of a domain, however cut off, has
/// no valley beside it; one number tells it apart from a domain of its own, whatever the sizes.
/// </summary>
internal static class Valley
{
    private const int Places = 200;
    private const double Errors = 2;

    /// <summary>
    /// The emptiest place, and how empty it is at most: the images there taken as two standard errors (Poisson) more than seen, those at the heap's top as two fewer. 1: no valley.
    /// </summary>
    /// <param name="numbers">The numbers, in standard deviations of a heap.</param>
    /// <param name="least">Fewest numbers of a heap.</param>
    public static (double AtMost, double Place) Find(double[] numbers, int least)
    {
        int n = numbers.Length;
        if (n < 2 * least) return (1, 0);
        double[] sorted = [.. numbers.Order()];
        double low = sorted[least / 2], high = sorted[n - 1 - (least / 2)];
        if (!(high > low)) return (1, 0);
        double reach = Math.Pow(n, -0.2), valley = 1, place = low, left = 0;
        double Place(int i) => low + ((high - low) * i / (Places - 1));
        double[] seen = [.. Enumerable.Range(0, Places).Select(i => Seen(sorted, Place(i), reach))];
        var right = new double[Places];
        for (int i = Places - 1; i >= 0; i--) right[i] = Math.Max(seen[i], i + 1 < Places ? right[i + 1] : 0);
        for (int i = 0; i < Places; i++)
        {
            left = Math.Max(left, seen[i]);
            double top = Math.Min(left, right[i]), surely = top - (Errors * Math.Sqrt(top)), here = (seen[i] + (Errors * Math.Sqrt(seen[i] + 1))) / surely;
            if (surely > 0 && here < valley && Place(i) >= sorted[least - 1] && Place(i) <= sorted[n - least]) (valley, place) = (here, Place(i));
        }
        return (valley, place);
    }

    /// <summary>How many numbers a kernel at a place sees: (Σk)²/Σk² is √2·Σ exp(−x²/2) where they lie evenly.</summary>
    private static double Seen(double[] sorted, double place, double reach)
    {
        const double far = 6;
        int first = Array.BinarySearch(sorted, place - (far * reach)) is var found && found >= 0 ? found : ~found;
        double sum = 0;
        for (int i = first; i < sorted.Length && sorted[i] <= place + (far * reach); i++)
        {
            double x = (sorted[i] - place) / reach;
            sum += Math.Exp(-x * x / 2);
        }
        return Math.Sqrt(2) * sum;
    }
}
