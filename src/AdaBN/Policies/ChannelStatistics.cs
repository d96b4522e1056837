using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN;

/// <summary>Statistics of a layer, one number a channel.</summary>
/// <param name="Mean">Means.</param>
/// <param name="Variance">Variances.</param>
public sealed record ChannelStatistics(IReadOnlyList<double> Mean, IReadOnlyList<double> Variance)
{
    /// <summary>The statistics as the model stores them.</summary>
    /// <exception cref="AdaptationException">A number is more than the file's type holds.</exception>
    internal (float[] Mean, float[] Variance) ToFloat(BatchNormLayer layer) => (Round(Mean, layer, "mean"), Round(Variance, layer, "variance"));

    /// <summary>Refuses what no layer can have.</summary>
    /// <exception cref="AdaptationException">A policy decided for another number of channels, or a negative or infinite number.</exception>
    internal void Check(LayerEvidence layer, IAdaptationPolicy policy)
    {
        bool isWhole = Mean.Count == layer.Channels && Variance.Count == layer.Channels;
        if (isWhole && Mean.All(double.IsFinite) && Variance.All(variance => variance >= 0 && double.IsFinite(variance))) return;
        throw new AdaptationException(AdaptationError.InvalidDecision, string.Create(CultureInfo.InvariantCulture,
            $"The policy '{policy.Description}' decided {Mean.Count} means and {Variance.Count} variances for layer '{layer.Layer.Name}'{(isWhole ? ", not all of them finite and the variances not negative" : "")}; expected {layer.Channels} of each."));
    }

    private static float[] Round(IReadOnlyList<double> values, BatchNormLayer layer, string what)
    {
        float[] floats = [.. values.Select(value => (float)layer.StoredAs.Round(value))];
        int channel = Array.FindIndex(floats, value => !float.IsFinite(value));
        if (channel < 0) return floats;
        string type = layer.StoredAs is ElementType.Float or ElementType.Double ? "float32" : layer.StoredAs.ToString().ToLowerInvariant();
        throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
            $"The {what} of layer '{layer.Info.Name}', channel {channel}, is {values[channel]:g4}, more than {type} holds. " +
            $"Check the data's preprocessing (scale, mean){(type == "float32" ? "" : ", or export the model in float32")}."));
    }
}
