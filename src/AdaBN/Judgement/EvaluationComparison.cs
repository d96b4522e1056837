using AdaBN.Judgement;
using AdaBN.Reporting;
using AdaBN.Reporting.Pages;

namespace AdaBN;

/// <summary>Two models on the same labelled samples, such as the source model and the adapted one.</summary>
/// <param name="Source">The first model.</param>
/// <param name="Adapted">The second.</param>
/// <param name="Change">Accuracy of the second less that of the first; the interval is that of paired differences, as in <see cref="MeasuredAccuracy"/>.</param>
/// <param name="Changed">Samples that they take for different classes.</param>
/// <param name="Gained">Samples that the second alone gets right.</param>
/// <param name="Lost">Samples that the first alone gets right.</param>
public sealed record EvaluationComparison(EvaluationReport Source, EvaluationReport Adapted, Estimate Change, int Changed, int Gained, int Lost)
{
    /// <summary>Compares two evaluations.</summary>
    /// <param name="source">The first model's.</param>
    /// <param name="adapted">The second's, on the same samples in the same order.</param>
    /// <exception cref="AdaptationException">They have other labels, or the models other classes.</exception>
    public static EvaluationComparison Of(EvaluationReport source, EvaluationReport adapted)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(adapted);
        if (source.Classes.Count != adapted.Classes.Count)
            throw new AdaptationException(AdaptationError.InputMismatch, FormattableString.Invariant($"The models have {source.Classes.Count} and {adapted.Classes.Count} classes; only models of the same classes can be compared."));
        if (!source.Labels.SequenceEqual(adapted.Labels)) throw new AdaptationException(AdaptationError.InputMismatch, "The models were evaluated on samples of other labels; evaluate both on the same samples in the same order.");
        var both = source.Labels.Select((label, i) => (Before: source.Predicted[i] == label, After: adapted.Predicted[i] == label)).ToArray();
        int gained = both.Count(right => right is { Before: false, After: true }), lost = both.Count(right => right is { Before: true, After: false });
        int changed = source.Predicted.Zip(adapted.Predicted).Count(pair => pair.First != pair.Second);
        return new EvaluationComparison(source, adapted, AccuracyEstimate.Paired(gained, lost, both.Length), changed, gained, lost);
    }

    /// <summary>The comparison as indented JSON.</summary>
    public string ToJson() => ReportJson.Write(this);

    /// <summary>The comparison as a page for browser and printer: one file that needs nothing else. docs/report.md says what is in it.</summary>
    /// <param name="context">What it tells beside: files, date, predictions; nothing where null.</param>
    public string ToHtml(ReportContext? context = null) => EvaluationPage.Write(this, context ?? new ReportContext());
}
