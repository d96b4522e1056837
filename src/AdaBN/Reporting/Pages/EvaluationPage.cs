using System.Globalization;

namespace AdaBN.Reporting.Pages;

/// <summary>How many images of known class models get right.</summary>
internal static class EvaluationPage
{
    private const int MostInMatrix = 20, ClassesShown = 50;

    public static string Write(EvaluationReport report, ReportContext context) => Write(report,
        Markup.Of($"""
            <h1>{Markup.Share(report.Accuracy.Value)} of the images are read rightly.</h1>
            <p class="lead">{string.Create(CultureInfo.InvariantCulture, $"Counted on {report.Samples} images of known class. Of all such images it is {Markup.Figure(100 * report.Accuracy.Low, "0.0")} to {Markup.Figure(100 * report.Accuracy.High, "0.0")} %, with 95 % confidence.")}</p>
            """), [report], [], context);

    public static string Write(EvaluationComparison comparison, ReportContext context)
    {
        Estimate change = comparison.Change;
        string headline = change switch { { Low: > 0 } => "The second model is better.", { High: < 0 } => "The second model is worse.", _ => "No sure difference between the models." };
        return Write(comparison, Markup.Of($"""
            <h1 class="{(change.Low > 0 ? "good" : change.High < 0 ? "alarm" : "")}">{headline}</h1>
            <p class="lead">{string.Create(CultureInfo.InvariantCulture, $"On the same {comparison.Source.Samples} images of known class the first gets {Markup.Share(comparison.Source.Accuracy.Value)} right, the second {Markup.Share(comparison.Adapted.Accuracy.Value)}: a change of {Points(change.Value)} points ({Points(change.Low)} to {Points(change.High)} with 95 % confidence).")}</p>
            """), [comparison.Source, comparison.Adapted],
            [("change in points", Markup.Of($"<data value=\"{change.Value.ToString("R", CultureInfo.InvariantCulture)}\">{Points(change.Value)}</data>")),
                ("right by the second alone", Markup.Number(comparison.Gained, "0")), ("right by the first alone", Markup.Number(comparison.Lost, "0")), ("predictions that differ", Markup.Number(comparison.Changed, "0"))], context);
    }

    private static string Write(object json, Markup head, EvaluationReport[] reports, (string, Markup)[] facts, ReportContext context) => Page.Write("Evaluation report",
        Markup.Of($"{head}{Page.Facts([("images", Markup.Number(reports[0].Samples, "0")), .. reports.Select((report, i) => (reports.Length == 1 ? "accuracy (95 %)" : FormattableString.Invariant($"accuracy of model {i + 1} (95 %)"), Markup.Percent(report.Accuracy))), .. facts])}"),
        [
            Recall(reports, context),
            .. reports.Select((report, i) => Confusion(report, reports.Length == 1 ? "What is taken for what" : FormattableString.Invariant($"What model {i + 1} takes for what"), context)),
            Provenance.Section(context,
            [
                .. reports.Select((report, i) => (reports.Length == 1 ? "Model, SHA-256" : FormattableString.Invariant($"Model {i + 1}, SHA-256"), report.ModelSha256)),
                .. reports.Where(report => report.Domain is not null).Select(report => ("Domain of the bank", report.Domain!.Value.ToString(CultureInfo.InvariantCulture))),
                .. reports.Select((report, i) => (reports.Length == 1 ? "Mean unsureness (entropy)" : FormattableString.Invariant($"Mean unsureness (entropy) of model {i + 1}"), Markup.Figure(report.Entropy))),
                ("Version", $"AdaBN {reports[0].ToolVersion}"),
            ]),
        ], Page.Json(reports.Length == 1 ? "evaluation" : "comparison", json, context), context);

    private static Markup Recall(EvaluationReport[] reports, ReportContext context)
    {
        ClassRecall[] known = [.. reports[0].Classes.Where(one => one.Samples > 0)];
        ClassRecall[] shown = known.Length <= ClassesShown ? known : [.. known.OrderBy(one => one.Recall!.Value).ThenBy(one => one.Class).Take(ClassesShown).OrderBy(one => one.Class)];
        string said = "Of the images of each class, the share that is taken for it, with its 95 % interval." + (shown.Length < known.Length
            ? string.Create(CultureInfo.InvariantCulture, $" Shown are the {shown.Length} classes of lowest recall of {known.Length}; the JSON inside this file has all.") : "");
        return Page.Section("Each class", Markup.Of($"""
            {Page.Paragraph(said)}{(reports.Length == 1 ? Markup.None : Markup.Of($"<p class=\"legend\"><span><span class=\"key source\"></span>model 1</span><span><span class=\"key target\"></span>model 2</span></p>"))}
            {Page.Table("Recall of each class", Page.Head(["class", "", .. reports.Select((_, i) => reports.Length == 1 ? "recall" : FormattableString.Invariant($"recall {i + 1}")), "images", .. reports.Select((_, i) => reports.Length == 1 ? "taken for it" : FormattableString.Invariant($"taken for it {i + 1}"))]), shown.Select(one => Page.Row([
                Page.Name(Page.Class(context, one.Class)), Markup.Of($"<td class=\"measure\">{Bars([.. reports.Select(report => report.Classes[one.Class].Recall!)])}</td>"),
                .. reports.Select(report => Page.Cell(Markup.Percent(report.Classes[one.Class].Recall!))), Page.Cell(one.Samples), .. reports.Select(report => Page.Cell(report.Classes[one.Class].Predicted))])), "classes")}
            """));
    }

