using System.Globalization;
using AdaBN.Judgement;

namespace AdaBN.Rewriting;

/// <summary>Which of the candidates is taken, and why. The model stays as it is unless something speaks for another.</summary>
internal static class RewriteChoice
{
    private const int FewestImages = 16, MostFolds = 10;

    /// <param name="source">The model as it is.</param>
    /// <param name="tried">The candidates that could be compared, the mildest first.</param>
    /// <param name="labels">Classes of the labelled samples; null where there are none.</param>
    public static (TriedRewrite Taken, Verdict Verdict) Of(TriedRewrite source, IReadOnlyList<TriedRewrite> tried, IReadOnlyList<int>? labels)
    {
        (TriedRewrite Taken, Verdict Verdict) unseen = Unlabelled(source, tried);
        if (labels is null) return unseen;
        TriedRewrite[] all = [source, .. tried];
        int[][] classes = [.. all.Select(one => one.Labelled!.Class)];
        int folds = Math.Min(MostFolds, labels.Count);
        MeasuredAccuracy measured = AccuracyEstimate.Of(labels, classes[0], CrossValidation.Predict(labels, classes, folds));
        TriedRewrite best = all[CrossValidation.Best(labels, classes, _ => true)];
        string validated = Text($"In {folds}-fold cross-validation on {labels.Count} labelled samples, the rewrite that the others choose is right on {Shares(measured.Adapted)} of them, the model as it is on {Shares(measured.Source)}: a change of {Points(measured.Change)}.");
        if (measured.Change.Low > 0 && best != source) return (best, Verdict(VerdictKind.Adapt, source, best, [validated, .. unseen.Verdict.Reasons]) with { Measured = measured });

        // What was chosen without labels has not seen them: its accuracy flatters nobody.
        MeasuredAccuracy blind = AccuracyEstimate.Of(labels, classes[0], unseen.Taken.Labelled!.Class);
        if (unseen.Taken != source && blind.Change.Value >= 0)
            return unseen with { Verdict = unseen.Verdict with { Reasons = [.. unseen.Verdict.Reasons, Text($"Measured on {labels.Count} labelled samples, which had no part in that choice: {Shares(blind.Adapted)} right, {Shares(blind.Source)} as it is, a change of {Points(blind.Change)}. {validated}")], Measured = blind } };
        VerdictKind kind = measured.Change.Value > 0 ? VerdictKind.NeedMoreImages : VerdictKind.KeepSource;
        return (source, Verdict(kind, source, source, [$"{validated} That is not surely better, so the model stays as it is.", .. unseen.Verdict.Reasons]) with { Measured = measured });
    }

    private static (TriedRewrite Taken, Verdict Verdict) Unlabelled(TriedRewrite source, IReadOnlyList<TriedRewrite> tried)
    {
        int images = source.Drawn!.Class.Length;
        if (images < FewestImages)
            return (source, Verdict(VerdictKind.NeedMoreImages, source, source, [Text($"Only {images} different images; {FewestImages} or more are needed to tell without labels.")]));
        var rule = new RewriteRule(new AutoSettings());
        TriedRewrite[] better = [.. tried.Where(one => rule.IsBetter(source.Drawn, one.Drawn!))];
        if (better.Length == 0)
            return (source, Verdict(VerdictKind.KeepSource, source, source, [Text($"Under none of {tried.Count} rewrites is the model clearly surer of {images} drawn images without seeing fewer classes, or sees more of them and is as sure.")]));
        TriedRewrite best = better.MinBy(one => rule.Cost(one.Drawn!))!;
        (PredictionSummary before, PredictionSummary after) = (source.Drawn.Summary, best.Drawn!.Summary);
        return (best, Verdict(VerdictKind.Adapt, source, best, [Text(
            $"Under {better.Length} of {tried.Count} rewrites the model is clearly surer of {images} drawn images without seeing fewer classes, or sees more of them and is as sure; best of all {best.Rewrite!.Rewrite.Description}: entropy {before.Entropy:0.000} before and {after.Entropy:0.000} after, diversity {before.Diversity:0.00} and {after.Diversity:0.00}.")]));
    }

    private static Verdict Verdict(VerdictKind kind, TriedRewrite source, TriedRewrite taken, IReadOnlyList<string> reasons) =>
        new(kind, reasons, source.Drawn!.Summary, taken.Drawn!.Summary, source.Drawn.AgreementWith(taken.Drawn));

    private static string Shares(Estimate share) => Text($"{share.Value:0.0%} ({share.Low:0.0%} to {share.High:0.0%})");

    private static string Points(Estimate change) => Text($"{100 * change.Value:+0.0;-0.0;0} points ({100 * change.Low:+0.0;-0.0;0} to {100 * change.High:+0.0;-0.0;0})");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
