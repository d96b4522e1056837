using System.Globalization;

namespace AdaBN.Policies;

/// <summary>Another policy's decision in layers of some depths, the source's statistics in the others.</summary>
internal sealed class DepthRange(IAdaptationPolicy policy, double from, double to) : IAdaptationPolicy
{
    public string Description => string.Create(CultureInfo.InvariantCulture, $"{policy.Description}, depths {from:0.##} to {to:0.##}");

    public bool NeedsImages => policy.NeedsImages;

    public ChannelStatistics Decide(LayerEvidence layer) => layer.RelativeDepth >= from && layer.RelativeDepth <= to ? policy.Decide(layer) : layer.Source;
}
