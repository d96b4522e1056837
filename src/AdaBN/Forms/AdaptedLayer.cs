using AdaBN.Discovery;
using AdaBN.Measurement;

namespace AdaBN.Forms;

/// <summary>A layer that was measured and decided.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Evidence">What is known of it.</param>
/// <param name="Decision">What the policy made of that.</param>
/// <param name="Moments">What the evidence comes from, for merging with further samples.</param>
internal sealed record AdaptedLayer(BatchNormLayer Layer, LayerEvidence Evidence, ChannelStatistics Decision, ChannelMoments Moments);

/// <summary>A layer and the statistics to write.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Decision">Its statistics; not the source's own.</param>
internal sealed record DecidedLayer(BatchNormLayer Layer, ChannelStatistics Decision);

/// <summary>All layers of a working model, shallow to deep, as one pass left them.</summary>
/// <param name="Layers">The layers.</param>
/// <param name="Samples">Samples measured.</param>
/// <param name="Scores">Class scores of the drawn samples, a row each; null where the model has none or nobody wanted them.</param>
internal sealed record AdaptedLayers(IReadOnlyList<AdaptedLayer> Layers, long Samples, float[][]? Scores)
{
    /// <summary>What was decided, by layer.</summary>
    public IReadOnlyDictionary<NormalizationLayer, ChannelStatistics> Decisions => Layers.ToDictionary(layer => layer.Layer.Info, layer => layer.Decision);

    /// <summary>The layers whose statistics are not to stay the source's.</summary>
    public IEnumerable<DecidedLayer> Changed => Layers.Where(layer => layer.Decision != layer.Evidence.Source).Select(layer => new DecidedLayer(layer.Layer, layer.Decision));
}
