using System.Globalization;

namespace AdaBN.Policies;

/// <summary>
/// The source counts as N images beside the n of the target: N/(N + n)·source + n/(N + n)·target, mean and variance alike (Schneider et al. 2020,
/// arXiv 2006.16971, equation 1).
/// </summary>
internal sealed class SourcePrior(double sourceImages) : IAdaptationPolicy
{
    public string Description => string.Create(CultureInfo.InvariantCulture, $"source prior of {sourceImages:0.##} images");

    public ChannelStatistics Decide(LayerEvidence layer)
    {
        double share = layer.EffectiveImages / (sourceImages + layer.EffectiveImages);
        return layer.Between(_ => share, _ => share);
    }
}
