using System.Globalization;

namespace AdaBN;

/// <summary>What takes the place of a model's BatchNormalization layers. Immutable.</summary>
/// <param name="Description">A few words for reports.</param>
/// <param name="Choose">What takes a layer's place; null leaves the layer as it is.</param>
public sealed record NormalizationRewrite(string Description, Func<BatchNormParameters, Normalization?> Choose)
{
    /// <summary>Chooses the layers to rewrite, by name, index, depth or form. Default: all that are BatchNormalization.</summary>
    public Func<NormalizationLayer, bool>? LayerFilter { get; init; }

    /// <summary>Of these, rewrite so many from the shallowest only; at least 1. Default: all.</summary>
    public int? FirstLayers { get; init; }

    /// <summary>Whether the layer stays and what was chosen goes in front of it. Default: false.</summary>
    public bool IsInFront { get; init; }

    /// <summary>Instance normalization with the layer's own scale and bias: each image is normalized by its own statistics, those of the source are dropped.</summary>
    public static NormalizationRewrite ToInstanceNorm { get; } = new("instance normalization", layer => new InstanceNorm(layer.Scale, layer.Bias) { Epsilon = layer.Epsilon });

    /// <summary>
    /// AdaIN toward the source's stored statistics, in front of each layer: every image gets the source's mean and variance in each channel. The layer
    /// takes just these off again, so that the model computes the same as with <see cref="ToInstanceNorm"/>; but the layer stays as it is, bytes and all.
    /// </summary>
    public static NormalizationRewrite ToSourceStyle { get; } = new("AdaIN toward the source's statistics", layer => InstanceNorm.Toward(layer.Statistics, layer.Epsilon)) { IsInFront = true };

    /// <summary>Batch-instance normalization with one ρ for all channels.</summary>
    /// <param name="batchShare">ρ, 0 (instance normalization) to 1 (the layer as it is).</param>
    public static NormalizationRewrite ToBatchInstanceNorm(double batchShare)
    {
        if (batchShare is not (>= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(batchShare), batchShare, "Expected a share from 0 to 1.");
        return new NormalizationRewrite(string.Create(CultureInfo.InvariantCulture, $"batch-instance normalization (ρ = {batchShare:0.###})"), layer => Mixed(layer, [.. layer.Scale.Select(_ => batchShare)]));
    }

    /// <summary>Batch-instance normalization with a ρ for each channel, such as <see cref="BatchShare.Measure"/> finds.</summary>
    /// <param name="batchShares">ρ of each channel, by <see cref="NormalizationLayer.Index"/>; layers that are not there stay as they are.</param>
    public static NormalizationRewrite ToBatchInstanceNorm(IReadOnlyDictionary<int, IReadOnlyList<double>> batchShares)
    {
        ArgumentNullException.ThrowIfNull(batchShares);
        return new NormalizationRewrite("batch-instance normalization (ρ a channel)", layer => batchShares.TryGetValue(layer.Layer.Index, out IReadOnlyList<double>? shares) ? Mixed(layer, shares) : null);
    }

    /// <summary>IBN-a in the shallowest layers: these carry style, deep ones content (Pan et al., arXiv 1807.09441).</summary>
    /// <param name="layers">Number of layers, at least 1.</param>
    /// <param name="share">Share of a layer's channels, from the first, that get instance normalization; above 0, below 1. At least one channel, and not all.</param>
    public static NormalizationRewrite ToInstanceBatchNorm(int layers, double share = 0.5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(layers, 1);
        if (share is not (> 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(share), share, "Expected a share between 0 and 1.");
        return new NormalizationRewrite("IBN-a", layer =>
        {
            int channels = layer.Scale.Count;
            return channels == 1 ? null : new InstanceBatchNorm(layer.Statistics, layer.Scale, layer.Bias, Math.Clamp((int)Math.Round(channels * share), 1, channels - 1)) { Epsilon = layer.Epsilon };
        })
        { FirstLayers = layers };
    }

    /// <summary>At both ends the one normalization alone.</summary>
    private static Normalization? Mixed(BatchNormParameters layer, IReadOnlyList<double> shares)
    {
        if (shares.Count == layer.Scale.Count && shares.All(share => share == 1)) return null;
        if (shares.Count == layer.Scale.Count && shares.All(share => share == 0)) return new InstanceNorm(layer.Scale, layer.Bias) { Epsilon = layer.Epsilon };
        return new BatchInstanceNorm(layer.Statistics, layer.Scale, layer.Bias, shares) { Epsilon = layer.Epsilon };
    }
}

/// <summary>A BatchNormalization layer with the numbers it has in the file, one a channel.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Statistics">Its running mean and variance.</param>
/// <param name="Scale">Its scale (gamma).</param>
/// <param name="Bias">Its bias (beta).</param>
/// <param name="Epsilon">What it adds to the variance.</param>
public sealed record BatchNormParameters(NormalizationLayer Layer, ChannelStatistics Statistics, IReadOnlyList<double> Scale, IReadOnlyList<double> Bias, float Epsilon)
{
    /// <summary>Why nothing can be made of the numbers, or null.</summary>
    internal string? WhyUnusable()
    {
        if (!(Epsilon > 0 && float.IsFinite(Epsilon)))
            return string.Create(CultureInfo.InvariantCulture, $"it adds {Epsilon} to the variance, without some of which an even image has no statistics of its own (set epsilon to a number above 0)");
        bool isSound = Statistics.Mean.Concat(Scale).Concat(Bias).All(double.IsFinite) && Statistics.Variance.All(variance => variance >= 0 && double.IsFinite(variance));
        return isSound ? null : "not all of its numbers are finite and its variances not negative (export the model again)";
    }
}
