namespace AdaBN.Policies;

/// <summary>Nothing changes: for measuring, and for the layers that others leave alone.</summary>
internal sealed class KeepSource : IAdaptationPolicy
{
    public string Description => "source statistics kept";

    public ChannelStatistics Decide(LayerEvidence layer) => layer.Source;
}
