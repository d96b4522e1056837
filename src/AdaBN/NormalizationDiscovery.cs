using AdaBN.Forms;
using AdaBN.Onnx;

namespace AdaBN;

/// <summary>Finds what normalizes in a model, in which form, and why a layer is left alone.</summary>
public static class NormalizationDiscovery
{
    /// <summary>
    /// Lists a model's normalizations, in the order of computation, those in nested graphs and local functions included. Where
    /// BatchNormalization looks as if it were folded into layers, all layers into which it could be are listed as well, each of the
    /// others with the reason why it is not thought to be.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="reference">The source domain's statistics of such layers; those that the model carries where null.</param>
    /// <exception cref="AdaptationException">The reference is damaged or of another model.</exception>
    /// <exception cref="OnnxModelException">The model's graph or tensors are damaged.</exception>
    public static IReadOnlyList<NormalizationLayer> Inspect(OnnxModel model, ReferenceStatistics? reference = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [.. FormSurvey.Of(model, ReferenceStatistics.For(model, reference)).Layers.Select(found => found.Info)];
    }
}
