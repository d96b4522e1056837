namespace AdaBN.Benchmarks.Accuracy;

/// <summary>What one way to adapt did in one condition; shares from 0 to 1.</summary>
/// <param name="Condition">The condition's place in the table.</param>
/// <param name="Candidate">The candidate, or the source model.</param>
/// <param name="Accuracy">Share of images classified rightly.</param>
/// <param name="Interval">Its 95 % interval.</param>
/// <param name="Change">Accuracy less the source model's.</param>
/// <param name="StandardError">Paired standard error of the change.</param>
internal sealed record Outcome(ConditionKey Condition, string Candidate, double Accuracy, Interval Interval, double Change, double StandardError)
{
    /// <summary>Whether each image was classified rightly.</summary>
    public required bool[] Right { get; init; }

    /// <summary>What the adaptation itself says of it; null for policies of a user's own choice.</summary>
    public VerdictKind? Verdict { get; init; }
}

/// <summary>A condition without its images.</summary>
internal sealed record ConditionKey(string Model, Case Case, string Set, string Name, int Severity, int Images, int Scored)
{
    public static ConditionKey Of(Condition condition) => new(
        condition.Classifier.Name, condition.Case, condition.Set, condition.Name, condition.Severity, condition.Adaptation.Count, condition.Evaluation.Count);
}
