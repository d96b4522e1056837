using AdaBN.Forms;
using AdaBN.Onnx;

namespace AdaBN;

/// <summary>Finds what normalizes in a model, in which form, and why a layer is left alone.</summary>
public static class NormalizationDiscovery
{
    /// <summary>Lists a model's normalizations, in the order of computation, those in nested graphs and local functions included.</summary>
    /// <exception cref="OnnxModelException">The model's graph or tensors are damaged.</exception>
    public static IReadOnlyList<NormalizationLayer> Inspect(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [.. FormSurvey.Of(model).Layers.Select(found => found.Info)];
    }
}
