using System.Globalization;

namespace AdaBN.Reporting.Pages;

/// <summary>Numbers of one kind, one a channel.</summary>
/// <param name="Name">Whose they are.</param>
/// <param name="Style">The class that colours them.</param>
/// <param name="Values">They.</param>
internal sealed record Series(string Name, string Style, IReadOnlyList<double> Values);

/// <summary>How often numbers come, in even bins; two series side by side.</summary>
/// <param name="Title">What is counted.</param>
/// <param name="Unit">Under the axis.</param>
/// <param name="Series">One or two.</param>
/// <param name="Mark">A place to mark with a line, and what it is.</param>
internal sealed record HistogramChart(string Title, string Unit, IReadOnlyList<Series> Series, (double At, string Name)? Mark = null)
{
    private const int Bins = 24;
    private const double Left = 8, Right = 99, Top = 34, Bottom = 140, Height = 178;

    public Markup Draw()
    {
        double[][] finite = [.. Series.Select(series => series.Values.Where(double.IsFinite).ToArray())];
        Axis across = Axis.Over([.. finite.SelectMany(values => values), .. Mark is { } mark ? [mark.At] : Array.Empty<double>()], 6);
        int[][] counts = [.. finite.Select(values => Count(values, across))];
        Axis up = Axis.Over([0, .. counts.SelectMany(bins => bins).Select(count => (double)count)], 3, leastStep: 1);
        double Down(double count) => Bottom - (up.Place(count) * (Bottom - Top));
        double Across(double share) => Left + (share * (Right - Left));
        double bin = (Right - Left) / Bins, width = 0.9 * bin / Series.Count;
        int leftOut = Series.Sum(series => series.Values.Count) - finite.Sum(values => values.Length);
        return Markup.Of($"""
            <figure class="small"><figcaption>{Title}{(leftOut > 0 ? Markup.Of($" <span class=\"soft\">({leftOut} without a finite value left out)</span>") : Markup.None)}</figcaption>
            <svg class="chart" width="100%" height="{Height}" role="img" aria-label="{Title}: {string.Join("; ", Series.Zip(finite, Summary))}">
            {up.Ticks.Select(tick => Markup.Of($"<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{Px(Down(tick))}\" y2=\"{Px(Down(tick))}\"/><text class=\"tick\" x=\"0\" y=\"{Px(Down(tick) - 3)}\">{up.Label(tick)}</text>"))}
            {counts.SelectMany((bins, s) => bins.Select((count, i) => count == 0 ? Markup.None : Markup.Of($"<g><title>{Series[s].Name}: {count} channels from {Edge(across, i)} to {Edge(across, i + 1)}</title><rect class=\"{Series[s].Style}\" x=\"{Px(Left + (i * bin) + (s * width))}%\" width=\"{Px(width)}%\" y=\"{Px(Down(count))}\" height=\"{Px(Bottom - Down(count))}\"/></g>")))}
            {(Mark is { } line ? Markup.Of($"<g><title>{line.Name}</title><line class=\"mark\" x1=\"{Px(Across(across.Place(line.At)))}%\" x2=\"{Px(Across(across.Place(line.At)))}%\" y1=\"{Top - 6}\" y2=\"{Bottom}\"/></g>") : Markup.None)}
            {across.Ticks.Select((tick, i) => Markup.Of($"<text class=\"tick\" x=\"{Px(Across(across.Place(tick)))}%\" y=\"{Bottom + 16}\" text-anchor=\"{(i == across.Steps ? "end" : "middle")}\">{across.Label(tick)}</text>"))}
            <text class="axis" x="0" y="11">channels</text>
            <text class="axis" x="100%" y="{Height - 4}" text-anchor="end">{Unit}</text>
            </svg></figure>
            """);
    }

    internal static int[] Count(IEnumerable<double> values, Axis across)
    {
        var bins = new int[Bins];
        foreach (double value in values) bins[Math.Min(Bins - 1, (int)(across.Place(value) * Bins))]++;
        return bins;
    }

    private static string Edge(Axis across, int bin) => (across.From + ((across.To - across.From) * bin / Bins)).ToString("g3", CultureInfo.InvariantCulture);

    private static string Summary(Series series, double[] values) => values.Length == 0 ? $"{series.Name} none"
        : string.Create(CultureInfo.InvariantCulture, $"{series.Name} from {values.Min():g3} to {values.Max():g3}, on average {values.Average():g3}");

    private static string Px(double place) => place.ToString("0.##", CultureInfo.InvariantCulture);
}
