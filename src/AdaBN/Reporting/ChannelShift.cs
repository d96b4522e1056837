namespace AdaBN;

/// <summary>
/// How far a channel lies apart in two domains, each taken as a Gaussian: mean m_s and variance v_s on the source, m_t and v_t on the
/// target. Epsilon counts to both variances, as the layer itself adds it: σ_s = √(v_s + ε), σ_t = √(v_t + ε).
/// </summary>
/// <remarks>
/// Of a layer's input and of its output in the same model all figures are the same: both domains pass one scale and one shift a channel.
/// </remarks>
/// <param name="MeanShift">(m_t − m_s) / σ_s, in standard deviations of the source; any sign.</param>
/// <param name="LogVarianceRatio">ln(σ_t² / σ_s²); 0 for equal variances, 0.69 for twice, −0.69 for half.</param>
/// <param name="SymmetricKL">KL(s‖t) + KL(t‖s), in nats, 0 or more (Li et al., arXiv 1603.04779, section 4.3).</param>
/// <param name="Wasserstein">The Wasserstein-2 distance √((m_t − m_s)² + (σ_t − σ_s)²) / σ_s, in standard deviations of the source, 0 or more.</param>
public sealed record ChannelShift(double MeanShift, double LogVarianceRatio, double SymmetricKL, double Wasserstein)
{
    /// <summary>
    /// How far <see cref="Wasserstein"/> is off by chance, in the same unit: images are what is drawn. Counts the errors of the mean and of the
    /// standard deviation, of the source too where it was measured; infinite for a single image.
    /// </summary>
    public double StandardError { get; init; }

    /// <summary>Of what was measured, against what was measured of the source or else stands in the model.</summary>
    internal static ChannelShift Of(int channel, LayerEvidence target, LayerEvidence? measuredSource = null)
    {
        ChannelStatistics source = measuredSource?.Target ?? target.Source;
        double squares = SquareError(channel, target) + (measuredSource is null ? 0 : SquareError(channel, measuredSource));
        return Of(source.Mean[channel], source.Variance[channel], target.Target.Mean[channel], target.Target.Variance[channel], target.Epsilon) with
        {
            StandardError = Math.Sqrt(Ratio(squares, source.Variance[channel] + target.Epsilon)),
        };
    }

    internal static ChannelShift Of(double sourceMean, double sourceVariance, double targetMean, double targetVariance, double epsilon)
    {
        double source = sourceVariance + epsilon, target = targetVariance + epsilon, shift = targetMean - sourceMean;
        double spread = Math.Sqrt(target) - Math.Sqrt(source), change = target - source;
        // ½·((s + d²)/t + (t + d²)/s) − 1, written so that nothing cancels where the domains are close
        double divergence = 0.5 * ((Ratio(change, source) * Ratio(change, target)) + Ratio(shift * shift, source) + Ratio(shift * shift, target));
        return new ChannelShift(
            Ratio(shift, Math.Sqrt(source)), source == target ? 0 : Math.Log(target / source), divergence, Math.Sqrt(Ratio((shift * shift) + (spread * spread), source)));
    }

    /// <summary>With epsilon 0, a channel that never varies is no shift where it stays and an infinite one where it moves.</summary>
    internal static double Ratio(double x, double unit) => x == 0 ? 0 : x / unit;

    /// <summary>Of the mean and of the standard deviation, whose error is that of the variance over twice itself.</summary>
    private static double SquareError(int channel, LayerEvidence measured)
    {
        double mean = measured.MeanStandardError(channel), variance = measured.VarianceStandardError(channel);
        return (mean * mean) + Ratio(variance * variance, 4 * (measured.Target.Variance[channel] + measured.Epsilon));
    }
}

/// <summary>The same of a layer: what its channels have in common.</summary>
/// <param name="MeanShift">Root mean square of <see cref="ChannelShift.MeanShift"/> over channels; 0 or more.</param>
/// <param name="LogVarianceRatio">Root mean square of <see cref="ChannelShift.LogVarianceRatio"/>; 0 or more.</param>
/// <param name="SymmetricKL">Mean of <see cref="ChannelShift.SymmetricKL"/>; 0 or more.</param>
/// <param name="Wasserstein">Root mean square of <see cref="ChannelShift.Wasserstein"/>; 0 or more, in standard deviations of the source.</param>
public sealed record ShiftFigures(double MeanShift, double LogVarianceRatio, double SymmetricKL, double Wasserstein)
{
    internal static ShiftFigures Of(IReadOnlyList<ChannelShift> channels) => new(
        RootMeanSquare(channels.Select(channel => channel.MeanShift)), RootMeanSquare(channels.Select(channel => channel.LogVarianceRatio)),
        channels.Average(channel => channel.SymmetricKL), RootMeanSquare(channels.Select(channel => channel.Wasserstein)));

    internal static ShiftFigures Of(ChannelStatistics source, ChannelStatistics target, double epsilon) =>
        Of([.. source.Mean.Select((mean, c) => ChannelShift.Of(mean, source.Variance[c], target.Mean[c], target.Variance[c], epsilon))]);

    internal static double RootMeanSquare(IEnumerable<double> values) => Math.Sqrt(values.Average(value => value * value));
}