    /// <summary>Each recall on a scale from 0 to 1, with its interval.</summary>
    private static Markup Bars(Estimate[] recalls)
    {
        IEnumerable<Markup> bars = recalls.Select((recall, i) => Markup.Of(
            $"<rect class=\"{(recalls.Length == 2 && i == 0 ? "source" : "target")}\" y=\"{11 * i}\" width=\"{100 * recall.Value:0.##}%\" height=\"9\"/><line class=\"error\" x1=\"{100 * recall.Low:0.##}%\" x2=\"{100 * recall.High:0.##}%\" y1=\"{(11 * i) + 4.5}\" y2=\"{(11 * i) + 4.5}\"/>"));
        return Markup.Of($"<svg width=\"100%\" height=\"{(11 * recalls.Length) - 2}\" aria-hidden=\"true\">{bars}</svg>");
    }

    private static Markup Confusion(EvaluationReport report, string title, ReportContext context)
    {
        Dictionary<(int, int), int> counts = report.Confusion.ToDictionary(cell => (cell.Label, cell.Predicted), cell => cell.Samples);
        int Errors(ClassRecall one) => one.Samples - counts.GetValueOrDefault((one.Class, one.Class)) + one.Predicted - counts.GetValueOrDefault((one.Class, one.Class));
        ClassRecall[] met = [.. report.Classes.Where(one => one.Samples + one.Predicted > 0)];
        ClassRecall[] shown = met.Length <= MostInMatrix ? met : [.. met.OrderByDescending(Errors).ThenBy(one => one.Class).Take(MostInMatrix).OrderBy(one => one.Class)];
        string said = "A row a true class, a column what the model takes its images for; the stronger the colour, the larger the share of the row." + (shown.Length < met.Length
            ? string.Create(CultureInfo.InvariantCulture, $" Shown are the {shown.Length} classes with most errors of {met.Length}; the JSON inside this file has all.") : "");
        IEnumerable<Markup> rows = shown.Select(label => Page.Row([Page.Name(label.Class < context.Classes.Count ? FormattableString.Invariant($"{label.Class} {context.Classes[label.Class]}") : Page.Class(context, label.Class)), .. shown.Select(predicted =>
        {
            int samples = counts.GetValueOrDefault((label.Class, predicted.Class));
            double share = label.Samples == 0 ? 0 : (double)samples / label.Samples;
            return samples == 0 ? Markup.Of($"<td class=\"none\">·</td>") : Markup.Of($"<td class=\"{(label == predicted ? "right" : "wrong")}\" style=\"--share:{share:0.###}\">{Markup.Number(samples, "0")}</td>");
        })]));
        Markup[] worst = [.. report.Confusion.Where(cell => cell.Label != cell.Predicted).OrderByDescending(cell => cell.Samples).ThenBy(cell => (cell.Label, cell.Predicted)).Take(5)
            .Select(cell => Markup.Of($"<li><bdi>{Page.Class(context, cell.Label)}</bdi> taken for <bdi>{Page.Class(context, cell.Predicted)}</bdi>: {Markup.Number(cell.Samples, "0")} images</li>"))];
        return Page.Section(title, Markup.Of($"""
            {Page.Paragraph(said)}{Page.Table($"{title}: images", [Markup.Of($"<th scope=\"col\" class=\"name\">true class</th>"), .. shown.Select(one => Markup.Of($"<th scope=\"col\" title=\"{Page.Class(context, one.Class)}\">{one.Class}</th>"))], rows, "confusion")}
            {(worst.Length > 0 ? Markup.Of($"<h3>Most frequent mistakes</h3><ul>{worst}</ul>") : Page.Paragraph("No mistake."))}
            """));
    }

    private static string Points(double share) => (100 * share).ToString("+0.0;−0.0;0.0", CultureInfo.InvariantCulture);
}
