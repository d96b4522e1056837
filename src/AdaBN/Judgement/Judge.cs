using System.Globalization;
using AdaBN.Forms;
using AdaBN.Policies;

namespace AdaBN.Judgement;

/// <summary>What came of an adaptation: the layers to write, how, and the verdict.</summary>
/// <param name="Layers">The layers, as decided.</param>
/// <param name="Policy">What decided them, in a few words.</param>
/// <param name="Verdict">The verdict.</param>
internal sealed record Judged(AdaptedLayers Layers, string Policy, Verdict Verdict)
{
    /// <summary>The layers as they were measured, also where the source's statistics were decided afterwards.</summary>
    public AdaptedLayers Measured { get; init; } = Layers;
}

/// <summary>
/// Chooses among policies and judges the outcome, by passes over the drawn images only. Thresholds on entropy and diversity are absolute; what makes them hold for
/// over- and underconfident models alike is that only models of one family, on the same images, are compared.
/// </summary>
internal sealed class Judge(AdaptationRun run, AdaptationOptions options, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
{
    private const int FewImages = 16;
    private const int MostDrawnPasses = 4;
    private const double TimesSeen = 2, MostLeftOut = 0.2; // a few drawn images tell the share of outliers roughly
    private const string NoScores = "The model has no output of one score a class for each image, behind all adapted layers, that models could be compared by.";
    private const string NotFinite = "Scores of these images are not finite, in the source model or the adapted one; there is nothing to compare.";

    /// <summary>The most passes that a judgement may take, the one over the whole set included.</summary>
    public int Passes => Before + 1 + (!run.SeesScores ? 0 : options.Policy is AutoPolicy ? MostDrawnPasses : 1) + (options.Labelled is null ? 0 : 2);

    /// <summary>A pass's stages among those of all passes.</summary>
    public IProgress<AdaptationProgress>? ProgressOf(int pass) => progress is null ? null : new PartOfProgress(progress, (Before + pass) * run.Stages, Passes * run.Stages);

    private int Before => run.MovesEarlier ? 1 : 0;

    /// <summary>Measures, chooses where the policy leaves a choice, and judges.</summary>
    public Judged Run()
    {
        if (run.MovesEarlier) run.MeasureAsBefore(ProgressOf(-Before), cancellationToken);
        Judged judged = run.SeesScores && options.Policy is AutoPolicy auto ? Choose(auto) : Compare();
        judged = Measured(judged);
        bool goesBack = options.FallBackToSource && judged.Verdict.Kind is VerdictKind.KeepSource or VerdictKind.NeedMoreImages;
        return goesBack ? judged with { Layers = Back(judged.Layers), Policy = $"{judged.Policy}; fell back to the source" } : judged;
    }

    /// <summary>The policies of <see cref="AdaptationPolicy.Auto"/> on the drawn images, and the best of them on the whole set.</summary>
    private Judged Choose(AutoPolicy auto)
    {
        bool isAllDrawn = run.Hold(cancellationToken);
        double[][] features = ImageFeatures.Of(run.Drawn.Select(drawn => drawn.Tensors), run.Inputs);
        double outliers = ImageOutliers.ShareOf(features), leftOut = Math.Min(MostLeftOut, TimesSeen * outliers);
        if (!run.CanSeeImages) leftOut = outliers = 0;
        if (outliers > 0) auto = auto.Narrowed(policy => policy.Trimmed(leftOut));
        int pass = 0;
        Tried? Try(IAdaptationPolicy policy) => TryDrawn(policy, pass++) is { } layers ? new Tried(layers, Predictions.Of(layers.Scores)) : null;
        AdaptedLayers OnAll(IAdaptationPolicy policy) => run.PassAll(policy, ProgressOf(MostDrawnPasses), cancellationToken);

        Tried? kept = Try(AdaptationPolicy.KeepSource), gated = Try(auto.Gate);
        if (gated?.Seen is not { } gate || kept?.Seen is not { } source)
            return new Judged(OnAll(auto.Gate), options.Policy.Description, new Verdict(VerdictKind.NotJudged, [gated is { Layers.Scores: null } ? NoScores : NotFinite]));

        Judged Take(IAdaptationPolicy policy, Tried? tried, VerdictKind kind, string why)
        {
            AdaptedLayers done = isAllDrawn && tried is not null ? tried.Layers : OnAll(policy);
            return Conclude(done, $"auto: {policy.Description}", Predictions.Of(done.Scores) ?? tried?.Seen ?? gate, source, kind, [why, .. Asides(kind)]);
        }

        IEnumerable<string> Asides(VerdictKind kind)
        {
            if (outliers > 0) yield return Text($"{outliers:0.0%} of the images drawn are unlike the others in brightness, contrast or sharpness; the {leftOut:0.0%} farthest in each layer were left out of its statistics.");
            // Of few classes, the groups may be the classes.
            if (kind != VerdictKind.AdaptPartly && ImageGroups.Find(features) is { } groups)
                yield return Text($"The images fall into two groups ({groups.First} and {groups.Second} of those drawn) by brightness, contrast or sharpness, as if they came from two domains; a model adapted to each by itself would do better than one for both. A bank of domains holds them in one file (DomainBank.AdaptMixed, 'adabn bank split').");
        }

        var rule = new AutoRule(auto.Settings);
        (PredictionSummary before, PredictionSummary middle) = (source.Summary, gate.Summary);
        if (rule.MayBeSkewed(before, middle) && Try(auto.Cautious)?.Seen?.Summary is { } cautious && rule.IsSkewed(middle, cautious))
        {
            return Take(auto.Skewed, isAllDrawn ? Try(auto.Skewed) : null, VerdictKind.AdaptPartly, Text(
                $"The set seems to hold few of the {before.Histogram.Count} classes, or some far more often: the cautiously adapted model sees a diversity of {cautious.Diversity:0.00} (1: all alike) and is surer (entropy {cautious.Entropy:0.000}) than the one adapted further ({middle.Entropy:0.000})."));
        }
        Tried? fuller = Try(auto.Full);
        PredictionSummary full = fuller?.Seen?.Summary ?? middle;
        double agreement = source.AgreementWith(gate);
        return rule.Best(before, middle, full, agreement) switch
        {
            AutoChoice.Source => Take(AdaptationPolicy.KeepSource, kept, VerdictKind.KeepSource, rule.IsInVain(before, middle, agreement)
                ? Text($"Adapting changes {1 - agreement:0.0%} of the predictions and makes the model no surer (entropy {before.Entropy:0.000} before, {middle.Entropy:0.000} after).")
                : Text($"The source model is surer (entropy {before.Entropy:0.000}, diversity {before.Diversity:0.00}) than every adapted one (at best {Math.Min(middle.Entropy, full.Entropy):0.000}).")),
            AutoChoice.Full => Take(auto.Full, fuller, VerdictKind.Adapt, Text(
                $"Adapted nearly all the way, the model is surer (entropy {full.Entropy:0.000}, diversity {full.Diversity:0.00}) than adapted only as far as the shift exceeds the spread between images ({middle.Entropy:0.000}, {middle.Diversity:0.00}).")),
            _ => Take(auto.Gate, gated, VerdictKind.Adapt, Text(
                $"Adapted as far as the shift exceeds the spread between images; entropy {before.Entropy:0.000} before and {middle.Entropy:0.000} after, diversity {before.Diversity:0.00} and {middle.Diversity:0.00}.")),
        };
    }

    /// <summary>The policy that the user has chosen on the whole set, judged by the same measures.</summary>
    private Judged Compare()
    {
        AdaptedLayers done = run.PassAll(options.Policy, ProgressOf(0), cancellationToken);
        Judged NotJudged(string why) => new(done, options.Policy.Description, new Verdict(VerdictKind.NotJudged, [why]));
        if (Predictions.Of(done.Scores) is not { } adapted)
            return NotJudged(options.JudgementImages == 0 ? "No images were to be looked at." : done.Scores is null ? NoScores : NotFinite);
        if (Predictions.Of(TryDrawn(AdaptationPolicy.KeepSource, 1)?.Scores) is not { } source) return NotJudged(NotFinite);
        var rule = new AutoRule(new AutoSettings());
        (PredictionSummary before, PredictionSummary after, double agreement) = (source.Summary, adapted.Summary, source.AgreementWith(adapted));
        string seen = Text($"entropy {before.Entropy:0.000} before and {after.Entropy:0.000} after, diversity {before.Diversity:0.00} and {after.Diversity:0.00}");
        (VerdictKind kind, string why) = rule.IsSkewed(after, before)
            ? (VerdictKind.AdaptPartly, $"The set seems to hold few of the classes, and the source model is surer of them than the adapted one: {seen}. The policy 'auto' would adapt less.")
            : rule.IsInVain(before, after, agreement) ? (VerdictKind.KeepSource, Text($"Adapting changes {1 - agreement:0.0%} of the predictions and makes the model no surer: {seen}."))
            : rule.IsWorse(before, after) ? (VerdictKind.KeepSource, $"The adapted model is less sure than the source model: {seen}.")
            : (VerdictKind.Adapt, $"The adapted model is about as sure of its predictions, or surer: {seen}.");
        return Conclude(done, options.Policy.Description, adapted, source, kind, [why]);
    }

    private static Judged Conclude(AdaptedLayers layers, string policy, Predictions adapted, Predictions source, VerdictKind kind, IReadOnlyList<string> why)
    {
        int images = adapted.Class.Length;
        bool areFew = images < FewImages;
        IEnumerable<string> few = areFew ? [Text($"Only {images} different images; {FewImages} or more are needed to tell, 64 or more to adapt well.")] : [];
        return new Judged(layers, policy, new Verdict(areFew ? VerdictKind.NeedMoreImages : kind, [.. few, .. why], source.Summary, adapted.Summary, source.AgreementWith(adapted)));
    }

    /// <summary>With labels there is nothing to guess: both models on the labelled samples.</summary>
    private Judged Measured(Judged judged)
    {
        if (options.Labelled is not { } labelled) return judged;
        Predictions On(IAdaptationPolicy policy, int pass)
        {
            AdaptedLayers seen = run.PassOver(policy, labelled.Samples, labelled.Labels.Count, ProgressOf(pass), cancellationToken);
            labelled.CheckCount(seen.Samples);
            Predictions predictions = Predictions.Of(seen.Scores)
                ?? throw new AdaptationException(AdaptationError.UnsupportedForm, "Labelled samples were given, but the model has no output of one score a class for each image. Leave them out, or export the model with its scores as an output.");
            labelled.CheckLabels(predictions.Summary.Histogram.Count);
            return predictions;
        }
        Predictions source = On(AdaptationPolicy.KeepSource, Passes - Before - 2);
        Predictions adapted = On(new AsDecided(judged.Layers.Decisions), Passes - Before - 1);
        MeasuredAccuracy measured = AccuracyEstimate.Of(labelled.Labels, source.Class, adapted.Class);
        (VerdictKind kind, string why) = measured.Change switch
        {
            { High: < 0 } => (VerdictKind.KeepSource, "worse"),
            { Low: > 0 } => (VerdictKind.Adapt, "better"),
            { Value: >= 0 } => (judged.Verdict.Kind is VerdictKind.NotJudged ? VerdictKind.Adapt : judged.Verdict.Kind, "not surely better"),
            _ => (judged.Verdict.Kind is VerdictKind.NotJudged or VerdictKind.Adapt ? VerdictKind.NeedMoreImages : judged.Verdict.Kind, "not surely worse"),
        };
        string sentence = Text($"On {measured.Samples} labelled samples the adapted model is {why}: {measured.Source.Value:0.0%} before ({measured.Source.Low:0.0%} to {measured.Source.High:0.0%}), {measured.Adapted.Value:0.0%} after ({measured.Adapted.Low:0.0%} to {measured.Adapted.High:0.0%}), a change of {100 * measured.Change.Value:+0.0;-0.0;0} points ({100 * measured.Change.Low:+0.0;-0.0;0} to {100 * measured.Change.High:+0.0;-0.0;0}).");
        return judged with { Verdict = judged.Verdict with { Kind = kind, Reasons = [sentence, .. judged.Verdict.Reasons], Measured = measured } };
    }

    /// <summary>A pass over the drawn images; null where a layer overflows: under statistics that do not fit, that may be.</summary>
    private AdaptedLayers? TryDrawn(IAdaptationPolicy policy, int pass)
    {
        try
        {
            return run.PassDrawn(policy, ProgressOf(pass), cancellationToken);
        }
        catch (AdaptationException e) when (e.Error == AdaptationError.NonFinite)
        {
            return null;
        }
    }

    /// <summary>The same measurements, the source's statistics decided.</summary>
    private static AdaptedLayers Back(AdaptedLayers layers) => layers with { Layers = [.. layers.Layers.Select(layer => layer with { Decision = layer.Evidence.Source })] };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A policy on the drawn images.</summary>
    /// <param name="Layers">What it decided.</param>
    /// <param name="Seen">What the model then takes them for; null where it gives no scores, or none that are finite.</param>
    private sealed record Tried(AdaptedLayers Layers, Predictions? Seen);
}
