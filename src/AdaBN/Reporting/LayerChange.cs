using AdaBN.Forms;
using AdaBN.Onnx.Ops;

namespace AdaBN;

/// <summary>A layer's statistics in two models.</summary>
/// <param name="Name">The node's name, or its output's where it has none.</param>
/// <param name="Depth">Number of BatchNormalization nodes before it on the longest path; null where it does not depend on the inputs.</param>
/// <param name="HasChanged">Whether a number of its statistics differs.</param>
/// <param name="Figures">How far the second model's statistics lie from the first's, the first being the source.</param>
/// <param name="VarianceRatio">Geometric mean over channels of (v₂ + ε) / (v₁ + ε): 2 where the second model expects twice the variance.</param>
/// <param name="Channels">The same of each channel.</param>
public sealed record LayerChange(string Name, int? Depth, bool HasChanged, ShiftFigures Figures, double VarianceRatio, IReadOnlyList<ChannelShift> Channels)
{
    internal static IEnumerable<LayerChange> Between(FormSurvey first, FormSurvey second)
    {
        Dictionary<string, FoundLayer> after = second.Layers.Where(IsBatch).ToDictionary(layer => layer.Output!, StringComparer.Ordinal);
        foreach (FoundLayer layer in first.Layers.Where(IsBatch))
            if (after.TryGetValue(layer.Output!, out FoundLayer? now) && now.Batch!.Channels == layer.Batch!.Channels) yield return Of(layer.Info, layer.Batch, now.Batch);
    }

    private static bool IsBatch(FoundLayer layer) => layer.Batch is not null;

    private static LayerChange Of(NormalizationLayer layer, AdaptableNode before, AdaptableNode after)
    {
        (double[] mean, double[] variance) = (before.Mean.Source.Elements, before.Variance.Source.Elements);
        (double[] newMean, double[] newVariance) = (after.Mean.Source.Elements, after.Variance.Source.Elements);
        double epsilon = before.Node.GetFloat(BatchNormalization.Epsilon, BatchNormalization.DefaultEpsilon);
        ChannelShift[] channels = [.. mean.Select((m, c) => ChannelShift.Of(m, variance[c], newMean[c], newVariance[c], epsilon))];
        bool hasChanged = !mean.SequenceEqual(newMean) || !variance.SequenceEqual(newVariance);
        return new LayerChange(layer.Name, layer.Depth, hasChanged, ShiftFigures.Of(channels), Math.Exp(channels.Average(channel => channel.LogVarianceRatio)), channels);
    }
}
