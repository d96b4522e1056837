using AdaBN.Judgement;
using AdaBN.Onnx;

namespace AdaBN.Rewriting;

/// <summary>A candidate after ONNX Runtime has run it.</summary>
/// <param name="Rewrite">The rewrite; null for the model as it is.</param>
/// <param name="LeftOutBecause">Why nothing can be said of it, or null.</param>
/// <param name="Drawn">What it takes the drawn images for; null where it was left out.</param>
/// <param name="Labelled">What it takes the labelled samples for; null where there are none.</param>
internal sealed record TriedRewrite(RewriteOfLayers? Rewrite, string? LeftOutBecause, Predictions? Drawn, Predictions? Labelled)
{
    private const string NoScores = "The model has no output of one score a class for each image, which rewrites could be compared by. Export it with its scores as an output, or choose a rewrite yourself.";
    private const string NotFinite = "scores of some images are not finite";

    /// <summary>The output that candidates are compared by.</summary>
    /// <exception cref="AdaptationException">No output is declared as one score a class.</exception>
    public static Value ScoresOf(OnnxModel model) => ClassScores.Find(model.Graph, anyPrecision: true) ?? throw new AdaptationException(AdaptationError.UnsupportedForm, NoScores);

    public static TriedRewrite Try(OnnxModel model, RewriteOfLayers? rewrite, ISampleSource drawn, LabelledSamples? labelled, CancellationToken cancellationToken)
    {
        TriedRewrite LeftOut(string because) => new(rewrite, because, null, null);
        try
        {
            if (rewrite is not null) model = NormalizationRewriter.Rewrite(model, rewrite.Rewrite).Model;
        }
        catch (AdaptationException e) when (e.Error == AdaptationError.UnsupportedForm)
        {
            return LeftOut(e.Message);
        }
        float[][] Scores(ISampleSource samples) => ModelScores.Of(model, ScoresOf(model), samples, domain: null, threads: 1, progress: null, cancellationToken) ?? throw new AdaptationException(AdaptationError.UnsupportedForm, NoScores);
        Predictions? seen, known;
        try
        {
            (seen, known) = (Predictions.Of(Scores(drawn)), labelled is null ? null : Predictions.Of(Scores(labelled.Samples)));
        }
        catch (AdaptationException e) when (rewrite is not null && e.Error == AdaptationError.ModelRefused)
        {
            return LeftOut(e.Message); // the others may run
        }
        if (seen is not null && (known is not null || labelled is null)) return new TriedRewrite(rewrite, null, seen, known);
        return rewrite is not null ? LeftOut(NotFinite) : throw new AdaptationException(AdaptationError.NonFinite, $"Of the model as it is, {NotFinite}: check that preprocessing (scale, mean, channel order) is the one the model was trained with.");
    }

    /// <summary>Its row of the table.</summary>
    public RewriteCandidate Told(TriedRewrite source, IReadOnlyList<int>? labels)
    {
        string description = Rewrite?.Rewrite.Description ?? "as it is";
        if (Drawn is null) return new RewriteCandidate(description, Rewrite!.Layers, LeftOutBecause, null, null, null, null);
        Estimate? accuracy = labels is null ? null : AccuracyEstimate.Wilson(Labelled!.Class.Zip(labels).Count(pair => pair.First == pair.Second), labels.Count);
        return new RewriteCandidate(description, Rewrite?.Layers ?? 0, null, Drawn.Summary, source.Drawn!.AgreementWith(Drawn), RewriteRule.EntropyChange(source.Drawn, Drawn), accuracy);
    }
}
