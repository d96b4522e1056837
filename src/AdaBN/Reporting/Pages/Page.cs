using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Reporting.Pages;

/// <summary>What all pages have: one file without scripts that asks for nothing from anywhere; at its end the JSON that its figures come from.</summary>
internal static partial class Page
{
    private static readonly string Style = ReadStyle();

    public static string Write(string kind, Markup headline, IEnumerable<Markup> sections, object json, ReportContext context) => Markup.Of($"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
        <title>{kind}{(context.Models.Count > 0 ? $": {string.Join(", ", context.Models)}" : "")}</title>
        <style>{new Markup(Style)}</style>
        </head>
        <body>
        <header>
        <p class="kind">{kind}{(context.Date is { } date ? Markup.Of($" · <time datetime=\"{date.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)}\">{date.UtcDateTime.ToString("d MMMM yyyy, HH:mm", CultureInfo.InvariantCulture)} UTC</time>") : Markup.None)}</p>
        {headline}
        </header>
        <main>
        {sections}
        </main>
        <footer><p>Written by AdaBN {BatchNormAdapter.ToolVersion}. Every figure here stands in the JSON inside this file (element <code>report-json</code>), with all its digits.</p></footer>
        <script type="application/json" id="report-json">{new Markup(ReportJson.Write(json))}</script>
        </body>
        </html>

        """).Text.ReplaceLineEndings("\n");

    /// <summary>The JSON: what was run, on top of the report as it is printed alone.</summary>
    public static object Json(string kind, object report, ReportContext context, SampleSize? sampleSize = null) => new
    {
        Kind = kind,
        Run = new { context.Date, context.Models, context.Written, context.Data, context.Settings, context.Classes, OnnxRuntime = OrtEnv.Instance().GetVersionString() },
        Report = report,
        context.Predictions,
        SampleSize = sampleSize,
    };

    public static Markup Section(string title, Markup content) => Markup.Of($"<section><h2>{title}</h2>\n{content}</section>\n");

    public static Markup Paragraph(string text) => Markup.Of($"<p>{text}</p>\n");

    public static Markup List(IEnumerable<string> sentences) => Markup.Of($"<ul>{sentences.Select(sentence => Markup.Of($"<li>{sentence}</li>"))}</ul>\n");

    /// <summary>A few figures in large letters.</summary>
    public static Markup Facts(IEnumerable<(string Name, Markup Value)> facts) =>
        Markup.Of($"<dl class=\"facts\">{facts.Select(fact => Markup.Of($"<div><dt>{fact.Name}</dt><dd>{fact.Value}</dd></div>"))}</dl>\n");

    /// <summary>A table that scrolls by itself where it is wider than the screen.</summary>
    public static Markup Table(string caption, IEnumerable<Markup> head, IEnumerable<Markup> rows, string style = "") => Markup.Of($"""
        <div class="scroll" role="region" tabindex="0" aria-label="{caption}"><table class="{style}"><caption>{caption}</caption>
        <thead><tr>{head}</tr></thead>
        <tbody>
        {rows}</tbody></table></div>

        """);

    public static Markup Row(IEnumerable<Markup> cells) => Markup.Of($"<tr>{cells}</tr>\n");

    /// <summary>Long names may be broken behind what joins their parts.</summary>
    public static Markup Name(string text) => Markup.Of($"<th scope=\"row\" class=\"name\"><bdi>{new Markup(Joints().Replace(Markup.Of($"{text}").Text, "$0<wbr>"))}</bdi></th>");

    public static Markup Cell(Markup content) => Markup.Of($"<td>{content}</td>");

    public static Markup Cell(long number) => Markup.Of($"<td>{Markup.Number(number, "0")}</td>");

    /// <summary>Heads of columns: those up to the first with a name over words, the others over numbers.</summary>
    public static IEnumerable<Markup> Head(params IEnumerable<string> names)
    {
        bool isWords = true;
        foreach (string name in names)
        {
            yield return Markup.Of($"<th scope=\"col\"{(isWords ? new Markup(" class=\"name\"") : Markup.None)}>{name}</th>");
            isWords &= name.Length == 0;
        }
    }

    /// <summary>A class by its name where it has one.</summary>
    public static string Class(ReportContext context, int number) => number < context.Classes.Count ? context.Classes[number] : number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex("[/._:](?=.)")]
    private static partial Regex Joints();

    private static string ReadStyle()
    {
        using var reader = new StreamReader(typeof(Page).Assembly.GetManifestResourceStream("AdaBN.Reporting.Pages.page.css")!);
        return reader.ReadToEnd();
    }
}
