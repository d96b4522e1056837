using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Forms;
using AdaBN.Measurement;

namespace AdaBN;

/// <summary>
/// What an adaptation has measured, a few numbers a channel and no image: enough to go on with further samples of the same domain
/// (<see cref="BatchNormAdapter.AdaptMore"/>). Immutable.
/// </summary>
public sealed class AdaptationMoments
{
    private readonly Dictionary<string, LayerMoments> _layers;

    private AdaptationMoments(string sourceSha256, long samples, double effectiveImages, Dictionary<string, LayerMoments> layers) =>
        (SourceSha256, Samples, EffectiveImages, _layers) = (sourceSha256, samples, effectiveImages, layers);

    /// <summary>SHA-256 of the source model's file, in lower-case hex: the only model that the moments are of.</summary>
    public string SourceSha256 { get; }

    /// <summary>Samples measured.</summary>
    public long Samples { get; }

    /// <summary>Independent images that they are worth (<see cref="AdaptationReport.EffectiveImages"/>).</summary>
    public double EffectiveImages { get; }

    /// <summary>Whether each image's own moments are kept (<see cref="AdaptationOptions.KeepImageMoments"/>).</summary>
    public bool HasImages => _layers.Values.All(layer => layer.Moments.PerImage is not null);

    internal static AdaptationMoments Of(string sourceSha256, AdaptedLayers measured, long samples, double effectiveImages) => new(
        sourceSha256, samples, effectiveImages, measured.Layers.ToDictionary(layer => layer.Layer.Output, layer => new LayerMoments(layer.Moments, layer.Decision)));

    /// <summary>Refuses what was measured of another model or other layers.</summary>
    /// <exception cref="AdaptationException">The moments do not belong to the model, or lack what the policy looks at.</exception>
    internal void Check(string sourceSha256, WorkingModel working, IAdaptationPolicy policy)
    {
        if (sourceSha256 != SourceSha256)
        {
            throw new AdaptationException(AdaptationError.InvalidPatch,
                $"The moments are of another model: measured on the file with the SHA-256 {SourceSha256}, but this one's is {sourceSha256}. Give the source model that was adapted, not what came of it.");
        }
        if (working.Layers.FirstOrDefault(layer => _layers.GetValueOrDefault(layer.Output)?.Moments.Mean.Length != layer.Channels) is { } missing || working.Layers.Count != _layers.Count)
        {
            throw new AdaptationException(AdaptationError.InvalidPatch, string.Create(CultureInfo.InvariantCulture,
                $"The moments are of {_layers.Count} layers, but {working.Layers.Count} are to be adapted now. Give the same {nameof(AdaptationOptions.LayerFilter)} and {nameof(AdaptationOptions.Reference)} as before."));
        }
        if (policy.NeedsImages && !HasImages)
        {
            throw new AdaptationException(AdaptationError.EmptyData,
                $"The policy '{policy.Description}' looks at each image by itself, and of the {Samples} samples before only their common moments were kept. Set {nameof(AdaptationOptions.KeepImageMoments)} from the first adaptation on, or take a policy that needs no single image.");
        }
    }

    internal LayerMoments this[BatchNormLayer layer] => _layers[layer.Output];

    /// <summary>Moments of a layer.</summary>
    /// <param name="Moments">Of its input, the layers before it having been decided as they were.</param>
    /// <param name="Decision">What was decided for it.</param>
    internal sealed record LayerMoments(ChannelMoments Moments, ChannelStatistics Decision);
}
