namespace AdaBN.Domains;

/// <summary>
/// How empty it is between two heaps of numbers: the least density between them, over that of the lower heap's top, by Gaussian kernels. A share of a domain, however cut off, has
/// no valley beside it; one number tells it apart from a domain of its own, whatever the sizes.
/// </summary>
internal static class Valley
{
    private const int Places = 100, Steps = 5;
    private const double Errors = 2, About = 2, Narrow = 1e-6;

    /// <summary>
    /// The emptiest place about 0 (two kernels to either side), and how empty it is at most: the images there taken as two standard errors (Poisson) more than seen, those at the
    /// heap's top as two fewer. 1: no valley.
    /// </summary>
    /// <param name="numbers">The numbers; a discriminant thinks heaps on either side of 0.</param>
    /// <param name="least">Fewest numbers of a heap.</param>
    public static (double AtMost, double Place) Find(double[] numbers, int least)
    {
        int n = numbers.Length;
        if (n < 2 * least) return (1, 0);
        double[] sorted = [.. numbers.Order()];
        double low = sorted[least / 2], high = sorted[n - 1 - (least / 2)];
        if (!(low < 0 && high > 0)) return (1, 0);
        double reach = Width(sorted) * Math.Pow(n, -0.2);
        double Top(double end) => Enumerable.Range(0, Places).Max(i => Seen(sorted, end * i / (Places - 1), reach));
        double top = Math.Min(Top(low), Top(high)), surely = top - (Errors * Math.Sqrt(top)), valley = 1, place = 0;
        for (int step = -Steps; surely > 0 && step <= Steps; step++)
        {
            double at = About * reach * step / Steps, seen = Seen(sorted, at, reach), here = (seen + (Errors * Math.Sqrt(seen + 1))) / surely;
            if (here < valley && at >= sorted[least - 1] && at <= sorted[n - least]) (valley, place) = (here, at);
        }
        return (valley, place);
    }

    /// <summary>Standard deviation of numbers on either side of 0 from the middle of their side; a little where they are copies of two numbers.</summary>
    public static double Width(double[] numbers)
    {
        ILookup<bool, double> sides = numbers.ToLookup(number => number > 0);
        double[] middles = [.. ((bool[])[false, true]).Select(side => sides[side].DefaultIfEmpty().Average())];
        double square = numbers.Average(number => number - middles[number > 0 ? 1 : 0] is var from ? from * from : 0);
        return Math.Max(Math.Sqrt(square), Narrow * (middles[1] - middles[0]));
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
