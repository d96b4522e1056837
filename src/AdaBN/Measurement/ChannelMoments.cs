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
    /// <summary>Mean and population variance of each image by itself, in reading order; null where no policy asks for it.</summary>
    public IReadOnlyList<ChannelStatistics>? PerImage { get; init; }

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
        return new ChannelMoments(count, mean, m2, images, means, cross, squares) { PerImage = a.PerImage is null || b.PerImage is null ? null : [.. a.PerImage, .. b.PerImage] };
    }

    /// <summary>Moments of a·x + b.</summary>
    /// <param name="factor">a of each channel; above 0.</param>
    /// <param name="offset">b of each channel.</param>
    public ChannelMoments Scaled(double[] factor, double[] offset)
    {
        double[] Times(IReadOnlyList<double> values, int power) => [.. values.Select((value, c) => value * Math.Pow(factor[c], power))];
        double[] Plus(double[] values) => [.. values.Select((value, c) => value + offset[c])];
        return new ChannelMoments(Count, Plus(Times(Mean, 1)), Times(M2, 2), Images, Times(MeanSpread, 2), Times(CrossSpread, 3), Times(SquareSpread, 4))
        {
            PerImage = PerImage is null ? null : [.. PerImage.Select(image => new ChannelStatistics(Plus(Times(image.Mean, 1)), Times(image.Variance, 2)))],
        };
    }

    /// <summary>Moments of images whose own are known, each of equally many values.</summary>
    public static ChannelMoments Of(IReadOnlyList<ChannelStatistics> images, long valuesPerImage)
    {
        int channels = images[0].Mean.Count;
        var (mean, m2, means, cross, squares) = (new double[channels], new double[channels], new double[channels], new double[channels], new double[channels]);
        for (int c = 0; c < channels; c++)
        {
            mean[c] = images.Average(image => image.Mean[c]);
            double Square(ChannelStatistics image) => image.Variance[c] + ((image.Mean[c] - mean[c]) * (image.Mean[c] - mean[c]));
            double variance = images.Average(Square);
            foreach (ChannelStatistics image in images)
            {
                double a = image.Mean[c] - mean[c], s = Square(image) - variance;
                means[c] += a * a;
                cross[c] += a * s;
                squares[c] += s * s;
            }
            m2[c] = variance * valuesPerImage * images.Count;
        }
        return new ChannelMoments(valuesPerImage * images.Count, mean, m2, images.Count, means, cross, squares) { PerImage = images };
    }

    /// <summary>As <see cref="Merge"/>, but the sets are the same images at two places of the model: an image keeps one mean and one variance.</summary>
    public static ChannelMoments MergeSameImages(ChannelMoments a, ChannelMoments b)
    {
        if (a.PerImage is null) return Merge(a, b);
        double weight = (double)b.Count / (a.Count + b.Count);
        ChannelStatistics Both((ChannelStatistics A, ChannelStatistics B) image)
        {
            double[] delta = [.. image.B.Mean.Zip(image.A.Mean, (x, y) => x - y)];
            return new ChannelStatistics(
                [.. delta.Select((d, c) => image.A.Mean[c] + (weight * d))],
                [.. delta.Select((d, c) => ((1 - weight) * image.A.Variance[c]) + (weight * image.B.Variance[c]) + (weight * (1 - weight) * d * d))]);
        }
        return Merge(a with { PerImage = null }, b with { PerImage = null }) with { PerImage = [.. a.PerImage.Zip(b.PerImage!).Select(Both)] };
    }

    /// <summary>Moments of the channels of several sets, one after the other.</summary>
    public static ChannelMoments Join(IReadOnlyList<ChannelMoments> parts) => parts.Count == 1 ? parts[0] : new ChannelMoments(
        parts[0].Count, [.. parts.SelectMany(part => part.Mean)], [.. parts.SelectMany(part => part.M2)], parts[0].Images,
        [.. parts.SelectMany(part => part.MeanSpread)], [.. parts.SelectMany(part => part.CrossSpread)], [.. parts.SelectMany(part => part.SquareSpread)])
    {
        PerImage = parts[0].PerImage is null ? null : [.. parts[0].PerImage!.Select((_, image) => new ChannelStatistics(
            [.. parts.SelectMany(part => part.PerImage![image].Mean)], [.. parts.SelectMany(part => part.PerImage![image].Variance)]))],
    };

    /// <summary>The first channel whose moments are NaN or infinite, or −1.</summary>
    public int FirstNonFiniteChannel()
    {
        for (int c = 0; c < Mean.Length; c++)
            if (!double.IsFinite(Mean[c]) || !double.IsFinite(M2[c])) return c;
        return -1;
    }
}
