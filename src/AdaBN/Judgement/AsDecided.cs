using AdaBN.Forms;

namespace AdaBN.Judgement;

/// <summary>Takes the decisions of another pass, whatever is measured: to see what they make of other samples.</summary>
internal sealed class AsDecided(AdaptedLayers decided) : IAdaptationPolicy
{
    private readonly Dictionary<NormalizationLayer, ChannelStatistics> _decisions = decided.Layers.ToDictionary(layer => layer.Layer.Info, layer => layer.Decision);

    public string Description => "as decided";

    public ChannelStatistics Decide(LayerEvidence layer) => _decisions[layer.Layer];
}
