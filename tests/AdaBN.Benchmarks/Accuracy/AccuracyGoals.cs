using System.Globalization;
using System.Text;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>What the default policy is asked to reach, a model each, beside what it reaches. The goals stood before the figures.</summary>
internal static class AccuracyGoals
{
    private const double ClearGain = 0.05, Half = 0.005;
    private static readonly Case[] _oneDomain = [Case.Shift, Case.NoShift, Case.FewImages];

    public static string Of(string model, IReadOnlyList<Outcome> outcomes)
    {
        ILookup<string, Outcome> by = outcomes.ToLookup(outcome => outcome.Candidate);
        Outcome[] auto = [.. by[Candidate.Auto]];
        Dictionary<ConditionKey, Outcome> full = by[Candidate.AdaBN].ToDictionary(outcome => outcome.Condition);
        Dictionary<ConditionKey, double> best = outcomes.Where(outcome => Candidate.IsFixedShare(outcome.Candidate)).GroupBy(outcome => outcome.Condition).ToDictionary(group => group.Key, group => group.Max(outcome => outcome.Accuracy));
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"## {model}, auto against its goals").AppendLine();
        text.AppendLine("| goal | reached |").AppendLine("|---|---|");
        void Row(string goal, FormattableString reached) => text.AppendLine(CultureInfo.InvariantCulture, $"| {goal} | {reached.ToString(CultureInfo.InvariantCulture)} |");

        IGrouping<string, Outcome> fixedPolicy = by.Where(candidate => candidate.Key is not Candidate.Auto and not Candidate.Gate).MaxBy(candidate => candidate.Average(outcome => outcome.Accuracy))!;
        (double lead, double leadError) = Lead(auto, fixedPolicy);
        Row("mean at least 1 point above the best fixed policy (CIFAR-10 model), not below it (others)", $"{100 * lead:+0.00;-0.00} ± {100 * leadError:0.00} against {fixedPolicy.Key}");
        Row("mean at least 98.5 % of the best share's, chosen with labels in each condition", $"{100 * auto.Average(outcome => outcome.Accuracy) / auto.Average(outcome => best[outcome.Condition]):0.0} %");

        Outcome[] calm = [.. auto.Where(outcome => outcome.Condition.Case is Case.NoShift or Case.FewImages)];
        Row("no shift and few images: mean loss at most 0.2, none beyond 0.5 and 2 standard errors", $"{Losses(calm)}; beyond: {List(calm.Where(outcome => outcome.Change < -Half - (2 * outcome.StandardError)))}");
        Outcome[] skewed = [.. auto.Where(outcome => outcome.Condition.Case == Case.Skewed)];
        Row("skewed sets, scored on themselves: mean loss at most 1, none beyond 5", $"{Losses(skewed)}; beyond: {List(skewed.Where(outcome => outcome.Change < -0.05))}");
        Outcome[] mixed = [.. auto.Where(outcome => outcome.Condition.Case == Case.Mixed)];
        if (mixed.Length > 0)
        {
            (double more, double moreError) = Lead(mixed, mixed.Select(outcome => full[outcome.Condition]));
            Row("two domains mixed: at least AdaBN's mean", $"{100 * more:+0.00;-0.00} ± {100 * moreError:0.00}");
        }

        Outcome[] clear = [.. auto.Where(outcome => full[outcome.Condition].Change > ClearGain)];
        if (clear.Length > 0)
        {
            Outcome[] single = [.. clear.Where(outcome => _oneDomain.Contains(outcome.Condition.Case))];
            Row("where AdaBN gains over 5 points: at least 105 % of its gain together", $"{100 * clear.Sum(outcome => outcome.Change) / clear.Sum(outcome => full[outcome.Condition].Change):0} % in {clear.Length} conditions");
            Row("and at least 95 % of it in 95 % of the conditions of one domain", $"{100.0 * single.Count(outcome => outcome.Change >= 0.95 * full[outcome.Condition].Change) / Math.Max(1, single.Length):0} % of {single.Length}");
        }
        Outcome[] wrong = [.. auto.Where(outcome => !IsRight(outcome, outcomes))];
        Row("verdict right in at least 95 %", $"{100.0 * (auto.Length - wrong.Length) / auto.Length:0.0} % of {auto.Length}; wrong: {List(wrong, outcome => $" ({outcome.Verdict})")}");
        return text.AppendLine().ToString();
    }

    /// <summary>
    /// Adapt: the change is above −0.5 points. Keep the source: the best of all policies gains at most 1 point. Adapt in part: the set is truly skewed. More images: there
    /// were fewer than 16.
    /// </summary>
    private static bool IsRight(Outcome auto, IReadOnlyList<Outcome> outcomes) => auto.Verdict switch
    {
        VerdictKind.Adapt => auto.Change > -Half,
        VerdictKind.KeepSource => outcomes.Where(outcome => outcome.Condition == auto.Condition).Max(outcome => outcome.Change) <= 0.01,
        VerdictKind.AdaptPartly => auto.Condition.Case is Case.Skewed or Case.SkewedThenAll,
        VerdictKind.NeedMoreImages => auto.Condition.Images < 16,
        _ => false,
    };

    /// <summary>Mean difference of accuracies in the same conditions, and its standard error from the images' paired differences, conditions taken as independent.</summary>
    private static (double Lead, double Error) Lead(IReadOnlyList<Outcome> one, IEnumerable<Outcome> others)
    {
        Dictionary<ConditionKey, Outcome> other = others.ToDictionary(outcome => outcome.Condition);
        (double Difference, double Error)[] pairs = [.. one.Select(outcome => Interval.Paired(outcome.Right, other[outcome.Condition].Right))];
        return (pairs.Average(pair => pair.Difference), Math.Sqrt(pairs.Sum(pair => pair.Error * pair.Error)) / pairs.Length);
    }

    private static string Losses(Outcome[] outcomes) => outcomes.Length == 0 ? "–" : string.Create(CultureInfo.InvariantCulture,
        $"mean loss {100 * outcomes.Average(outcome => Math.Max(0, -outcome.Change)):0.00}, mean change {100 * outcomes.Average(outcome => outcome.Change):+0.00;-0.00;0.00}");

    private static string List(IEnumerable<Outcome> outcomes, Func<Outcome, string>? more = null)
    {
        string[] lines = [.. outcomes.Select(outcome => string.Create(CultureInfo.InvariantCulture, $"{outcome.Condition.Set} {outcome.Condition.Name}{(outcome.Condition.Severity > 0 ? $" {outcome.Condition.Severity}" : "")} {100 * outcome.Change:+0.0;-0.0;0.0} ± {100 * outcome.StandardError:0.0}{more?.Invoke(outcome)}"))];
        return lines.Length == 0 ? "none" : string.Join("; ", lines);
    }
}
