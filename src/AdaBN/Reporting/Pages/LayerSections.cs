using System.Globalization;

namespace AdaBN.Reporting.Pages;

/// <summary>What the layers show: where the shift lies, in which channels, and how sure that is.</summary>
internal static class LayerSections
{
    private const int LayersShown = 3, ChannelsShown = 5;

    public static Markup Shift(IReadOnlyList<PageLayer> layers, double? threshold, string about)
    {
        bool hasLeft = layers.Any(layer => layer.Left is not null), hasDrift = layers.Any(layer => layer.HasDrifted is not null), hasMmd = layers.Any(layer => layer.Mmd is not null);
        IEnumerable<string> head = ["", "layer", "", "shift", "± error", "mean", "log variance", "symmetric KL", .. Where(hasLeft, "left after"), .. Where(hasMmd, "MMD"), .. Where(hasDrift, "drift"), "depth", "channels"];
        double largest = layers.Max(layer => double.IsFinite(layer.Shift) ? layer.Shift : 0);
        IEnumerable<Markup> rows = layers.Select(layer => Page.Row([
            Markup.Of($"<td class=\"number\">{layer.Number}</td>"), Page.Name(layer.Name), Markup.Of($"<td class=\"measure\">{Bar(layer, largest)}</td>"), Page.Cell(Markup.Number(layer.Shift)),
            Page.Cell(Markup.Number(layer.StandardError)), Page.Cell(Markup.Number(layer.Figures.MeanShift)), Page.Cell(Markup.Number(layer.Figures.LogVarianceRatio)), Page.Cell(Markup.Number(layer.Figures.SymmetricKL)),
            .. Where(hasLeft, Page.Cell(layer.Left is { } left ? Markup.Number(left.Wasserstein) : Markup.None)),
            .. Where(hasMmd, Page.Cell(layer.Mmd is { } mmd ? Markup.Number(mmd, "g3") : Markup.None)),
            .. Where(hasDrift, Page.Cell(layer.HasDrifted == true ? Markup.Of($"<strong class=\"alarm\">yes</strong>") : Markup.Of($"no"))),
            Page.Cell(layer.Depth), Page.Cell(layer.Channels.Count)]));
        return Page.Section("Where the images differ", Markup.Of($"""
            {Page.Paragraph(about)}<figure>{Legend(hasLeft, threshold)}{LayerChart.Draw(layers, threshold)}</figure>
            {Page.Table("Shift of each layer, from the first to the deepest", Page.Head(head), rows, "layers")}
            """));
    }

    public static Markup Channels(IReadOnlyList<PageLayer> layers, bool hasSource) => Page.Section("What moved inside these layers", Markup.Of($"""
        {Page.Paragraph("A layer works with channels, each of which looks for something of its own in a picture. Here are the layers that moved most, and their channels.")}{layers.OrderByDescending(layer => layer.Shift).Take(LayersShown).Select(layer => ChannelsOf(layer, hasSource))}
        """));

    public static Markup Sufficiency(SampleSize size, IEnumerable<string> asides) => Page.Section("Were there enough images?", Markup.Of($"""
        {Page.Paragraph(Words(size))}{(asides.Any() ? Page.List(asides) : Markup.None)}{(double.IsFinite(size.StandardError) ? Page.Table("Images it takes for a standard error of the shift in every layer", Page.Head("standard error", "images"),
            size.Wanted.Select(one => Page.Row([Markup.Of($"<th scope=\"row\" class=\"name\">{Markup.Number(one.StandardError, "0.##")}</th>"), Page.Cell(Markup.Of($"<data value=\"{one.Images.ToString("R", CultureInfo.InvariantCulture)}\">{Markup.Count(one.Images)}</data>"))])), "narrow") : Markup.None)}
        """));

    private static string Words(SampleSize size) => double.IsFinite(size.StandardError)
        ? FormattableString.Invariant($"On {size.Images} images the shift of a layer is known to ± {Markup.Figure(size.StandardError)} standard deviations or better. In {size.SureLayers} of {size.Layers} layers it is larger than three such errors of the layer, so it is no chance there.")
        : FormattableString.Invariant($"Nothing can be told of chance: {size.Images} image{(size.Images == 1 ? " does" : "s do")} not tell how images differ among themselves.");

    private static Markup ChannelsOf(PageLayer layer, bool hasSource)
    {
        var most = layer.Channels.Select((row, channel) => (channel, row)).OrderByDescending(pair => pair.row[0]).ThenBy(pair => pair.channel).Take(ChannelsShown);
        return Markup.Of($"""
            <article><h3><span class="soft">{layer.Number}</span> <bdi>{layer.Name}</bdi></h3>
            {(hasSource ? Markup.Of($"<p class=\"legend\"><span><span class=\"key source\"></span>source</span><span><span class=\"key target\"></span>new images</span></p>") : Markup.Of($"<p class=\"legend\"><span><span class=\"key target\"></span>new images</span><span><span class=\"key line\"></span>the source</span></p>"))}
            <div class="pair">{layer.Charts.Select(chart => chart.Draw())}</div>
            {Page.Table(string.Create(CultureInfo.InvariantCulture, $"Channels of {layer.Name} that moved most, of {layer.Channels.Count}"), Page.Head(["channel", .. layer.ChannelColumns]),
                most.Select(pair => Page.Row([Page.Name(pair.channel.ToString(CultureInfo.InvariantCulture)), .. pair.row.Select((value, i) => Page.Cell(Markup.Number(value, i == 0 ? "0.000" : "g3")))])))}</article>

            """);
    }

    private static Markup Bar(PageLayer layer, double largest)
    {
        double share = largest > 0 && !double.IsNaN(layer.Shift) ? 100 * Math.Min(1, layer.Shift / largest) : 0;
        return Markup.Of($"<svg width=\"100%\" height=\"9\" aria-hidden=\"true\"><rect class=\"{(layer.HasDrifted == true ? "bar drifted" : "bar")}\" width=\"{share:0.##}%\" height=\"9\"/></svg>");
    }

    private static Markup Legend(bool hasLeft, double? threshold) => Markup.Of($"""
        <figcaption class="legend"><span><span class="key bar"></span>{(hasLeft ? "shift before adapting" : "shift")}</span>{(hasLeft ? Markup.Of($"<span><span class=\"key left\"></span>left after adapting</span>") : Markup.None)}{(threshold is { } line ? Markup.Of($"<span><span class=\"key bar drifted\"></span>drifted</span><span><span class=\"key dashes\"></span>threshold, {Markup.Number(line, "0.###")}</span>") : Markup.None)}<span><span class="key line"></span>± one standard error</span></figcaption>
        """);

    private static T[] Where<T>(bool holds, T one) => holds ? [one] : [];
}
