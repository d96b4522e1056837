using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Forms;
using AdaBN.Onnx;

namespace AdaBN.Domains;

/// <summary>A patch's layers, found again in its model.</summary>
internal static class PatchedLayers
{
    /// <summary>A layer as a patch holds it.</summary>
    public static PatchLayer Of(DecidedLayer decided, ReferenceStatistics? reference)
    {
        (float[] mean, float[] variance) = decided.Decision.ToFloat(decided.Layer);
        ReferenceLayer? source = reference?.Find(decided.Layer.Output);
        return new PatchLayer(decided.Layer.Info.Name, decided.Layer.Output, mean, variance, source is null ? null : new ChannelStatistics(source.Mean, source.Variance));
    }

    /// <summary>Prepares the model and gives the layers what the patch says.</summary>
    /// <param name="source">The model that the patch is of.</param>
    /// <param name="patch">The patch; it holds a layer at least.</param>
    /// <param name="decided">The layers.</param>
    /// <exception cref="AdaptationException">The model does not have the patch's layers.</exception>
    public static WorkingModel Find(OnnxModel source, DomainPatch patch, out IReadOnlyList<DecidedLayer> decided)
    {
        Dictionary<string, PatchLayer> wanted = patch.Layers.ToDictionary(layer => layer.Output);
        ReferenceLayer[] folded = [.. patch.Layers.Where(layer => layer.Source is not null).Select(layer => new ReferenceLayer(layer.Name, layer.Output, layer.Source!.Mean, layer.Source.Variance))];
        ReferenceStatistics? reference = folded.Length == 0 ? null : new ReferenceStatistics(source.ComputationSha256(), patch.ModelSha256, patch.Samples, patch.ToolVersion, folded);
        WorkingModel working = WorkingModel.Of(FormSurvey.Of(source, reference), found => found.Output is { } output && wanted.ContainsKey(output), reference);
        decided = [.. working.Layers.Select(layer => Decide(layer, wanted[layer.Output]))];
        string[] missing = [.. wanted.Keys.Except(working.Layers.Select(layer => layer.Output))];
        if (missing.Length == 0) return working;
        throw new AdaptationException(AdaptationError.InvalidPatch, string.Create(CultureInfo.InvariantCulture,
            $"The statistics of domain '{patch.Domain}' are damaged: the model has no layer that computes '{missing[0]}' ({missing.Length} of {wanted.Count} layers are missing). Adapt the model anew ('adabn bank add')."));
    }

    private static DecidedLayer Decide(BatchNormLayer layer, PatchLayer found)
    {
        if (found.Mean.Count == layer.Channels) return new DecidedLayer(layer, new ChannelStatistics([.. found.Mean], [.. found.Variance]));
        throw new AdaptationException(AdaptationError.InvalidPatch, string.Create(CultureInfo.InvariantCulture,
            $"The statistics are damaged: they hold {found.Mean.Count} channels of layer '{found.Name}', which has {layer.Channels} in the model. Adapt the model anew ('adabn bank add')."));
    }
}
