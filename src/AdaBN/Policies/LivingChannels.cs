namespace AdaBN.Policies;

/// <summary>
/// Another policy's decision, except for channels that are dead on the target: they hardly vary (to a thousandth of the source's deviation), so their target variance would blow
/// up whatever comes later. These keep the source's statistics.
/// </summary>
internal sealed class LivingChannels(IAdaptationPolicy policy) : IAdaptationPolicy
{
    private const double Dead = 1e-6;

    public string Description => policy.Description;

    public bool NeedsImages => policy.NeedsImages;

    public ChannelStatistics Decide(LayerEvidence layer)
    {
        ChannelStatistics decided = policy.Decide(layer);
        bool IsDead(int channel) => layer.Target.Variance[channel] <= Dead * layer.Source.Variance[channel];
        return Enumerable.Range(0, layer.Channels).Any(IsDead)
            ? new ChannelStatistics([.. decided.Mean.Select((mean, c) => IsDead(c) ? layer.Source.Mean[c] : mean)], [.. decided.Variance.Select((variance, c) => IsDead(c) ? layer.Source.Variance[c] : variance)])
            : decided;
    }
}
