using System.Globalization;
using System.Text;

namespace AdaBN.Benchmarks.Accuracy.Family;

/// <summary>The family's section of ACCURACY.md.</summary>
internal static class FamilyReport
{
    private const string Heading = "## Other normalizations";
    private const double Loss = 0.02;

    public static string Write(IReadOnlyList<Outcome> outcomes, IReadOnlyList<RowCost> costs)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            {Heading}

            By itself: `./build.sh bench --accuracy --family --data DIR`. Whole sets of up to 1000 images; CIFAR-10 clean and with every corruption at severity 3. All ways see
            the images, {FamilyRow.Labels} of them with labels where the row says so, and are scored on the others. Shifted: mean change in points over the shifted sets, and the worst in
            brackets; worse: shifted sets that lose more than 2 points. Cost: run time over the source model's on the same images, in turn, median of {FamilyCost.Rounds} rounds.

            **Help a model that learned with BatchNormalization**: the search, which leaves alone what it would spoil; BIN that keeps most of the layer (ρ 0.75 in the first half, picked on corruptions like
            these; ρ in closed form, which costs next to nothing at home); and, where brightness and contrast shift, IN of the first layer. AdaBN and auto, which measure the target, gain more; a rewritten
            model needs no target, and fits where every image comes from a domain of its own. **Here for models that learned with them**: IN and AdaIN in all layers, BIN with ρ 0.5 in all, and IBN-a.
            In the place of BatchNormalization they take from deep layers what classes differ by, as the literature has it (IBN-Net keeps IN out of deep layers for that): a network of 5 layers
            bears it, one of 19 does not. AdaIN toward the source is IN by another spelling. Pixels alone: what a model without BatchNormalization can have;
            it undoes contrast and fog. A domain bank is as right as the models in it, for what its Mul and Add cost. AdaBN's own row changes no node: how far its ratios are from 1 is how far to trust the others'.

            """);
        foreach (IGrouping<string, Outcome> model in outcomes.GroupBy(outcome => outcome.Condition.Model)) text.Append(Summary(model.Key, [.. model], costs));
        foreach (IGrouping<string, Outcome> model in outcomes.GroupBy(outcome => outcome.Condition.Model)) text.Append(Every(model.Key, [.. model]));
        return text.ToString();
    }

    /// <summary>A report with its section of the family made anew, or added before the single conditions.</summary>
    public static string PutInto(string report, string section)
    {
        int start = report.IndexOf($"\n{Heading}\n", StringComparison.Ordinal) + 1;
        if (start == 0)
        {
            int conditions = report.IndexOf(", every condition\n", StringComparison.Ordinal);
            int place = conditions < 0 ? report.Length : report.LastIndexOf("\n## ", conditions, StringComparison.Ordinal) + 1;
            return report.Insert(place, section);
        }
        int end = report.IndexOf("\n## ", start, StringComparison.Ordinal) + 1;
        return string.Concat(report.AsSpan(0, start), section, end == 0 ? "" : report[end..]);
    }

    private static string Summary(string model, IReadOnlyList<Outcome> outcomes, IReadOnlyList<RowCost> costs)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"### {model}").AppendLine();
        IEnumerable<string> settings = FamilyCost.Settings.Select(setting => string.Create(CultureInfo.InvariantCulture, $"cost, {(setting.Threads == 1 ? "1 thread" : "all threads")}, {setting.Batch} at a time"));
        text.AppendLine(CultureInfo.InvariantCulture, $"| | no shift | shifted | worse | {string.Join(" | ", settings)} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|--:|--:|--:|{string.Concat(FamilyCost.Settings.Select(_ => "--:|"))}");
        foreach (IGrouping<string, Outcome> row in outcomes.GroupBy(outcome => outcome.Candidate))
        {
            Outcome[] shifted = [.. row.Where(outcome => outcome.Condition.Case == Case.Shift)], calm = [.. row.Except(shifted)];
            string Change(Outcome[] of, bool hasWorst) => of.Length == 0 ? "–" : $"{Points(of.Average(outcome => outcome.Change))}{(hasWorst ? $" ({Points(of.Min(outcome => outcome.Change))})" : "")}";
            bool isSource = row.Key == FamilyRow.Source;
            string calmCell = isSource ? Percent(calm) : Change(calm, hasWorst: false), shiftedCell = isSource ? Percent(shifted) : Change(shifted, hasWorst: true);
            IEnumerable<string> ratios = FamilyCost.Settings.Select(setting => costs.FirstOrDefault(cost => cost.Model == model && cost.Row == row.Key && (cost.Threads, cost.Batch) == setting) is { } cost ? cost.Ratio.ToString("0.00", CultureInfo.InvariantCulture) : isSource ? "1" : "–");
            text.AppendLine(CultureInfo.InvariantCulture, $"| {row.Key} | {calmCell} | {shiftedCell} | {shifted.Count(outcome => outcome.Change < -Loss)} of {shifted.Length} | {string.Join(" | ", ratios)} |");
        }
        return text.AppendLine().ToString();
    }

    private static string Every(string model, IReadOnlyList<Outcome> outcomes)
    {
        string[] rows = [.. outcomes.Select(outcome => outcome.Candidate).Distinct().Skip(1)];
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"### {model}, each set").AppendLine();
        text.AppendLine("The source's accuracy in percent, then changes in points ± their standard error.").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"| set | source | {string.Join(" | ", rows)} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|--:|{string.Concat(rows.Select(_ => "--:|"))}");
        foreach (IGrouping<ConditionKey, Outcome> condition in outcomes.GroupBy(outcome => outcome.Condition))
        {
            string name = string.Join(", ", new[] { condition.Key.Set, condition.Key.Name == "all" ? "" : condition.Key.Name }.Where(part => part.Length > 0));
            IEnumerable<string> changes = condition.Skip(1).Select(outcome => string.Create(CultureInfo.InvariantCulture, $"{Points(outcome.Change)} ± {100 * outcome.StandardError:0.0}"));
            text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {Percent([condition.First()])} | {string.Join(" | ", changes)} |");
        }
        return text.AppendLine().ToString();
    }

    private static string Percent(Outcome[] of) => of.Length == 0 ? "–" : (100 * of.Average(outcome => outcome.Accuracy)).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Points(double share) => (100 * share).ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture);
}
