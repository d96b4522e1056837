namespace AdaBN.Judgement;

/// <summary>Accuracy on labelled samples with 95 % intervals.</summary>
internal static class AccuracyEstimate
{
    private const double Normal95 = 1.959963984540054;

    /// <summary>Two models on the same samples, by the classes they take them for.</summary>
    public static MeasuredAccuracy Of(IReadOnlyList<int> labels, int[] source, int[] adapted)
    {
        int gained = 0, lost = 0, rightBefore = 0, rightAfter = 0;
        for (int i = 0; i < labels.Count; i++)
        {
            bool before = source[i] == labels[i], after = adapted[i] == labels[i];
            if (before) rightBefore++;
            if (after) rightAfter++;
            if (after && !before) gained++;
            if (before && !after) lost++;
        }
        return new MeasuredAccuracy(labels.Count, Wilson(rightBefore, labels.Count), Wilson(rightAfter, labels.Count), Paired(gained, lost, labels.Count));
    }

    /// <summary>Wilson's interval of a share (1927), good near 0 and 1 too.</summary>
    internal static Estimate Wilson(int right, int of)
    {
        double share = (double)right / of, square = Normal95 * Normal95 / of;
        double centre = share + (square / 2), half = Normal95 * Math.Sqrt(((share * (1 - share)) + (square / 4)) / of);
        return new Estimate(share, Math.Max(0, (centre - half) / (1 + square)), Math.Min(1, (centre + half) / (1 + square)));
    }

    /// <summary>Interval of a difference of two shares of the same samples: normal, half a sample added to each of the four outcomes (Agresti and Min 2005).</summary>
    internal static Estimate Paired(int gained, int lost, int of)
    {
        double n = of + 2, up = gained + 0.5, down = lost + 0.5, difference = (up - down) / n;
        double half = Normal95 * Math.Sqrt(((up + down) / n) - (difference * difference)) / Math.Sqrt(n);
        return new Estimate((double)(gained - lost) / of, Math.Max(-1, difference - half), Math.Min(1, difference + half));
    }
}
