using AdaBN.Distributed;
using AdaBN.Domains;
using AdaBN.Forms;
using AdaBN.Input;
using AdaBN.Judgement;
using AdaBN.Measurement;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Policies;
using AdaBN.Reporting;

namespace AdaBN;

/// <summary>
/// Adaptive Batch Normalization (Li et al. 2016, arXiv 1603.04779) for ONNX models: load → discover → plan → (measure → decide)
/// a stage → judge → rewrite → report. A layer's target statistics are defined with all layers before it already on theirs, so a stage is
/// measured with the statistics decided in the stages before it.
/// </summary>
public static class BatchNormAdapter
{
    /// <summary>Re-estimates a model's BatchNormalization statistics on unlabeled samples of a new domain.</summary>
    /// <param name="model">The source model; it is not changed.</param>
    /// <param name="samples">The target domain's samples; opened and read once.</param>
    /// <param name="options">Settings; defaults where null.</param>
    /// <param name="progress">Told after each batch, from worker threads.</param>
    /// <param name="cancellationToken">Stops the work; nothing is left behind.</param>
    /// <returns>The adapted model and what was measured. The same model and samples give the same bytes.</returns>
    /// <exception cref="AdaptationException">The model or the data cannot be used; <see cref="AdaptationException.Error"/> says which way.</exception>
    /// <exception cref="OnnxModelException">The model's graph or tensors are damaged.</exception>
    /// <exception cref="ArgumentException">The options are out of range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static AdaptationResult Adapt(
        OnnxModel model, ISampleSource samples, AdaptationOptions? options = null,
        IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default) => Adapt(model, null, samples, options, progress, cancellationToken);

    /// <summary>
    /// Goes on with further samples of the same domain: the statistics of all samples together, from the moments of those before and the new ones alone. Takes
    /// two passes over the new samples, which are held meanwhile, and none over the old.
    /// </summary>
    /// <param name="model">The source model, as it was adapted before; it is not changed.</param>
    /// <param name="earlier">What was measured before: <see cref="AdaptationResult.Moments"/>.</param>
    /// <param name="samples">Further samples; opened and read once.</param>
    /// <param name="options">Settings; defaults where null. The policy may be another; layers and reference must be the same.</param>
    /// <param name="progress">Told after each batch, from worker threads.</param>
    /// <param name="cancellationToken">Stops the work; nothing is left behind.</param>
    /// <returns>The adapted model, and what was measured of all samples. Model and verdict are judged by images drawn from the new ones.</returns>
    /// <remarks>
    /// In layers without an adapted layer before them the result is that of all samples at once, to rounding. Deeper layers saw the earlier samples behind
    /// other statistics than are decided now; what that changes is measured on the new samples, both ways, and applied to the earlier moments (docs/mlnet.md: how near that comes).
    /// </remarks>
    /// <inheritdoc cref="Adapt(OnnxModel, ISampleSource, AdaptationOptions?, IProgress{AdaptationProgress}?, CancellationToken)" path="/exception"/>
    public static AdaptationResult AdaptMore(
        OnnxModel model, AdaptationMoments earlier, ISampleSource samples, AdaptationOptions? options = null,
        IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        if (options is { Communicator.Size: > 1 } or { StateFile: not null })
            throw new ArgumentException($"Further samples are measured by one process, in one go; leave out {nameof(AdaptationOptions.Communicator)} and {nameof(AdaptationOptions.StateFile)}.", nameof(options));
        return Adapt(model, earlier, samples, options, progress, cancellationToken);
    }

    private static AdaptationResult Adapt(
        OnnxModel model, AdaptationMoments? earlier, ISampleSource samples, AdaptationOptions? options, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        options ??= new AdaptationOptions();
        options.Validate();

        ReferenceStatistics? reference = ReferenceStatistics.For(model, options.Reference);
        WorkingModel working = WorkingModel.Of(model, options.LayerFilter, reference);
        IReadOnlyList<string> outputs = ImageOutputGuard.Check(working, options.AllowImageOutput);
        Judged judged;
        MemoryUse memory;
        double effectiveImages;
        SamplingPrecision precision;
        int resumedStages;
        earlier?.Check(model.Sha256, working, options.Policy);
        using (var run = new AdaptationRun(working, samples, options, ScoresToSee(working, options), earlier, reference, cancellationToken))
        {
            run.CompareRanks(cancellationToken);
            long? foretold = run.Foretell(options.Policy, cancellationToken);
            judged = new Judge(run, options, progress, cancellationToken).Run();
            precision = new SamplingPrecision(SamplingPrecision.ReachedBy(judged.Layers), options.WantedStandardError, foretold);
            (memory, effectiveImages, resumedStages) = (run.Memory, run.EffectiveImages, run.ResumedStages);
        }

        long all = judged.Layers.Samples + (earlier?.Samples ?? 0);
        DecidedLayer[] changed = [.. judged.Layers.Changed];
        OnnxModel adapted = working.Write(changed);
        LayerReport[] layers = [.. judged.Layers.Layers.Select(layer => LayerReport.Of(layer.Evidence, layer.Decision))];
        var report = new AdaptationReport(
            $"AdaBN ({judged.Policy}, {options.Variance.ToString().ToLowerInvariant()} variance)", all, model.Sha256, ToolVersion, judged.Verdict, layers,
            [.. working.Findings, .. outputs, .. SampleFindings.Of(all, effectiveImages, layers), .. precision.Findings(judged.Layers.Samples)])
        {
            Precision = precision,
            EffectiveImages = effectiveImages,
        };
        Provenance.Record(adapted, report.Method, report.Verdict.Kind, layers.Length, report.Samples, ToolVersion, model.Sha256);
        reference?.RenewIn(adapted, changed);
        return new AdaptationResult(adapted, report, memory)
        {
            Moments = AdaptationMoments.Of(model.Sha256, judged.Measured, all, effectiveImages),
            ResumedStages = resumedStages,
            Changed = [.. changed.Select(layer => PatchedLayers.Of(layer, reference))],
        };
    }

    /// <summary>Foretells the memory of an adaptation, computing nothing; of several processes, that of one.</summary>
    /// <param name="model">The source model.</param>
    /// <param name="samples">The data; only its inputs' shapes and its count are looked at.</param>
    /// <param name="options">Settings; defaults where null.</param>
    /// <param name="sampleCount">Number of samples where the data does not know it.</param>
    /// <exception cref="AdaptationException">Model and data do not fit, or shapes depend on what is computed.</exception>
    /// <exception cref="ArgumentException">The options are out of range, or nobody knows the number of samples.</exception>
    public static MemoryEstimate EstimateMemory(OnnxModel model, ISampleSource samples, AdaptationOptions? options = null, long? sampleCount = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        options ??= new AdaptationOptions();
        options.Validate();
        long count = sampleCount ?? samples.Count ?? throw new ArgumentException("The data does not know its number of samples; give sampleCount.", nameof(sampleCount));
        WorkingModel working = WorkingModel.Of(model, options.LayerFilter, ReferenceStatistics.For(model, options.Reference));
        ImageOutputGuard.Check(working, options.AllowImageOutput);
        AdaptationPlan plan = StagePlanner.Plan(working.Model, working.Layers, ScoresToSee(working, options));
        InputBinding binding = InputBinding.Bind(working.Model, plan.Inputs, samples.Inputs);
        count = Math.Min(count, options.MaxSamples ?? long.MaxValue);
        if (options is { Communicator: { Size: > 1 and var ranks }, OwnSamples: false }) count = Share.LargestOf(count, ranks, binding.FixedBatch ?? options.BatchSize);
        return MemoryEstimator.Estimate(working.Model, plan, binding, count, options, triesPolicies: options.Policy is AutoPolicy && plan.Scores is not null);
    }

    internal static string ToolVersion => typeof(BatchNormAdapter).Assembly.GetName().Version!.ToString(fieldCount: 3);

    private static Value? ScoresToSee(WorkingModel working, AdaptationOptions options) => options.JudgementImages > 0 ? ClassScores.Find(working.Model.Graph) : null;
}
