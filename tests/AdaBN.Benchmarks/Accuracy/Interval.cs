using AdaBN.Judgement;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>How sure a measured share is.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
internal readonly record struct Interval(double Low, double High)
{
    /// <summary>Wilson's 95 % interval of a share, as the product computes it.</summary>
    public static Interval Wilson(int right, int of)
    {
        Estimate share = AccuracyEstimate.Wilson(right, of);
        return new Interval(share.Low, share.High);
    }

    /// <summary>Difference of two shares on the same images, and its standard error.</summary>
    public static (double Difference, double StandardError) Paired(bool[] one, bool[] other)
    {
        int gained = one.Zip(other).Count(pair => pair is (true, false)), lost = one.Zip(other).Count(pair => pair is (false, true));
        double difference = (double)(gained - lost) / one.Length;
        return (difference, Math.Sqrt((((double)(gained + lost) / one.Length) - (difference * difference)) / one.Length));
    }
}
