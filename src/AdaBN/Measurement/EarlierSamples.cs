using AdaBN.Discovery;

namespace AdaBN.Measurement;

/// <summary>
/// Moments of samples that are gone, taken into account as if they had been measured together with those at hand.
/// </summary>
/// <remarks>
/// In the shallowest layers that is exact. Deeper ones saw the earlier samples behind layers decided otherwise, and that changes what arrives there. What it
/// changes is measured on the samples at hand, which are measured both ways: as before and as decided now. A channel's input becomes a·x + b to first order;
/// a and b follow from its moments both ways and are applied to the earlier samples' moments. What remains is the difference of two small
/// differences: that of the decisions, times that of the sets.
/// </remarks>
internal sealed class EarlierSamples(AdaptationMoments moments, IReadOnlyList<BatchNormLayer> layers)
{
    /// <summary>What was decided before, by layer.</summary>
    public IReadOnlyDictionary<NormalizationLayer, ChannelStatistics> Decisions { get; } = layers.ToDictionary(layer => layer.Info, layer => moments[layer].Decision);

    public long Samples => moments.Samples;

    public double EffectiveImages => moments.EffectiveImages;

    public bool HasImages => moments.HasImages;

    /// <summary>Earlier and present samples together.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="measured">The present samples, as decided now.</param>
    /// <param name="asBefore">The present samples behind layers decided as before; null where that makes no difference, or is not known.</param>
    public ChannelMoments Merge(BatchNormLayer layer, ChannelMoments measured, ChannelMoments? asBefore)
    {
        ChannelMoments earlier = moments[layer].Moments;
        return ChannelMoments.Merge(asBefore is null ? earlier : Moved(earlier, asBefore, measured), measured);
    }

    /// <summary>Independent images that a layer's merged evidence is worth.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="present">Those of the present samples.</param>
    public double EffectiveImagesOf(BatchNormLayer layer, double present) => present + (moments[layer].Moments.Images * (moments.EffectiveImages / moments.Samples));

    private static ChannelMoments Moved(ChannelMoments earlier, ChannelMoments from, ChannelMoments to)
    {
        // Beyond that it is no small change, and a channel that hardly varied would blow up what is known.
        const double most = 2;
        double[] factor = [.. from.M2.Zip(to.M2, (before, after) => before > 0 && after > 0 ? Math.Clamp(Math.Sqrt(after / before), 1 / most, most) : 1)];
        return earlier.Scaled(factor, [.. factor.Select((a, c) => to.Mean[c] - (a * from.Mean[c]))]);
    }
}
