namespace AdaBN.Measurement;

/// <summary>
/// Count, mean and centred sum of squares of each channel, in double. Centred, because E[x²] − mean² cancels when a channel's mean
/// is large against its spread. Immutable.
/// </summary>
/// <param name="Count">Values in each channel (samples × positions).</param>
/// <param name="Mean">Mean of each channel.</param>
/// <param name="M2">Σ(x − mean)² of each channel.</param>
internal sealed record ChannelMoments(long Count, double[] Mean, double[] M2)
{
    /// <summary>
    /// Moments of two sets together (Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample
    /// variances"). The order of the arguments matters in the last bit: callers merge in a fixed order.
    /// </summary>
    public static ChannelMoments Merge(ChannelMoments a, ChannelMoments b)
    {
        long count = checked(a.Count + b.Count);
        double weight = (double)b.Count / count;
        double spread = a.Count * weight;
        var mean = new double[a.Mean.Length];
        var m2 = new double[mean.Length];
        for (int c = 0; c < mean.Length; c++)
        {
            double delta = b.Mean[c] - a.Mean[c];
            mean[c] = a.Mean[c] + (delta * weight);
            m2[c] = a.M2[c] + b.M2[c] + (delta * delta * spread);
        }
        return new ChannelMoments(count, mean, m2);
    }

    /// <summary>The first channel whose moments are NaN or infinite, or −1.</summary>
    public int FirstNonFiniteChannel()
    {
        for (int c = 0; c < Mean.Length; c++)
            if (!double.IsFinite(Mean[c]) || !double.IsFinite(M2[c])) return c;
        return -1;
    }
}
