using AdaBN.Reporting;
using AdaBN.Reporting.Pages;

namespace AdaBN;

/// <summary>What an adaptation measured and changed.</summary>
/// <param name="Method">How statistics were decided, such as <c>AdaBN (full replacement, population variance)</c>.</param>
/// <param name="Samples">Samples measured.</param>
/// <param name="SourceSha256">SHA-256 of the source model's file.</param>
/// <param name="ToolVersion">Version of this library.</param>
/// <param name="Verdict">Whether to use the adapted model, and why.</param>
/// <param name="Layers">The adapted layers, shallow to deep.</param>
/// <param name="Findings">What a user should know about the data or the result, in plain sentences.</param>
public sealed record AdaptationReport(
    string Method, long Samples, string SourceSha256, string ToolVersion, Verdict Verdict, IReadOnlyList<LayerReport> Layers, IReadOnlyList<string> Findings)
{
    /// <summary>
    /// Independent images that the samples are worth in the order they were read: fewer than <see cref="Samples"/> where successive ones are much
    /// alike, as in a film or where images repeat. Equal to it in random order, in sets sorted by class (which are not poorer for it), and
    /// where successive samples have less than about half in common. Standard errors take all samples for independent: multiply them by √(<see cref="Samples"/> / this).
    /// </summary>
    /// <remarks>
    /// n / (1 + 2·Σ ρ(k)), ρ from the mean square differences of samples k &lt; 64 apart; what holds longer than 32 samples is counted as at least
    /// n/64. Without the order (shuffled films), nothing can be told. Up to 7 samples count as they are.
    /// </remarks>
    public double EffectiveImages { get; init; }

    /// <summary>How sure the target's means are, and what was wanted.</summary>
    public required SamplingPrecision Precision { get; init; }

    /// <summary>The report as JSON, camelCase.</summary>
    public string ToJson() => ReportJson.Write(this);

    /// <summary>The report as a page for browser and printer: one file that needs nothing else. docs/report.md says what is in it.</summary>
    /// <param name="context">What it tells beside: files, date, predictions; nothing where null.</param>
    public string ToHtml(ReportContext? context = null) => AdaptationPage.Write(this, context ?? new ReportContext());
}

/// <summary>One measured layer. All lists have one number a channel.</summary>
/// <param name="Name">The node's name, or its output's where it has none.</param>
/// <param name="Depth">Number of BatchNormalization nodes before it on the longest path.</param>
/// <param name="Channels">Number of channels.</param>
/// <param name="Images">Images measured.</param>
/// <param name="ValuesPerChannel">Values that each channel's statistics come from: images × positions.</param>
/// <param name="Shift">How far the domain moved the layer: <see cref="ShiftFigures.SymmetricKL"/> of <see cref="Before"/>, 0 for no shift.</param>
/// <param name="SourceMean">Running mean of the source model.</param>
/// <param name="SourceVariance">Running variance of the source model.</param>
/// <param name="TargetMean">Mean on the target domain.</param>
/// <param name="TargetVariance">Variance on the target domain.</param>
/// <param name="AdaptedMean">Running mean of the adapted model.</param>
/// <param name="AdaptedVariance">Running variance of the adapted model.</param>
/// <param name="MeanStandardError">How sure the target's mean is, images being what is drawn; infinite for one image.</param>
/// <param name="VarianceStandardError">How sure the target's variance is.</param>
public sealed record LayerReport(
    string Name, int Depth, int Channels, long Images, long ValuesPerChannel, double Shift,
    IReadOnlyList<double> SourceMean, IReadOnlyList<double> SourceVariance, IReadOnlyList<double> TargetMean, IReadOnlyList<double> TargetVariance,
    IReadOnlyList<double> AdaptedMean, IReadOnlyList<double> AdaptedVariance, IReadOnlyList<double> MeanStandardError, IReadOnlyList<double> VarianceStandardError)
{
    /// <summary>Between the source's statistics and the target's, with the layers before this one adapted: what reached it.</summary>
    public required ShiftFigures Before { get; init; }

    /// <summary>
    /// What is left in the layer's output: that of the adapted layer on the target against that of the source model's layer on the source, as the
    /// Gaussians N((m_t − m_a)/σ_a, σ_t²/σ_a²) and N(0, 1) before scale and bias, m_a and σ_a² being the adapted statistics. Zeros for full replacement.
    /// </summary>
    public required ShiftFigures After { get; init; }

    /// <summary>How far <see cref="ShiftFigures.Wasserstein"/> of <see cref="Before"/> is off by chance: root mean square of the channels' <see cref="ChannelShift.StandardError"/>.</summary>
    public required double StandardError { get; init; }

    /// <summary><see cref="ChannelShift.Wasserstein"/> of each channel; <see cref="Before"/> holds their root mean square.</summary>
    public required IReadOnlyList<double> ChannelShifts { get; init; }

    internal static LayerReport Of(LayerEvidence layer, ChannelStatistics decision)
    {
        (ChannelStatistics source, ChannelStatistics target) = (layer.Source, layer.Target);
        int[] channels = [.. Enumerable.Range(0, layer.Channels)];
        ChannelShift[] shifts = [.. channels.Select(channel => ChannelShift.Of(channel, layer))];
        var before = ShiftFigures.Of(shifts);
        return new LayerReport(
            layer.Layer.Name, layer.Layer.Depth!.Value, layer.Channels, layer.Images, layer.ValuesPerChannel,
            before.SymmetricKL,
            source.Mean, source.Variance, target.Mean, target.Variance, decision.Mean, decision.Variance,
            [.. channels.Select(layer.MeanStandardError)], [.. channels.Select(layer.VarianceStandardError)])
        {
            Before = before,
            After = ShiftFigures.Of(decision, target, layer.Epsilon),
            StandardError = ShiftFigures.RootMeanSquare(shifts.Select(shift => shift.StandardError)),
            ChannelShifts = [.. shifts.Select(shift => shift.Wasserstein)],
        };
    }
}
