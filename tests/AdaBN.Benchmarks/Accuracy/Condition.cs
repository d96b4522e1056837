using AdaBN.Benchmarks.Accuracy.Data;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>What a condition tries; a row of the table of cases.</summary>
internal enum Case
{
    Shift,
    NoShift,
    FewImages,
    Skewed,
    SkewedThenAll,
    Mixed,
}

/// <summary>One situation that a user may be in.</summary>
/// <param name="Classifier">The model.</param>
/// <param name="Case">What it tries.</param>
/// <param name="Set">Where the images are from.</param>
/// <param name="Name">What was done to them and which were taken.</param>
/// <param name="Severity">Severity of the corruption, 1 to 5; 0 without one.</param>
/// <param name="Adaptation">The images to adapt to; their labels are not looked at.</param>
/// <param name="Evaluation">The images and labels to score on.</param>
internal sealed record Condition(
    Classifier Classifier, Case Case, string Set, string Name, int Severity, LabelledImages Adaptation, LabelledImages Evaluation);
