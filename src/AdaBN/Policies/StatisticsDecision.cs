using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN.Policies;

/// <summary>The statistics a layer shall normalize with from now on, one number a channel.</summary>
internal sealed record StatisticsDecision(double[] Mean, double[] Variance)
{
    /// <summary>The statistics as the model stores them.</summary>
    /// <exception cref="AdaptationException">A number is more than the file's type holds.</exception>
    public (float[] Mean, float[] Variance) ToFloat(BatchNormLayer layer) => (Round(Mean, layer, "mean"), Round(Variance, layer, "variance"));

    private static float[] Round(double[] values, BatchNormLayer layer, string what)
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
