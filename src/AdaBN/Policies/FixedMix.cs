using System.Globalization;

namespace AdaBN.Policies;

/// <summary>(1 − share)·source + share·target, mean and variance alike.</summary>
internal sealed class FixedMix(double share) : IAdaptationPolicy
{
    public string Description => string.Create(CultureInfo.InvariantCulture, $"mix, {share:0.##} of the target");

    public ChannelStatistics Decide(LayerEvidence layer) => layer.Between(_ => share, _ => share);
}
