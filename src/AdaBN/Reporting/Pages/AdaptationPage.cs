using System.Globalization;

namespace AdaBN.Reporting.Pages;

/// <summary>An adaptation for those who decide on it.</summary>
internal static class AdaptationPage
{
    public static string Write(AdaptationReport report, ReportContext context)
    {
        IReadOnlyList<PageLayer> layers = PageLayer.Of(report);
        SampleSize size = SampleSize.Of(layers, report.Samples);
        PageLayer most = layers.MaxBy(layer => layer.Shift)!;
        Verdict verdict = report.Verdict;
        (string headline, string meaning, string next) = Words(verdict.Kind, verdict.Measured is not null);
        PredictionSummary? before = context.Predictions?.Source ?? verdict.Source, after = context.Predictions?.Adapted ?? verdict.Adapted;
        Markup head = Markup.Of($"""
            <h1 class="{Style(verdict.Kind)}">{headline}</h1>
            <p class="lead">{meaning}</p>
            {Page.Facts([
                ("images measured", Markup.Of($"<data value=\"{report.Samples}\">{Markup.Count(report.Samples)}</data>")),
                .. verdict.Measured is { } measured ? [("accuracy before", Markup.Percent(measured.Source.Value)), ("accuracy after", Markup.Percent(measured.Adapted.Value))] : Array.Empty<(string, Markup)>(),
                ("largest shift of a layer, in standard deviations", Markup.Number(most.Shift, "0.00")),
                .. (context.Predictions?.Agreement ?? verdict.Agreement) is { } agreement ? [("predictions that stay the same", Markup.Percent(agreement))] : Array.Empty<(string, Markup)>(),
                .. before is not null && after is not null ? [("unsureness, before → after", Markup.Of($"{Markup.Number(before.Entropy, "0.00")} → {Markup.Number(after.Entropy, "0.00")}"))] : Array.Empty<(string, Markup)>(),
            ])}
            """);
        return Page.Write("Adaptation report", head,
        [
            Page.Section("Why", Markup.Of($"{Page.List(verdict.Reasons)}{Accuracy(verdict)}")),
            Page.Section("What to do next", Page.Paragraph(next + (context.Written is null && context.Models.Count > 0 ? " No model was written." : ""))),
            report.Findings.Count > 0 ? Page.Section("Remarks", Page.List(report.Findings)) : Markup.None,
            LayerSections.Shift(layers, threshold: null, "Each layer of the model expects numbers of a certain mean and spread. The bars show how far those of the new images lie from that, with the layers before already adapted."),
            LayerSections.Channels(layers, hasSource: true),
            PredictionSections.Classes(context, verdict),
            PredictionSections.Examples(context),
            LayerSections.Sufficiency(size, Precision(report)),
            Provenance.Section(context,
            [
                ("Source model, SHA-256", report.SourceSha256), ("How statistics were decided", report.Method), ("Verdict", Camel(verdict.Kind)),
                ("Samples", string.Create(CultureInfo.InvariantCulture, $"{report.Samples}, worth {report.EffectiveImages:0.#} independent images")), ("Version", $"AdaBN {report.ToolVersion}"),
            ]),
        ], Page.Json("adaptation", report, context, size), context);
    }

    private static Markup Accuracy(Verdict verdict) => verdict.Measured is not { } measured ? Markup.None : Page.Table(
        string.Create(CultureInfo.InvariantCulture, $"Accuracy on {measured.Samples} labelled samples, with 95 % intervals"), Page.Head("model", "accuracy"),
        [Page.Row([Page.Name("source"), Page.Cell(Markup.Percent(measured.Source))]), Page.Row([Page.Name("adapted"), Page.Cell(Markup.Percent(measured.Adapted))]), Page.Row([Page.Name("change"), Page.Cell(Markup.Percent(measured.Change))])], "narrow");

    private static IEnumerable<string> Precision(AdaptationReport report)
    {
        SamplingPrecision precision = report.Precision;
        yield return string.Create(CultureInfo.InvariantCulture, $"Standard error of the channel means in the worst layer: {Markup.Figure(precision.Reached)}{(precision.Wanted is { } wanted ? $"; wanted was {Markup.Figure(wanted)}, foretold to take {precision.Foretold} samples" : "")}.");
        if (report.EffectiveImages < report.Samples) yield return string.Create(CultureInfo.InvariantCulture, $"Successive images are alike: the {report.Samples} are worth {report.EffectiveImages:0} independent ones. Errors of means and variances count that.");
    }

    private static string Style(VerdictKind kind) => kind switch { VerdictKind.Adapt => "good", VerdictKind.AdaptPartly or VerdictKind.NeedMoreImages => "alarm", _ => "" };

    private static string Camel(VerdictKind kind) => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(kind.ToString());

    private static (string Headline, string Meaning, string Next) Words(VerdictKind kind, bool isMeasured) => kind switch
    {
        VerdictKind.Adapt => ("Use the adapted model.",
            "The new images look different to the model than those it was trained on. The adapted model makes up for that" + (isMeasured ? ", as measured on labelled images." : "; by all that can be seen without labels it is the better one."),
            (isMeasured ? "" : "If you can, label some images and count with 'adabn evaluate' how many each model gets right. ") + "Put the adapted file in the place of the old one, keep the old one, and look at later images with 'adabn shift' from time to time."),
        VerdictKind.AdaptPartly => ("Adapted in part: some classes seem to be missing.",
            "The images seem to show only some of the classes, or some far more often than others. From such a set only part of the difference can be told, so only part was made up for.",
            "Collect images of all classes, about as often as they come, and adapt again. Until then, compare both models on some labelled images before you use the adapted one."),
        VerdictKind.KeepSource => ("Keep the model you have.",
            "Adapting to these images gains nothing, or does harm.",
            "Go on with the source model. If it does badly on these images all the same, the cause lies elsewhere: preprocessing that is not that of training, objects it never learned, wrong labels. Otherwise nothing is to be done."),
        VerdictKind.NeedMoreImages => ("Get more images.",
            "There is too little to tell whether the adapted model is any better" + (isMeasured ? ", also by the labelled images." : "."),
            "Collect more images of all classes and adapt again. Do not use the adapted model before."),
        VerdictKind.NotJudged => ("Not judged.",
            "The model was adapted, and whether to use it could not be told.",
            "Compare both models on some labelled images before you use the adapted one."),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no verdict"),
    };
}
