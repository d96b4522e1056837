using System.Globalization;

namespace AdaBN.Reporting.Pages;

/// <summary>What models take the images for.</summary>
internal static class PredictionSections
{
    private const int ClassesShown = 20;

    public static Markup Classes(ReportContext context, Verdict? verdict)
    {
        PredictionSummary? before = context.Predictions?.Source ?? verdict?.Source, after = context.Predictions is { } seen ? seen.Adapted : verdict?.Adapted;
        if (before is null) return Page.Section("What the model takes them for", Page.Paragraph("No predictions were looked at, or the model gives none that can be compared: one finite score a class for each image."));
        string said = string.Create(CultureInfo.InvariantCulture, $"Of {before.Images} images drawn evenly from the set{(context.Predictions is { } review ? $" of {review.Read}" : "")}: ") + (after is null
            ? $"the classes that the model takes them for. It is unsure to {Markup.Figure(before.Entropy)} (0: always sure, 1: never); its predictions are as diverse as {Markup.Figure(before.Diversity)} (0: one class only, 1: all classes alike)."
            : $"the classes that the models take them for. How unsure they are (0: always sure, 1: never): {Markup.Figure(before.Entropy)} before, {Markup.Figure(after.Entropy)} after. How diverse the predictions are (0: one class only, 1: all classes alike): {Markup.Figure(before.Diversity)} before, {Markup.Figure(after.Diversity)} after. "
                + $"{((context.Predictions?.Agreement ?? verdict?.Agreement) is { } agreement ? $"Both say the same of {Markup.Share(agreement)}." : "")}");
        int[] all = [.. Enumerable.Range(0, before.Histogram.Count)], shown = all.Length <= ClassesShown + 4 ? all
            : [.. all.OrderByDescending(i => Math.Max(before.Histogram[i], after?.Histogram[i] ?? 0)).ThenBy(i => i).Take(ClassesShown).Order()];
        int most = Math.Max(1, shown.Max(i => Math.Max(before.Histogram[i], after?.Histogram[i] ?? 0)));
        IEnumerable<Markup> rows = shown.Select(i => Page.Row([
            Page.Name(Page.Class(context, i)), Markup.Of($"<td class=\"measure\">{Bars(before.Histogram[i], after?.Histogram[i], most)}</td>"),
            Page.Cell(before.Histogram[i]), .. after is null ? Array.Empty<Markup>() : [Page.Cell(after.Histogram[i])]]));
        int[] others = [.. all.Except(shown)];
        if (others.Length > 0)
            rows = rows.Append(Page.Row([Page.Name(string.Create(CultureInfo.InvariantCulture, $"{others.Length} other classes")), Page.Cell(Markup.None), Page.Cell(others.Sum(i => before.Histogram[i])), .. after is null ? Array.Empty<Markup>() : [Page.Cell(others.Sum(i => after.Histogram[i]))]]));
        return Page.Section("What the model takes them for", Markup.Of($"""
            {Page.Paragraph(said)}{(after is null ? Markup.None : Markup.Of($"<p class=\"legend\"><span><span class=\"key source\"></span>before</span><span><span class=\"key target\"></span>after</span></p>"))}
            {Page.Table("Images by predicted class", Page.Head(after is null ? ["class", "", "images"] : ["class", "", "before", "after"]), rows, "classes")}
            """));
    }

    public static Markup Examples(ReportContext context)
    {
        if (context.Predictions is not { } review) return Markup.None;
        string title = review.Adapted is null ? "Where the model is least sure" : "Images that are read differently";
        if (review.Examples.Count == 0) return Page.Section(title, Page.Paragraph(string.Create(CultureInfo.InvariantCulture, $"None: both models take all {review.Source.Images} images drawn for the same.")));
        string said = review.Changed is { } changed
            ? string.Create(CultureInfo.InvariantCulture, $"{changed} of {review.Source.Images} images drawn; shown are {(review.Examples.Count == changed ? "all" : $"the first {review.Examples.Count} as they were drawn, none picked")}. Without labels nobody knows which model is right: look.")
            : string.Create(CultureInfo.InvariantCulture, $"The {review.Examples.Count} images of lowest probability, of {review.Source.Images} drawn.");
        if (review.Examples.All(example => example.Picture is null)) said += " The samples are no pictures, or cannot be shown as such.";
        return Page.Section(title, Markup.Of($"{Page.Paragraph(said)}<ul class=\"pictures\">{review.Examples.Select(example => Example(context, example))}</ul>\n"));
    }

    private static Markup Example(ReportContext context, PredictedSample example)
    {
        string name = example.Name ?? string.Create(CultureInfo.InvariantCulture, $"sample {example.Index}");
        Markup picture = example.Picture is { } png ? Markup.Of($"<img src=\"data:image/png;base64,{Convert.ToBase64String(png)}\" alt=\"{name}\">") : Markup.None;
        Markup after = example is { AdaptedClass: { } adapted, AdaptedProbability: { } probability }
            ? Markup.Of($" <span aria-hidden=\"true\">→</span><span class=\"hidden\">, now</span> <strong><bdi>{Page.Class(context, adapted)}</bdi></strong> <span class=\"soft\">{Markup.Percent(probability)}</span>") : Markup.None;
        return Markup.Of($"<li>{picture}<p><strong><bdi>{Page.Class(context, example.Class)}</bdi></strong> <span class=\"soft\">{Markup.Percent(example.Probability)}</span>{after}</p><p class=\"file\"><bdi>{name}</bdi></p></li>\n");
    }

    private static Markup Bars(int before, int? after, int most) => after is null
        ? Markup.Of($"<svg width=\"100%\" height=\"10\" aria-hidden=\"true\"><rect class=\"target\" width=\"{100.0 * before / most:0.##}%\" height=\"10\"/></svg>")
        : Markup.Of($"<svg width=\"100%\" height=\"17\" aria-hidden=\"true\"><rect class=\"source\" width=\"{100.0 * before / most:0.##}%\" height=\"8\"/><rect class=\"target\" y=\"9\" width=\"{100.0 * after / most:0.##}%\" height=\"8\"/></svg>");
}
