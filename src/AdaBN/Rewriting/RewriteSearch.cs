using System.Globalization;
using System.Runtime.ExceptionServices;
using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// Looks for the rewrite of a model's BatchNormalization layers that suits some images best, by running every candidate in ONNX Runtime. Forward passes only.
/// Without labels: which leaves the model surer of images drawn from the set, beyond chance and without seeing fewer classes. With a few labelled
/// samples: which classifies most of them rightly, what that is worth being measured by cross-validation. Where nothing speaks for any, the model stays.
/// </summary>
public static class RewriteSearch
{
    private const int Fewest = 2; // images, for rho in closed form

    /// <summary>Tries rewrites and chooses one, or none.</summary>
    /// <param name="model">The source model; it is not changed.</param>
    /// <param name="samples">Images, unlabeled, of the domain that the model shall work on; read once. Their order does not matter.</param>
    /// <param name="options">
    /// Settings; defaults where null. Looked at are the number of images to compare by (<see cref="AdaptationOptions.JudgementImages"/>, at least 2), the most samples to read, labelled samples,
    /// the layer filter, and the workers, one candidate each.
    /// </param>
    /// <param name="progress">Told after each candidate, which count as stages, from worker threads.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>The choice and a table of everything tried; the same for any order of the samples and any number of workers.</returns>
    /// <exception cref="AdaptationException">The model or the data cannot be used; <see cref="AdaptationException.Error"/> says which way.</exception>
    /// <exception cref="ArgumentException">The options are out of range.</exception>
    /// <exception cref="OnnxModelException">The model's graph or tensors are damaged.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static RewriteSearchResult Find(
        OnnxModel model, ISampleSource samples, AdaptationOptions? options = null, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        options ??= new AdaptationOptions();
        options.Validate();
        if (options.JudgementImages < Fewest) throw new ArgumentException(Text($"{nameof(AdaptationOptions)}: {nameof(options.JudgementImages)} is {options.JudgementImages}, but a search compares models by images; expected {Fewest} or more."));
        TriedRewrite.ScoresOf(model); // before any data is read

        DrawnSamples drawn = DrawnSamples.Draw(model, samples, options.JudgementImages, options.MaxSamples, cancellationToken);
        if (drawn.Indices.Count < Fewest)
            throw new AdaptationException(AdaptationError.EmptyData, Text($"The data holds {drawn.Indices.Count} different images; models cannot be compared by that. Give 64 or more."));
        LabelledSamples? labelled = options.Labelled is { } given ? InFixedOrder(model, given, cancellationToken) : null;
        TriedRewrite Try(RewriteOfLayers? rewrite) => TriedRewrite.Try(model, rewrite, drawn.Source, labelled, cancellationToken);
        TriedRewrite source = Try(null);
        options.Labelled?.CheckLabels(source.Drawn!.Summary.Histogram.Count);
        var measuring = new AdaptationOptions { LayerFilter = options.LayerFilter, Workers = options.Workers };
        IReadOnlyList<RewriteOfLayers> rewrites = RewriteCandidates.Of(model, options.LayerFilter, BatchShare.Measure(model, drawn.Source, measuring, null, cancellationToken));
        TriedRewrite[] tried = InParallel(rewrites, Try, options.Workers, progress, cancellationToken);

        (TriedRewrite taken, Verdict verdict) = RewriteChoice.Of(source, [.. tried.Where(one => one.LeftOutBecause is null)], labelled?.Labels);
        RewriteResult? result = taken.Rewrite is { } rewrite ? NormalizationRewriter.Rewrite(model, rewrite.Rewrite) : null;
        var report = new RewriteSearchReport(
            result?.Report.Rewrite, model.Sha256, BatchNormAdapter.ToolVersion, drawn.Read, verdict, [.. tried.Prepend(source).Select(one => one.Told(source, labelled?.Labels))], result?.Report);
        return new RewriteSearchResult(taken.Rewrite?.Rewrite, result?.Model, report);
    }

    /// <summary>Labelled samples in an order that is the same whatever they were given in; one that comes twice counts once, or it would stand in two folds.</summary>
    private static LabelledSamples InFixedOrder(OnnxModel model, LabelledSamples given, CancellationToken cancellationToken)
    {
        DrawnSamples drawn = DrawnSamples.Draw(model, given.Samples, given.Labels.Count, null, cancellationToken);
        given.CheckCount(drawn.Read);
        return new LabelledSamples(drawn.Source, [.. drawn.Indices.Select(index => given.Labels[(int)index])]);
    }

    private static TriedRewrite[] InParallel(
        IReadOnlyList<RewriteOfLayers> rewrites, Func<RewriteOfLayers, TriedRewrite> attempt, int? workers, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
    {
        var tried = new TriedRewrite[rewrites.Count];
        int done = 0;
        try
        {
            Parallel.For(0, tried.Length, new ParallelOptions { MaxDegreeOfParallelism = workers ?? Environment.ProcessorCount, CancellationToken = cancellationToken }, i =>
            {
                tried[i] = attempt(rewrites[i]);
                int images = tried[i].Drawn?.Class.Length ?? 0;
                lock (tried) progress?.Report(new AdaptationProgress(done++, tried.Length, images, images));
            });
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]); // the first failure, as it was
        }
        return tried;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
