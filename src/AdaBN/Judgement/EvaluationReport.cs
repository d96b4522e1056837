using System.Text.Json.Serialization;
using AdaBN.Judgement;
using AdaBN.Reporting;
using AdaBN.Reporting.Pages;

namespace AdaBN;

/// <summary>How well a model tells the classes of labelled samples.</summary>
/// <param name="ModelSha256">SHA-256 of the model's file, in lower-case hex.</param>
/// <param name="ToolVersion">Version of this library.</param>
/// <param name="Domain">The id that a bank of domains scored all samples with; null for other models.</param>
/// <param name="Samples">Number of samples.</param>
/// <param name="Accuracy">Share of them that it takes for what they are (Wilson's interval).</param>
/// <param name="Entropy">How unsure the model is: mean entropy of its probabilities over its largest value; 0 always sure, 1 never.</param>
/// <param name="Classes">Each class of the model.</param>
/// <param name="Confusion">What was taken for what; pairs that never came are left out.</param>
public sealed record EvaluationReport(
    string ModelSha256, string ToolVersion, long? Domain, int Samples, Estimate Accuracy, double Entropy, IReadOnlyList<ClassRecall> Classes, IReadOnlyList<ConfusionCount> Confusion)
{
    /// <summary>The class of each sample.</summary>
    [JsonIgnore]
    public IReadOnlyList<int> Labels { get; private init; } = [];

    /// <summary>What the model takes each sample for.</summary>
    [JsonIgnore]
    public IReadOnlyList<int> Predicted { get; private init; } = [];

    /// <summary>The report as indented JSON.</summary>
    public string ToJson() => ReportJson.Write(this);

    /// <summary>The report as a page for browser and printer: one file that needs nothing else. docs/report.md says what is in it.</summary>
    /// <param name="context">What it tells beside: files, date, predictions; nothing where null.</param>
    public string ToHtml(ReportContext? context = null) => EvaluationPage.Write(this, context ?? new ReportContext());

    internal static EvaluationReport Of(ScoredSamples scored, LabelledSamples labelled)
    {
        labelled.CheckCount(scored.Predicted.Count);
        labelled.CheckLabels(scored.Summary.Histogram.Count);
        (int Label, int Predicted)[] pairs = [.. labelled.Labels.Zip(scored.Predicted)];
        ConfusionCount[] confusion = [.. pairs.CountBy(pair => pair).OrderBy(cell => cell.Key).Select(cell => new ConfusionCount(cell.Key.Label, cell.Key.Predicted, cell.Value))];
        ILookup<int, ConfusionCount> byLabel = confusion.ToLookup(cell => cell.Label);
        ClassRecall[] classes = [.. scored.Summary.Histogram.Select((predicted, number) =>
        {
            int samples = byLabel[number].Sum(cell => cell.Samples), right = byLabel[number].Where(cell => cell.Predicted == number).Sum(cell => cell.Samples);
            return new ClassRecall(number, samples, predicted, samples == 0 ? null : AccuracyEstimate.Wilson(right, samples));
        })];
        Estimate accuracy = AccuracyEstimate.Wilson(pairs.Count(pair => pair.Label == pair.Predicted), pairs.Length);
        return new EvaluationReport(scored.ModelSha256, BatchNormAdapter.ToolVersion, scored.Domain, pairs.Length, accuracy, scored.Summary.Entropy, classes, confusion)
        {
            Labels = [.. labelled.Labels],
            Predicted = scored.Predicted,
        };
    }
}

/// <summary>How well a model knows one class.</summary>
/// <param name="Class">The class, the place of its score in the model's output.</param>
/// <param name="Samples">Samples that are of it.</param>
/// <param name="Predicted">Samples that the model takes for it.</param>
/// <param name="Recall">Share of <paramref name="Samples"/> that the model takes for it (Wilson's interval); null where there are none.</param>
public sealed record ClassRecall(int Class, int Samples, int Predicted, Estimate? Recall);

/// <summary>How often one class was taken for one (the same or another).</summary>
/// <param name="Label">What the samples are.</param>
/// <param name="Predicted">What the model takes them for.</param>
/// <param name="Samples">How many.</param>
public sealed record ConfusionCount(int Label, int Predicted, int Samples);
