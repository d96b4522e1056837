using System.Globalization;
using System.Text;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>Many conditions in few figures.</summary>
internal static class AccuracySummary
{
    private const double SmallLoss = 0.005, Loss = 0.02, ClearGain = 0.05;

    /// <summary>A model's policies over all its conditions.</summary>
    public static string Policies(string model, IReadOnlyList<Outcome> outcomes)
    {
        ILookup<string, Outcome> byCandidate = WithBestShare(outcomes).ToLookup(outcome => outcome.Candidate);
        ConditionKey[] clear = [.. byCandidate[Candidate.AdaBN].Where(outcome => outcome.Change > ClearGain).Select(outcome => outcome.Condition)];
        double full = byCandidate[Candidate.AdaBN].Where(outcome => clear.Contains(outcome.Condition)).Sum(outcome => outcome.Change);
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"## {model}, {byCandidate[Candidate.Source].Count()} conditions").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"Gain kept: over the {clear.Length} conditions where AdaBN gains more than 5 points, the policy's gains as a share of AdaBN's. The best share: source, AdaBN or a");
        text.AppendLine("mix, whichever is best in each condition, chosen with the labels; no policy of one fixed share does better.").AppendLine();
        text.AppendLine("| policy | mean | mean change | worst change | where | losses > 0.5 | > 2 | gain kept |");
        text.AppendLine("|---|--:|--:|--:|---|--:|--:|--:|");
        foreach (IGrouping<string, Outcome> candidate in byCandidate)
        {
            Outcome worst = candidate.MinBy(outcome => outcome.Change)!;
            string where = worst.Change < 0 ? string.Join(", ", new[] { worst.Condition.Set, worst.Condition.Name, worst.Condition.Severity > 0 ? worst.Condition.Severity.ToString(CultureInfo.InvariantCulture) : "" }.Where(part => part.Length > 0)) : "–";
            double gain = candidate.Where(outcome => clear.Contains(outcome.Condition)).Sum(outcome => outcome.Change);
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {candidate.Key} | {100 * candidate.Average(outcome => outcome.Accuracy):0.00} | {Points(candidate.Average(outcome => outcome.Change), "0.00")} | {Points(worst.Change, "0.0")} ± {100 * worst.StandardError:0.0} | {where} | {candidate.Count(outcome => outcome.Change < -SmallLoss)} | {candidate.Count(outcome => outcome.Change < -Loss)} | {(clear.Length == 0 ? "–" : string.Create(CultureInfo.InvariantCulture, $"{100 * gain / full:0} %"))} |");
        }
        return text.AppendLine().ToString();
    }

    /// <summary>Mean changes by what the conditions try.</summary>
    public static string Cases(IReadOnlyList<Outcome> outcomes)
    {
        Outcome[] all = [.. WithBestShare(outcomes)];
        string[] candidates = [.. all.Select(outcome => outcome.Candidate).Distinct().Skip(1)];
        var text = new StringBuilder();
        text.AppendLine("## Mean change by case").AppendLine();
        text.AppendLine("Mean change in points, and the worst in brackets.").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"| model | case | conditions | source | {string.Join(" | ", candidates)} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|---|--:|--:|{string.Concat(Enumerable.Repeat("--:|", candidates.Length))}");
        foreach (var group in all.GroupBy(outcome => (outcome.Condition.Model, Case: Name(outcome.Condition))))
        {
            ILookup<string, Outcome> byCandidate = group.ToLookup(outcome => outcome.Candidate);
            IEnumerable<string> cells = candidates.Select(candidate =>
                $"{Points(byCandidate[candidate].Average(outcome => outcome.Change), "0.0")} ({Points(byCandidate[candidate].Min(outcome => outcome.Change), "0.0")})");
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {group.Key.Model} | {group.Key.Case} | {byCandidate[Candidate.Source].Count()} | {100 * byCandidate[Candidate.Source].Average(outcome => outcome.Accuracy):0.0} | {string.Join(" | ", cells)} |");
        }
        return text.AppendLine().ToString();
    }

    private static string Name(ConditionKey condition) => condition.Case switch
    {
        Case.Shift => "whole set, shifted",
        Case.NoShift => "whole set, no shift",
        Case.FewImages => string.Create(CultureInfo.InvariantCulture, $"{condition.Images} images"),
        Case.Skewed => "skewed, scored on itself",
        Case.SkewedThenAll => "one class, scored on all",
        Case.Mixed => "two domains mixed",
        var other => throw new ArgumentOutOfRangeException(nameof(condition), other, "no case"),
    };

    private static IEnumerable<Outcome> WithBestShare(IReadOnlyList<Outcome> outcomes) => outcomes.Concat(outcomes
        .Where(outcome => Candidate.IsFixedShare(outcome.Candidate)).GroupBy(outcome => outcome.Condition)
        .Select(condition => condition.MaxBy(outcome => outcome.Change)! with { Candidate = "best share, with labels" }));

    private static string Points(double share, string format) => (100 * share).ToString($"+{format};-{format};{format}", CultureInfo.InvariantCulture);
}
