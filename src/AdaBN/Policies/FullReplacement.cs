namespace AdaBN.Policies;

/// <summary>AdaBN as its authors define it (Li et al. 2016, arXiv 1603.04779, algorithm 1): the target's statistics take the source's place entirely.</summary>
internal sealed class FullReplacement : IAdaptationPolicy
{
    public string Description => "full replacement";

    public ChannelStatistics Decide(LayerEvidence layer) => layer.Target;
}
