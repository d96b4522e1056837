using AdaBN.Forms;
using AdaBN.Onnx;
using AdaBN.Reporting;

namespace AdaBN;

/// <summary>
/// ρ of batch-instance normalization without labels: how much of a channel's variance lies within images. What lies between them (brightness,
/// contrast, texture of whole images) is what instance normalization takes off; ρ = 1 − that share. Where images do not differ, ρ = 1 and the layer stays.
/// </summary>
/// <remarks>
/// The share between images is the intraclass correlation of one-way analysis of variance. With n images of P positions, b the variance between
/// image means and w the mean variance within images (both unbiased): (P·b − w) / (P·b + (P − 1)·w), at least 0. The w in it keeps the chance of few positions out: means of
/// P independent values differ by w/P though no image is like another. Content that fills a whole image lies between images as well, above all in
/// deep layers: choose the layers.
/// </remarks>
public static class BatchShare
{
    /// <summary>ρ of each channel.</summary>
    /// <param name="layer">What was measured, with the population variance; at least two images.</param>
    /// <exception cref="AdaptationException">There is one image only.</exception>
    public static IReadOnlyList<double> Of(LayerEvidence layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        if (layer.Images < 2) throw new AdaptationException(AdaptationError.EmptyData, $"Layer '{layer.Layer.Name}' was measured on one image, which does not tell how images differ. Give more.");
        double images = layer.Images, positions = layer.ValuesPerChannel / images;
        return [.. Enumerable.Range(0, layer.Channels).Select(c =>
        {
            double between = positions * layer.MeanSpread[c];
            double within = positions > 1 ? Math.Max(0, (layer.ValuesPerChannel * layer.Target.Variance[c]) - ((images - 1) * between)) / (images * (positions - 1)) : between;
            double sum = between + ((positions - 1) * within);
            return sum > 0 ? Math.Clamp(1 - ((between - within) / sum), 0, 1) : 1;
        })];
    }

    /// <summary>Measures ρ of all BatchNormalization layers, in the model as it is, reading the data once.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="samples">Images, unlabeled, of the domains that the model shall work on.</param>
    /// <param name="options">Which layers to measure and how; defaults where null. The policy is not asked; the variance is the population's.</param>
    /// <param name="progress">Told after each batch, from worker threads.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>ρ of each channel, by <see cref="NormalizationLayer.Index"/>, for <see cref="NormalizationRewrite.ToBatchInstanceNorm(IReadOnlyDictionary{int, IReadOnlyList{double}})"/>.</returns>
    /// <exception cref="AdaptationException">The model or the data cannot be used; <see cref="AdaptationException.Error"/> says which way.</exception>
    public static IReadOnlyDictionary<int, IReadOnlyList<double>> Measure(
        OnnxModel model, ISampleSource samples, AdaptationOptions? options = null, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        options = (options ?? new AdaptationOptions()) with { Variance = VarianceKind.Population };
        options.Validate();
        SourcePass pass = SourcePass.Run(WorkingModel.Of(model, options.LayerFilter), samples, options, wantsSecondMoments: false, progress, cancellationToken);
        return pass.Layers.ToDictionary(layer => layer.Evidence.Layer.Index, layer => Of(layer.Evidence));
    }
}
