namespace AdaBN.Measurement;

/// <summary>
/// Count, mean and centred sum of squares of each channel, in double, and how images differ from each other. Centred, because E[x²] − mean²
/// cancels when a channel's mean is large against its spread. Immutable.
/// </summary>
/// <remarks>
/// Of each image two numbers a channel count: a, its mean, and s, its mean square distance from the mean of all. Their co-moments over
/// images are what tells how sure the mean (the mean of a) and the variance (the mean of s) are: images are drawn, not pixels.
/// </remarks>
/// <param name="Count">Values in each channel (images × positions).</param>
/// <param name="Mean">Mean of each channel.</param>
/// <param name="M2">Σ(x − mean)² of each channel.</param>
/// <param name="Images">Images, each with equally many values.</param>
/// <param name="MeanSpread">Σ(a − ā)² of each channel.</param>
/// <param name="CrossSpread">Σ(a − ā)(s − s̄) of each channel.</param>
/// <param name="SquareSpread">Σ(s − s̄)² of each channel.</param>
internal sealed record ChannelMoments(long Count, double[] Mean, double[] M2, long Images, double[] MeanSpread, double[] CrossSpread, double[] SquareSpread)
{
    /// <summary>
    /// Moments of two sets together (Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample
    /// variances"). The order of the arguments matters in the last bit: callers merge in a fixed order.
    /// </summary>
    public static ChannelMoments Merge(ChannelMoments a, ChannelMoments b)
    {
        long count = checked(a.Count + b.Count), images = a.Images + b.Images;
        double weight = (double)b.Count / count, spread = a.Count * weight, imageSpread = a.Images * ((double)b.Images / images);
        int channels = a.Mean.Length;
        var (mean, m2, means, cross, squares) = (new double[channels], new double[channels], new double[channels], new double[channels], new double[channels]);
        for (int c = 0; c < channels; c++)
        {
            double delta = b.Mean[c] - a.Mean[c];
            mean[c] = a.Mean[c] + (delta * weight);
            m2[c] = a.M2[c] + b.M2[c] + (delta * delta * spread);

            // Around the common mean, s of an image of a set becomes s + 2·d·(a − ā) + d², with d the way from there to the set's own mean.
            double da = a.Mean[c] - mean[c], db = b.Mean[c] - mean[c];
            double deltaSquare = (b.M2[c] / b.Count) + (db * db) - ((a.M2[c] / a.Count) + (da * da));
            means[c] = a.MeanSpread[c] + b.MeanSpread[c] + (delta * delta * imageSpread);
            cross[c] = a.CrossSpread[c] + (2 * da * a.MeanSpread[c]) + b.CrossSpread[c] + (2 * db * b.MeanSpread[c]) + (delta * deltaSquare * imageSpread);
            squares[c] = a.SquareSpread[c] + (4 * da * (a.CrossSpread[c] + (da * a.MeanSpread[c])))
                + b.SquareSpread[c] + (4 * db * (b.CrossSpread[c] + (db * b.MeanSpread[c]))) + (deltaSquare * deltaSquare * imageSpread);
        }
        return new ChannelMoments(count, mean, m2, images, means, cross, squares);
    }

    /// <summary>Moments of the channels of several sets, one after the other.</summary>
    public static ChannelMoments Join(IReadOnlyList<ChannelMoments> parts) => parts.Count == 1 ? parts[0] : new ChannelMoments(
        parts[0].Count, [.. parts.SelectMany(part => part.Mean)], [.. parts.SelectMany(part => part.M2)], parts[0].Images,
        [.. parts.SelectMany(part => part.MeanSpread)], [.. parts.SelectMany(part => part.CrossSpread)], [.. parts.SelectMany(part => part.SquareSpread)]);

    /// <summary>The first channel whose moments are NaN or infinite, or −1.</summary>
    public int FirstNonFiniteChannel()
    {
        for (int c = 0; c < Mean.Length; c++)
            if (!double.IsFinite(Mean[c]) || !double.IsFinite(M2[c])) return c;
        return -1;
    }
}
