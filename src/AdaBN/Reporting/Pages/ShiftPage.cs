using System.Globalization;

namespace AdaBN.Reporting.Pages;

/// <summary>How far images lie from what a model knows.</summary>
internal static class ShiftPage
{
    public static string Write(ShiftReport report, ReportContext context)
    {
        IReadOnlyList<PageLayer> layers = PageLayer.Of(report);
        SampleSize size = SampleSize.Of(layers, report.Samples);
        PageLayer most = layers.MaxBy(layer => layer.Shift)!;
        int drifted = report.Layers.Count(layer => layer.HasDrifted);
        string against = report.SourceSamples is { } sources ? string.Create(CultureInfo.InvariantCulture, $"{sources} source images") : "the statistics that the model carries";
        Markup head = Markup.Of($"""
            <h1 class="{(report.HasDrifted ? "alarm" : "good")}">{(report.HasDrifted ? "These images differ from what the model knows." : "No drift: these images are like those the model knows.")}</h1>
            <p class="lead">{string.Create(CultureInfo.InvariantCulture, $"{report.Samples} images against {against}: {(report.HasDrifted ? $"drift in {drifted} of" : "no drift in")} {report.Layers.Count} layers. Drift is a shift that is surely larger than {report.Threshold} standard deviations of the source: larger by three standard errors.")}</p>
            {Page.Facts([
                ("images measured", Markup.Of($"<data value=\"{report.Samples}\">{Markup.Count(report.Samples)}</data>")), ("layers that drifted", Markup.Of($"{Markup.Number(drifted, "0")} of {Markup.Number(layers.Count, "0")}")),
                ("largest shift of a layer, in standard deviations", Markup.Number(most.Shift, "0.00")), ("threshold", Markup.Number(report.Threshold, "0.###"))])}
            """);
        return Page.Write("Shift report", head,
        [
            Page.Section("What to do next", Page.Paragraph(report.HasDrifted
                ? "Find out what changed: camera, lens, light, cleaning, scanner settings, or another mix of objects, which counts as drift too. Where the change is to stay, adapt the model to images of all classes with 'adabn adapt', which says whether that helps."
                : "Nothing. Where results are poor all the same, look for objects that the model never learned, or preprocessing that is not that of training.")),
            report.Findings.Count > 0 ? Page.Section("Remarks", Page.List(report.Findings)) : Markup.None,
            LayerSections.Shift(layers, report.Threshold, "Each layer of the model expects numbers of a certain mean and spread. The bars show how far those of the new images lie from that, in the model as it is."),
            LayerSections.Channels(layers, hasSource: false),
            PredictionSections.Classes(context, verdict: null),
            PredictionSections.Examples(context),
            LayerSections.Sufficiency(size, []),
            Provenance.Section(context,
            [
                ("Model, SHA-256", report.ModelSha256), ("Compared with", against), ("Samples", report.Samples.ToString(CultureInfo.InvariantCulture)),
                ("Form of the JSON", report.Schema), ("Version", $"AdaBN {report.ToolVersion}"),
            ]),
        ], Page.Json("shift", report, context, size), context);
    }
}
