using System.Globalization;

namespace AdaBN.Reporting.Pages;

/// <summary>A bar a layer, by depth, with its standard error. Places across are shares of the width, so the letters keep their size on any screen.</summary>
internal static class LayerChart
{
    private const double Left = 7, Right = 99, Top = 38, Bottom = 214, Height = 256; // across in percent, down in pixels

    public static Markup Draw(IReadOnlyList<PageLayer> layers, double? threshold)
    {
        Axis axis = Axis.Over([0, threshold ?? 0, .. layers.Select(layer => layer.Shift), .. layers.Select(layer => layer.Shift + Error(layer))], 4);
        double Down(double shift) => Bottom - (axis.Place(shift) * (Bottom - Top));
        double slot = (Right - Left) / layers.Count, width = Math.Min(0.7 * slot, 6);
        int every = (int)Math.Max(1, Axis.Over([0, layers.Count], 12).Step);
        PageLayer most = layers.MaxBy(layer => layer.Shift)!;
        return Markup.Of($"""
            <svg class="chart" width="100%" height="{Height}" role="img" aria-label="{Summary(layers, most)}">
            {axis.Ticks.Select(tick => Markup.Of($"<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{Px(Down(tick))}\" y2=\"{Px(Down(tick))}\"/><text class=\"tick\" x=\"0\" y=\"{Px(Down(tick) - 4)}\">{axis.Label(tick)}</text>"))}
            {layers.Select((layer, i) => Bar(layer, Left + (slot * (i + 0.5)), width, Down))}
            {(threshold is { } line ? Markup.Of($"<g><title>drift above {line}</title><line class=\"threshold\" x1=\"{Left - 1}%\" x2=\"100%\" y1=\"{Px(Down(line))}\" y2=\"{Px(Down(line))}\"/></g>") : Markup.None)}
            {layers.Select((layer, i) => layer.Number % every == 0 || (layer.Number == 1 && every > 2) ? Markup.Of($"<text class=\"tick\" x=\"{Px(Left + (slot * (i + 0.5)))}%\" y=\"{Bottom + 17}\" text-anchor=\"middle\">{layer.Number}</text>") : Markup.None)}
            <text class="axis" x="0" y="12">shift, in standard deviations of the source</text>
            <text class="axis" x="100%" y="{Bottom + 36}" text-anchor="end">layer, from the first to the deepest</text>
            </svg>
            """);
    }

    private static Markup Bar(PageLayer layer, double centre, double width, Func<double, double> down)
    {
        double top = down(layer.Shift), low = down(Math.Max(0, layer.Shift - Error(layer))), high = down(layer.Shift + Error(layer));
        Markup left = layer.Left is { } rest ? Markup.Of($"<rect class=\"left\" x=\"{Px(centre - (width / 2))}%\" width=\"{Px(width)}%\" y=\"{Px(down(rest.Wasserstein))}\" height=\"{Px(Bottom - down(rest.Wasserstein))}\"/>") : Markup.None;
        return Markup.Of($"""
            <g><title>{layer.Number}: {layer.Name}, depth {layer.Depth}: shift {Markup.Figure(layer.Shift)} ± {Markup.Figure(layer.StandardError)}{(layer.Left is null ? "" : $", left after adapting {Markup.Figure(layer.Left.Wasserstein)}")}</title><rect class="{(layer.HasDrifted == true ? "bar drifted" : "bar")}" x="{Px(centre - (width / 2))}%" width="{Px(width)}%" y="{Px(top)}" height="{Px(Math.Max(1, Bottom - top))}"/>{left}<line class="error" x1="{Px(centre)}%" x2="{Px(centre)}%" y1="{Px(low)}" y2="{Px(high)}"/></g>

            """);
    }

    private static string Summary(IReadOnlyList<PageLayer> layers, PageLayer most) => string.Create(CultureInfo.InvariantCulture,
        $"Shift of {layers.Count} layers by depth. The largest is {Markup.Figure(most.Shift)} in layer {most.Number}, {most.Name}. The table below has all figures.");

    private static double Error(PageLayer layer) => double.IsFinite(layer.StandardError) ? layer.StandardError : 0;

    private static string Px(double place) => place.ToString("0.##", CultureInfo.InvariantCulture);
}
