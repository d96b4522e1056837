namespace AdaBN.Policies;

/// <summary>Another policy's decision where it is wanted, the source's statistics elsewhere.</summary>
internal sealed class PartOf(
    IAdaptationPolicy policy, string where, Func<NormalizationLayer, int, bool> takesMean, Func<NormalizationLayer, int, bool> takesVariance) : IAdaptationPolicy
{
    public string Description => $"{policy.Description}, {where}";

    public bool NeedsImages => policy.NeedsImages;

    public ChannelStatistics Decide(LayerEvidence layer)
    {
        ChannelStatistics decided = policy.Decide(layer);
        return new ChannelStatistics(
            [.. decided.Mean.Select((mean, c) => takesMean(layer.Layer, c) ? mean : layer.Source.Mean[c])],
            [.. decided.Variance.Select((variance, c) => takesVariance(layer.Layer, c) ? variance : layer.Source.Variance[c])]);
    }
}
