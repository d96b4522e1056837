namespace AdaBN.Policies;

/// <summary>Takes the decisions of another pass, whatever is measured: to see what they make of other samples.</summary>
internal sealed class AsDecided(IReadOnlyDictionary<NormalizationLayer, ChannelStatistics> decisions) : IAdaptationPolicy
{
    public string Description => "as decided";

    public ChannelStatistics Decide(LayerEvidence layer) => decisions[layer.Layer];
}
