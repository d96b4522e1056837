using System.Globalization;
using AdaBN.Forms;
using AdaBN.Onnx;
using AdaBN.Reporting;

namespace AdaBN;

/// <summary>How far two domains lie apart in the layers of a model.</summary>
public static class DomainShift
{
    private const int FewSamples = 64;

    /// <summary>
    /// Measures how far the images of a new domain lie from the source domain in each normalization layer of the model as it is: nothing is
    /// adapted, nothing is written. One pass over each data set, nothing stored; the figures are the same, bit for bit, for any number of workers.
    /// </summary>
    /// <remarks>
    /// In the source model the report tells the shift before an adaptation. In a model adapted to the domain it tells what is left after it, and,
    /// on images that came later, how far these have moved since: the domain that a model was adapted to is its source from then on.
    /// </remarks>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="target">The new domain's samples, unlabeled.</param>
    /// <param name="options">Settings; defaults where null.</param>
    /// <param name="progress">Told after each batch, from worker threads; each data set is a stage.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="AdaptationException">The model or the data cannot be used; <see cref="AdaptationException.Error"/> says which way.</exception>
    /// <exception cref="OnnxModelException">The model's graph or tensors are damaged.</exception>
    /// <exception cref="ArgumentException">The options are out of range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static ShiftReport Measure(
        OnnxModel model, ISampleSource target, ShiftOptions? options = null, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(target);
        options ??= new ShiftOptions();
        options.Validate();

        WorkingModel working = WorkingModel.Of(model, options.Measuring.LayerFilter, ReferenceStatistics.For(model, options.Measuring.Reference));
        int passes = options.SourceSamples is null ? 1 : 2;
        SourcePass Pass(ISampleSource samples, int pass) =>
            SourcePass.Run(working, samples, options.Measuring, options.Mmd, progress is null ? null : new PartOfProgress(progress, pass, passes), cancellationToken);
        SourcePass found = Pass(target, 0);
        SourcePass? source = options.SourceSamples is { } samples ? Pass(samples, 1) : null;
        LayerShift[] layers = [.. found.Layers.Select((layer, i) => LayerShift.Of(layer, source?.Layers[i], options.EffectiveThreshold))];
        return new ShiftReport(
            ShiftReport.JsonSchema, model.Sha256, BatchNormAdapter.ToolVersion, found.Samples, source?.Samples, options.EffectiveThreshold,
            layers.Any(layer => layer.HasDrifted), [.. layers.OrderByDescending(layer => layer.Figures.Wasserstein).ThenBy(layer => layer.Index)], [.. working.Findings, .. Findings(found.Samples, source?.Samples)]);
    }

    /// <summary>
    /// Mean over channels of the symmetric Kullback–Leibler divergence between the two domains' Gaussians, KL(s‖t) + KL(t‖s) =
    /// ½·((v_s + d²)/v_t + (v_t + d²)/v_s) − 1 with d = m_s − m_t (Li et al., arXiv 1603.04779, section 4.3 compare domains so).
    /// </summary>
    /// <param name="sourceMean">Mean of each channel, source domain.</param>
    /// <param name="sourceVariance">Variance of each channel, source domain.</param>
    /// <param name="targetMean">Mean of each channel, target domain.</param>
    /// <param name="targetVariance">Variance of each channel, target domain.</param>
    /// <param name="epsilon">Added to the variances, as the layer itself does; keeps dead channels finite.</param>
    public static double SymmetricKL(
        IReadOnlyList<double> sourceMean, IReadOnlyList<double> sourceVariance, IReadOnlyList<double> targetMean, IReadOnlyList<double> targetVariance, double epsilon) =>
        ShiftFigures.Of(new ChannelStatistics(sourceMean, sourceVariance), new ChannelStatistics(targetMean, targetVariance), epsilon).SymmetricKL;

    private static IEnumerable<string> Findings(long samples, long? sourceSamples)
    {
        if (samples < FewSamples)
            yield return string.Create(CultureInfo.InvariantCulture, $"Only {samples} samples: with fewer than {FewSamples} a drift has to be large to be told from chance.");
        if (sourceSamples < FewSamples)
            yield return string.Create(CultureInfo.InvariantCulture, $"Only {sourceSamples} source samples: with fewer than {FewSamples} a drift has to be large to be told from chance.");
    }
}
