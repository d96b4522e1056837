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
    /// <param name="reference">
    /// The source domain's statistics of such layers; those that the model carries where null. Should these be unusable
    /// (<see cref="ReferenceFault"/>), layers are listed as without any.
    /// </param>
    /// <exception cref="AdaptationException">The given reference is of another model, or does not fit its layers.</exception>
    /// <exception cref="OnnxModelException">The model's graph or tensors are damaged.</exception>
    public static IReadOnlyList<NormalizationLayer> Inspect(OnnxModel model, ReferenceStatistics? reference = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        FormSurvey survey = reference is null && ReferenceFault(model) is not null ? FormSurvey.Of(model, null) : FormSurvey.Of(model, ReferenceStatistics.For(model, reference));
        return [.. survey.Layers.Select(found => found.Info)];
    }

    /// <summary>Why the reference statistics that a model carries cannot be used, as an adaptation would say when it refuses; null where they can, or there are none.</summary>
    /// <exception cref="OnnxModelException">The model's graph or tensors are damaged.</exception>
    public static string? ReferenceFault(OnnxModel model)
    {
        try
        {
            if (ReferenceStatistics.For(model, given: null) is { } carried) FormSurvey.Of(model, carried);
            return null;
        }
        catch (AdaptationException e) when (e.Error == AdaptationError.InvalidReference)
        {
            return e.Message;
        }
    }

    /// <summary>The outputs that are pictures, or may be: there BatchNormalization is not what a new domain asks for.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="OnnxModelException">The model's graph or tensors are damaged.</exception>
    public static IReadOnlyList<ImageOutput> ImageOutputs(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [.. Discovery.ImageOutputs.Find(FormSurvey.Of(model, null).Copy.Graph).Select(image => image.Found)];
    }
}
