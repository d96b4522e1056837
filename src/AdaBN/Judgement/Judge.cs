using System.Globalization;
using AdaBN.Forms;
using AdaBN.Policies;

namespace AdaBN.Judgement;

/// <summary>What came of an adaptation: the layers to write, how, and the verdict.</summary>
/// <param name="Layers">The layers, as decided.</param>
/// <param name="Policy">What decided them, in a few words.</param>
/// <param name="Verdict">The verdict.</param>
internal sealed record Judged(AdaptedLayers Layers, string Policy, Verdict Verdict);

/// <summary>
/// Chooses among policies and judges the outcome, by passes over the drawn images only. Thresholds on entropy and diversity are absolute; what makes them hold for
/// over- and underconfident models alike is that only models of one family, on the same images, are compared.
/// </summary>
internal sealed class Judge(AdaptationRun run, AdaptationOptions options, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
{
    private const int FewImages = 16;
    private const double Margin = 0.1, AsSure = 1.05;
    private const int MostDrawnPasses = 4;
    private const string NoScores = "The model has no output of one score a class for each image, behind all adapted layers, that models could be compared by.";
    private const string NotFinite = "Scores of these images are not finite, in the source model or the adapted one; there is nothing to compare.";
    private static readonly AutoSettings _plain = new();

    /// <summary>The most passes that a judgement may take, the one over the whole set included.</summary>
    public int Passes => 1 + (!run.SeesScores ? 0 : options.Policy is AutoPolicy ? MostDrawnPasses : 1) + (options.Labelled is null ? 0 : 2);

    /// <summary>A pass's stages among those of all passes.</summary>
    public IProgress<AdaptationProgress>? ProgressOf(int pass) => progress is null ? null : new PassProgress(progress, pass * run.Stages, Passes * run.Stages);

    /// <summary>Measures, chooses where the policy leaves a choice, and judges.</summary>
    public Judged Run()
    {
        Judged judged = run.SeesScores && options.Policy is AutoPolicy auto ? Choose(auto) : Compare();
        judged = Measured(judged);
        bool goesBack = options.FallBackToSource && judged.Verdict.Kind is VerdictKind.KeepSource or VerdictKind.NeedMoreImages;
        return goesBack ? judged with { Layers = Back(judged.Layers), Policy = $"{judged.Policy}; fell back to the source" } : judged;
    }

    /// <summary>The policies of <see cref="AdaptationPolicy.Auto"/> on the drawn images, and the best of them on the whole set.</summary>
    private Judged Choose(AutoPolicy auto)
    {
        bool isAllDrawn = run.Hold(cancellationToken);
        int pass = 0;
        AdaptedLayers? Drawn(IAdaptationPolicy policy) => TryDrawn(policy, pass++);
        Judged Take(Choice choice, Predictions source)
        {
            AdaptedLayers done = isAllDrawn && choice.Drawn is { } drawn ? drawn with { EffectiveSamples = run.EffectiveSamples } : All(choice.Policy);
            Judged judged = Conclude(done, $"auto: {choice.Policy.Description}", Predictions.Of(done.Scores) ?? choice.Predictions, source, choice.Kind, choice.Why);
            // Of few classes, the groups may be the classes.
            return choice.Kind != VerdictKind.AdaptPartly && ImageGroups.Find(run.DrawnTensors, run.Inputs) is { } two ? judged with { Verdict = judged.Verdict with { Reasons = [.. judged.Verdict.Reasons, Mixed(two)] } } : judged;
        }

        AdaptedLayers All(IAdaptationPolicy policy) => run.PassAll(policy, ProgressOf(MostDrawnPasses), cancellationToken);

        AdaptedLayers? kept = Drawn(AdaptationPolicy.KeepSource), gated = Drawn(auto.Gate);
        if (Predictions.Of(gated?.Scores) is not { } gate || Predictions.Of(kept?.Scores) is not { } source)
            return new Judged(All(auto.Gate), options.Policy.Description, new Verdict(VerdictKind.NotJudged, [gated is { Scores: null } ? NoScores : NotFinite]));

        AutoSettings settings = auto.Settings;
        // The cautious policy lies between the two; where both see many classes it need not be asked.
        bool mayBeSkewed = Math.Min(source.Diversity, gate.Diversity) < settings.SkewedBelow + Margin;
        Predictions cautious = (mayBeSkewed ? Predictions.Of(Drawn(auto.Cautious)?.Scores) : null) ?? gate;
        bool seesFew = cautious.Diversity < settings.SkewedBelow || gate.Diversity < settings.SurelySkewedBelow;
        if (seesFew && cautious.Entropy < gate.Entropy)
        {
            // Only a small set needs the pass over its drawn images, for it is the one over the whole set as well.
            AdaptedLayers? skewed = isAllDrawn ? Drawn(auto.Skewed) : null;
            return Take(new Choice(auto.Skewed, skewed, Predictions.Of(skewed?.Scores) ?? cautious, VerdictKind.AdaptPartly, Text($"The set seems to hold few of the {source.Classes} classes, or some far more often: the cautiously adapted model sees a diversity of {cautious.Diversity:0.00} (1: all alike) and is surer (entropy {cautious.Entropy:0.000}) than the one adapted further ({gate.Entropy:0.000}).")), source);
        }

        AdaptedLayers? full = Drawn(auto.Full);
        Predictions fuller = Predictions.Of(full?.Scores) ?? gate;
        double Cost(Predictions of) => of.Entropy - (settings.DiversityWeight * Math.Min(of.Diversity, 1));
        double gateCost = Cost(gate) - settings.GateAdvantage, fullCost = Cost(fuller), sourceCost = Cost(source) + settings.SourceHandicap; // equal costs leave the gate in place
        if (sourceCost < Math.Min(gateCost, fullCost))
            return Take(new Choice(AdaptationPolicy.KeepSource, kept, source, VerdictKind.KeepSource, Text($"The source model is surer (entropy {source.Entropy:0.000}, diversity {source.Diversity:0.00}) than every adapted one (at best {Math.Min(gate.Entropy, fuller.Entropy):0.000}).")), source);
        if (fullCost < gateCost)
            return Take(new Choice(auto.Full, full, fuller, VerdictKind.Adapt, Text($"Adapted nearly all the way, the model is surer (entropy {fuller.Entropy:0.000}, diversity {fuller.Diversity:0.00}) than adapted only as far as the shift exceeds the spread between images ({gate.Entropy:0.000}, {gate.Diversity:0.00}).")), source);
        double agreement = source.AgreementWith(gate);
        if (agreement >= settings.SameAbove && source.Entropy <= gate.Entropy * AsSure)
            return Take(new Choice(AdaptationPolicy.KeepSource, kept, source, VerdictKind.KeepSource, Text($"Adapting changes {1 - agreement:0.0%} of the predictions and makes the model no surer (entropy {source.Entropy:0.000} before, {gate.Entropy:0.000} after).")), source);
        return Take(new Choice(auto.Gate, gated, gate, VerdictKind.Adapt, Text($"Adapted as far as the shift exceeds the spread between images; entropy {source.Entropy:0.000} before and {gate.Entropy:0.000} after, diversity {source.Diversity:0.00} and {gate.Diversity:0.00}.")), source);
    }

    /// <summary>The policy that the user has chosen on the whole set, judged by the same measures.</summary>
    private Judged Compare()
    {
        AdaptedLayers done = run.PassAll(options.Policy, ProgressOf(0), cancellationToken);
        Judged NotJudged(string why) => new(done, options.Policy.Description, new Verdict(VerdictKind.NotJudged, [why]));
        if (Predictions.Of(done.Scores) is not { } adapted)
            return NotJudged(options.JudgementImages == 0 ? "No images were to be looked at." : done.Scores is null ? NoScores : NotFinite);
        if (Predictions.Of(TryDrawn(AdaptationPolicy.KeepSource, 1)?.Scores) is not { } source) return NotJudged(NotFinite);
        double agreement = source.AgreementWith(adapted);
        double gain = source.Entropy - adapted.Entropy + (_plain.DiversityWeight * (Math.Min(adapted.Diversity, 1) - Math.Min(source.Diversity, 1)));
        string seen = Text($"entropy {source.Entropy:0.000} before and {adapted.Entropy:0.000} after, diversity {source.Diversity:0.00} and {adapted.Diversity:0.00}");
        (VerdictKind kind, string why) = source.Diversity < _plain.SkewedBelow && source.Entropy < adapted.Entropy
            ? (VerdictKind.AdaptPartly, $"The set seems to hold few of the classes, and the source model is surer of them than the adapted one: {seen}. The policy 'auto' would adapt less.")
            : agreement >= _plain.SameAbove && source.Entropy <= adapted.Entropy * AsSure ? (VerdictKind.KeepSource, Text($"Adapting changes {1 - agreement:0.0%} of the predictions and makes the model no surer: {seen}."))
            : gain < -_plain.SourceHandicap ? (VerdictKind.KeepSource, $"The adapted model is less sure than the source model: {seen}.")
            : (VerdictKind.Adapt, $"The adapted model is about as sure of its predictions, or surer: {seen}.");
        return Conclude(done, options.Policy.Description, adapted, source, kind, why);
    }

    private static Judged Conclude(AdaptedLayers layers, string policy, Predictions adapted, Predictions source, VerdictKind kind, string why)
    {
        int images = adapted.Class.Length;
        List<string> reasons = [why];
        if (images < FewImages)
        {
            reasons.Insert(0, Text($"Only {images} images; {FewImages} or more are needed to tell, 64 or more to adapt well."));
            kind = VerdictKind.NeedMoreImages;
        }
        return new Judged(layers, policy, new Verdict(kind, reasons, Summary(source), Summary(adapted), source.AgreementWith(adapted)));
    }

    /// <summary>With labels there is nothing to guess: both models on the labelled samples.</summary>
    private Judged Measured(Judged judged)
    {
        if (options.Labelled is not { } labelled) return judged;
        Predictions On(IAdaptationPolicy policy, int pass)
        {
            AdaptedLayers seen = run.PassOver(policy, labelled.Samples, labelled.Labels.Count, ProgressOf(pass), cancellationToken);
            if (seen.Samples != labelled.Labels.Count)
                throw new AdaptationException(AdaptationError.InputMismatch, Text($"There are {seen.Samples} labelled samples and {labelled.Labels.Count} labels; expected as many."));
            Predictions predictions = Predictions.Of(seen.Scores)
                ?? throw new AdaptationException(AdaptationError.UnsupportedForm, "Labelled samples were given, but the model has no output of one score a class for each image. Leave them out, or export the model with its scores as an output.");
            int[] others = [.. labelled.Labels.Where(label => label < 0 || label >= predictions.Classes).Take(1)];
            if (others.Length > 0)
                throw new AdaptationException(AdaptationError.InputMismatch, Text($"A label is {others[0]}, but the model has {predictions.Classes} classes; expected 0 to {predictions.Classes - 1}."));
            return predictions;
        }
        Predictions source = On(AdaptationPolicy.KeepSource, Passes - 2);
        Predictions adapted = On(new AsDecided(judged.Layers), Passes - 1);
        MeasuredAccuracy measured = AccuracyEstimate.Of(labelled.Labels, source, adapted);
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

    private static PredictionSummary Summary(Predictions of) => new(of.Class.Length, of.Entropy, of.Diversity, of.Histogram);

    private static string Mixed(ImageGroups groups) => Text($"The images fall into two groups ({groups.First} and {groups.Second} of those drawn) by brightness, contrast or sharpness, as if they came from two domains; a model adapted to each by itself would do better than one for both.");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private sealed class PassProgress(IProgress<AdaptationProgress> progress, int before, int all) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value) => progress.Report(value with { Stage = before + value.Stage, StageCount = all });
    }

    /// <summary>What the drawn images speak for.</summary>
    private sealed record Choice(IAdaptationPolicy Policy, AdaptedLayers? Drawn, Predictions Predictions, VerdictKind Kind, string Why);
}
