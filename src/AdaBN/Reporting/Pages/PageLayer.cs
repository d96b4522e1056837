namespace AdaBN.Reporting.Pages;

/// <summary>A layer as pages show it, whichever report it comes from.</summary>
/// <param name="Number">Its place by depth, from 1.</param>
/// <param name="Name">Its name.</param>
/// <param name="Depth">Layers before it.</param>
/// <param name="Images">Images measured.</param>
/// <param name="Figures">Its shift.</param>
/// <param name="StandardError">Of its shift.</param>
/// <param name="Left">What an adaptation leaves of the shift; null where there was none.</param>
/// <param name="HasDrifted">Null where there is no threshold.</param>
/// <param name="Mmd">As in the report; null where it was not measured.</param>
/// <param name="Charts">How its channels are distributed.</param>
/// <param name="ChannelColumns">What is told of each channel.</param>
/// <param name="Channels">It, a row a channel; the first number is the channel's shift.</param>
internal sealed record PageLayer(
    int Number, string Name, int Depth, long Images, ShiftFigures Figures, double StandardError, ShiftFigures? Left, bool? HasDrifted, double? Mmd,
    IReadOnlyList<HistogramChart> Charts, IReadOnlyList<string> ChannelColumns, IReadOnlyList<double[]> Channels)
{
    public double Shift => Figures.Wasserstein;

    public bool IsSure => double.IsFinite(StandardError) && Shift > LayerShift.SureErrors * StandardError;

    public static IReadOnlyList<PageLayer> Of(AdaptationReport report) => [.. report.Layers.Select((layer, i) => new PageLayer(
        i + 1, layer.Name, layer.Depth, layer.Images, layer.Before, layer.StandardError, layer.After, HasDrifted: null, Mmd: null,
        [
            new HistogramChart("Means of the channels", "mean", [new Series("source", "source", layer.SourceMean), new Series("new images", "target", layer.TargetMean)]),
            new HistogramChart("Variances of the channels", "natural logarithm of the variance", [new Series("source", "source", Logarithms(layer.SourceVariance)), new Series("new images", "target", Logarithms(layer.TargetVariance))]),
        ],
        ["shift", "mean, source", "mean, new images", "mean, written", "variance, source", "variance, new images", "variance, written"],
        [.. layer.ChannelShifts.Select((shift, c) => new[] { shift, layer.SourceMean[c], layer.TargetMean[c], layer.AdaptedMean[c], layer.SourceVariance[c], layer.TargetVariance[c], layer.AdaptedVariance[c] })]))];

    public static IReadOnlyList<PageLayer> Of(ShiftReport report) => [.. report.Layers.OrderBy(layer => layer.Depth).ThenBy(layer => layer.Index).Select((layer, i) => new PageLayer(
        i + 1, layer.Name, layer.Depth, layer.Images, layer.Figures, layer.StandardError, Left: null, layer.HasDrifted, layer.Mmd,
        [
            new HistogramChart("Means of the channels, moved by", "standard deviations of the source", [new Series("new images", "target", [.. layer.Channels.Select(channel => channel.MeanShift)])], (0, "the source")),
            new HistogramChart("Variances of the channels, changed by", "natural logarithm of new variance / source variance", [new Series("new images", "target", [.. layer.Channels.Select(channel => channel.LogVarianceRatio)])], (0, "the source")),
        ],
        ["shift", "± error", "mean moved by", "log variance ratio", "symmetric KL"],
        [.. layer.Channels.Select(channel => new[] { channel.Wasserstein, channel.StandardError, channel.MeanShift, channel.LogVarianceRatio, channel.SymmetricKL })]))];

    private static IReadOnlyList<double> Logarithms(IReadOnlyList<double> variances) => [.. variances.Select(variance => Math.Log(variance))];
}
