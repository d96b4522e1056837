using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Policies;

namespace AdaBN.Forms;

/// <summary>
/// The model as the engine computes it: every layer to adapt is a BatchNormalization node of the main graph, in inference form, with
/// float32 initializers, whatever form it has in the file. Each layer's site knows the way back.
/// </summary>
/// <param name="Model">The working copy.</param>
/// <param name="Layers">The layers to adapt; their nodes are the copy's.</param>
/// <param name="Sites">Where each layer's statistics stand in the file's own model.</param>
internal sealed record WorkingModel(OnnxModel Model, IReadOnlyList<BatchNormLayer> Layers, IReadOnlyDictionary<BatchNormLayer, IStatisticsSite> Sites)
{
    /// <summary>Prepares the working copy of a model.</summary>
    /// <exception cref="AdaptationException">Nothing in it can be adapted, or a layer cannot that should be.</exception>
    public static WorkingModel Of(OnnxModel model, Func<NormalizationLayer, bool>? filter, ReferenceStatistics? reference)
    {
        OnnxModel copy = model.Clone();
        IReadOnlyList<FoldedLayer> folded = reference is null ? [] : NormalizationDiscovery.FoldedLayers(copy, filter, reference);
        IReadOnlyList<BatchNormLayer> layers = NormalizationDiscovery.AdaptableLayers(copy, filter, reference, mayBeNone: folded.Count > 0);
        Dictionary<BatchNormLayer, IStatisticsSite> sites = layers.ToDictionary(layer => layer, IStatisticsSite (layer) => new ParameterSite(layer));
        foreach (FoldedLayer layer in folded) sites.Add(FoldedLayers.Unfold(copy, layer, reference!.Find(layer.Layer.Output)!, out IStatisticsSite site), site);
        return new WorkingModel(copy, [.. sites.Keys], sites);
    }

    /// <summary>The file's own model with the decided statistics written.</summary>
    public OnnxModel Write(OnnxModel model, IReadOnlyDictionary<BatchNormLayer, StatisticsDecision> decisions)
    {
        OnnxModel adapted = model.Clone();
        foreach ((BatchNormLayer layer, StatisticsDecision decision) in decisions) Sites[layer].Write(adapted, decision);
        return adapted;
    }
}
