using System.Globalization;
using AdaBN.Measurement;
using AdaBN.Reporting;
using AdaBN.Reporting.Pages;

namespace AdaBN;

/// <summary>How far a domain lies from a model's source domain. As JSON it is described by <c>docs/shift.schema.json</c>.</summary>
/// <param name="Schema">Name and version of the JSON: <see cref="JsonSchema"/>.</param>
/// <param name="ModelSha256">SHA-256 of the model's file.</param>
/// <param name="ToolVersion">Version of this library.</param>
/// <param name="Samples">Samples of the target measured.</param>
/// <param name="SourceSamples">Samples of the source measured; null where the target was compared with the statistics in the file.</param>
/// <param name="Threshold">What counted as drift.</param>
/// <param name="HasDrifted">Whether any layer has drifted.</param>
/// <param name="Layers">The layers, those that moved most first.</param>
/// <param name="Findings">What a user should know about the data, and what an adaptation would do beside, in plain sentences.</param>
public sealed record ShiftReport(
    string Schema, string ModelSha256, string ToolVersion, long Samples, long? SourceSamples, double Threshold, bool HasDrifted,
    IReadOnlyList<LayerShift> Layers, IReadOnlyList<string> Findings)
{
    /// <summary>Name and version of the JSON. The version counts up when a field changes its meaning or goes; new fields do not change it.</summary>
    public const string JsonSchema = "adabn.shift/1";

    /// <summary>The report as JSON.</summary>
    public string ToJson() => ReportJson.Write(this);

    /// <summary>The report as a page for browser and printer: one file that needs nothing else. docs/report.md says what is in it.</summary>
    /// <param name="context">What it tells beside: files, date, predictions; nothing where null.</param>
    public string ToHtml(ReportContext? context = null) => ShiftPage.Write(this, context ?? new ReportContext());
}

/// <summary>How far a layer's features lie apart in the two domains, in one and the same model.</summary>
/// <param name="Index">Its place among the model's normalizations (<see cref="NormalizationLayer.Index"/>).</param>
/// <param name="Name">The node's name, or its output's where it has none.</param>
/// <param name="Depth">Number of BatchNormalization nodes before it on the longest path.</param>
/// <param name="Images">Images measured.</param>
/// <param name="ValuesPerChannel">Values measured a channel: images × positions.</param>
/// <param name="Figures">The layer's shift.</param>
/// <param name="StandardError">How far <see cref="ShiftFigures.Wasserstein"/> is off by chance: root mean square of the channels' <see cref="ChannelShift.StandardError"/>.</param>
/// <param name="LowerBound">
/// The shift that is surely there: <see cref="ShiftFigures.Wasserstein"/> less <see cref="SureErrors"/> standard errors, at least 0. By the triangle
/// inequality the true distance is no smaller unless the measured statistics are off by more than that, however the channels hang together.
/// </param>
/// <param name="HasDrifted">Whether <see cref="LowerBound"/> exceeds the threshold.</param>
/// <param name="Mmd">
/// Squared maximum mean discrepancy with the kernel k(x, y) = (xᵀy)² between the features (all channels of the layer's input) at the positions of
/// all images, every pair counted; null unless asked for. Equal to ‖G_s − G_t‖², with G the mean of x·xᵀ (the Gram matrix) and Frobenius norms, it is
/// divided by ‖G_s‖², so that layers of any width and scale compare: 0 for equal second moments, 1 for the distance to all zeros. (Li et al., arXiv
/// 1701.01036, show it to be the style loss of Gatys et al., which divides by 4·channels² instead and so keeps the features' scale.) Unlike the other figures it sees how channels go
/// together, and it is not free of a common offset.
/// </param>
/// <param name="Channels">The shift of each channel.</param>
public sealed record LayerShift(
    int Index, string Name, int Depth, long Images, long ValuesPerChannel, ShiftFigures Figures, double StandardError, double LowerBound, bool HasDrifted, double? Mmd,
    IReadOnlyList<ChannelShift> Channels)
{
    /// <summary>Standard errors that a shift is thought to be off by at most.</summary>
    public const double SureErrors = 3;

    internal static LayerShift Of(UnchangedLayer target, UnchangedLayer? measuredSource, double threshold)
    {
        LayerEvidence found = target.Evidence;
        if (measuredSource is null) CheckSource(found);
        ChannelShift[] channels = [.. Enumerable.Range(0, found.Channels).Select(c => ChannelShift.Of(c, found, measuredSource?.Evidence))];
        ShiftFigures figures = ShiftFigures.Of(channels);
        double error = ShiftFigures.RootMeanSquare(channels.Select(channel => channel.StandardError));
        double lowerBound = double.IsFinite(error) ? Math.Max(0, figures.Wasserstein - (SureErrors * error)) : 0;
        double? mmd = target.SecondMoments is null ? null : SecondMoments.RelativeSquaredDistance(measuredSource!.SecondMoments!, target.SecondMoments);
        return new LayerShift(
            found.Layer.Index, found.Layer.Name, found.Layer.Depth!.Value, found.Images, found.ValuesPerChannel, figures, error, lowerBound, lowerBound > threshold, mmd, channels);
    }

    private static void CheckSource(LayerEvidence layer)
    {
        for (int c = 0; c < layer.Channels; c++)
        {
            (double mean, double variance) = (layer.Source.Mean[c], layer.Source.Variance[c]);
            if (double.IsFinite(mean) && double.IsFinite(variance) && variance + layer.Epsilon >= 0) continue;
            throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                $"Layer '{layer.Layer.Name}', channel {c}, has the running mean {mean} and the running variance {variance} in the file, expected finite numbers and a variance that is not negative. Export the model again, give source samples, or leave the layer out with the layer filter."));
        }
    }
}
