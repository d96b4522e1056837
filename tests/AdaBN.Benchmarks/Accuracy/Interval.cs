namespace AdaBN.Benchmarks.Accuracy;

/// <summary>How sure a measured share is.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
internal readonly record struct Interval(double Low, double High)
{
    private const double Normal95 = 1.959963984540054;

    /// <summary>Wilson's 95 % interval of a share (1927), good near 0 and 1 too.</summary>
    public static Interval Wilson(int right, int of)
    {
        double share = (double)right / of, square = Normal95 * Normal95 / of;
        double centre = share + (square / 2), half = Normal95 * Math.Sqrt(((share * (1 - share)) + (square / 4)) / of);
        return new Interval(Math.Max(0, (centre - half) / (1 + square)), Math.Min(1, (centre + half) / (1 + square)));
    }

    /// <summary>Difference of two shares on the same images, and its standard error.</summary>
    public static (double Difference, double StandardError) Paired(bool[] one, bool[] other)
    {
        int gained = one.Zip(other).Count(pair => pair is (true, false)), lost = one.Zip(other).Count(pair => pair is (false, true));
        double difference = (double)(gained - lost) / one.Length;
        return (difference, Math.Sqrt((((double)(gained + lost) / one.Length) - (difference * difference)) / one.Length));
    }
}
