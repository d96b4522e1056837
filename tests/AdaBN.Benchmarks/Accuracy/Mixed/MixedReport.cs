using System.Globalization;
using System.Text;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy.Mixed;

/// <summary>mixed.md: summaries, then every mixture.</summary>
internal sealed class MixedReport(bool isQuick)
{
    private readonly List<MixedOutcome> _outcomes = [];
    private readonly List<BankedOutcome> _banked = [];
    private readonly string _machine = Machine.Describe();

    public void Add(MixedOutcome outcome)
    {
        lock (_outcomes)
        {
            _outcomes.Add(outcome);
            string gains = string.Concat(outcome.Scores.Select(score => Text($", {score.Policy} {Points(score.Gain)} of {Points(score.GivenGain)}")));
            if (outcome.Scores.Count > 0 || outcome.Clusters > 1) Console.WriteLine(Text($"{outcome.Set.Case}: {outcome.Set.Name}: {outcome.Clusters} found{gains}"));
        }
    }

    public void Add(IReadOnlyList<BankedOutcome> outcomes)
    {
        lock (_outcomes) _banked.AddRange(outcomes);
    }

    public void Write(TimeSpan took)
    {
        MixedOutcome[] all = [.. _outcomes.OrderBy(outcome => outcome.Model, StringComparer.Ordinal).ThenBy(outcome => outcome.Set.Case, StringComparer.Ordinal).ThenBy(outcome => outcome.Set.Name, StringComparer.Ordinal)];
        MixedOutcome[] mixed = [.. all.Where(outcome => outcome.Set.Given.Count > 1)], single = [.. all.Where(outcome => outcome.Set.Given.Count == 1)];
        string summary = Head(took) + Banks() + Cases(mixed) + Singles(single) + Costs([.. single.Where(outcome => outcome.Scores.Count > 0)]);
        Directory.CreateDirectory(Workload.Folder);
        string file = Path.Combine(Workload.Folder, "mixed.md");
        File.WriteAllText(file, (summary + Every(mixed)).TrimEnd() + "\n");
        if (!isQuick) File.Copy(file, Path.Combine(Repository.Root, "tests", "AdaBN.Benchmarks", "MIXED.md"), overwrite: true);
        Console.WriteLine();
        Console.WriteLine(summary);
    }

    private string Head(TimeSpan took) => Text($"""
        # Mixed targets

            ./build.sh bench --accuracy --mixed{(isQuick ? " --quick" : "")} --data DIR

        On {_machine}; it took {took.TotalSeconds:0} s. Accuracy in percent of a set's own images, adapted to without labels: with one set of statistics for the
        mixture, one for each cluster found, one for each domain as given. Kept: the clusters' gain over the mixture, as a share of the given domains' gain.


        """);

    private string Banks()
    {
        var text = new StringBuilder("## One file for both\n\nA domain bank with the domain of each row given, and one that finds the domains and tells them from the image (`DomainBank.AdaptMixed`), beside two separate models. Kept: as below.\n\n| rows | policy | mixture | two models | bank, given | rows unlike two models | bank, found | kept |\n|---|---|--:|--:|--:|--:|--:|--:|\n");
        foreach (BankedOutcome row in _banked.OrderBy(row => row.Name, StringComparer.Ordinal).ThenBy(row => row.Policy, StringComparer.Ordinal))
        {
            (double mixture, double separate) = (MixedScore.Share(row.Mixture), MixedScore.Share(row.Separate));
            text.AppendLine(Text($"| {row.Name} | {row.Policy} | {Percent(mixture)} | {Percent(separate)} | {Percent(MixedScore.Share(row.Told))} | {row.Separate.Zip(row.Told).Count(pair => pair.First != pair.Second)} of {row.Told.Length} | {Percent(MixedScore.Share(row.Found))} | {Kept(MixedScore.Share(row.Found) - mixture, separate - mixture)} |"));
        }
        return text.AppendLine().ToString();
    }

    private static string Cases(IEnumerable<MixedOutcome> mixed)
    {
        var text = new StringBuilder("## Mixtures\n\n| model | case | sets | split | as many as domains | purity where split | policy | source | mixture | clusters | given | kept | worst against mixture |\n|---|---|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|\n");
        foreach (IGrouping<(string Model, string Case), MixedOutcome> group in mixed.GroupBy(outcome => (outcome.Model, outcome.Set.Case)))
        {
            MixedOutcome[] split = [.. group.Where(outcome => outcome.Clusters > 1)];
            foreach (string policy in group.First().Scores.Select(score => score.Policy))
            {
                MixedScore[] scores = [.. group.Select(outcome => outcome.Of(policy))];
                MixedOutcome worst = group.MinBy(outcome => outcome.Of(policy).Gain)!;
                text.AppendLine(Text($"| {group.Key.Model} | {group.Key.Case} | {scores.Length} | {split.Length} | {group.Count(outcome => outcome.Clusters == outcome.Set.Given.Count)} | {(split.Length > 0 ? Percent(split.Average(outcome => outcome.Purity)) : "–")} | {policy} | {Mean(scores, score => score.Source)} | {Mean(scores, score => score.Mixture)} | {Mean(scores, score => score.Clusters)} | {Mean(scores, score => score.Given)} | {Kept(scores.Sum(score => score.Gain), scores.Sum(score => score.GivenGain))} | {Points(worst.Of(policy).Gain)}{(worst.Of(policy).Gain < 0 ? $" ({worst.Set.Name})" : "")} |"));
            }
        }
        return text.AppendLine().ToString();
    }

    private static string Singles(IEnumerable<MixedOutcome> single)
    {
        var text = new StringBuilder("## One domain\n\n| model | set | sets | split wrongly | which |\n|---|---|--:|--:|---|\n");
        foreach (IGrouping<(string Model, string Case), MixedOutcome> group in single.GroupBy(outcome => (outcome.Model, outcome.Set.Case)))
        {
            MixedOutcome[] wrong = [.. group.Where(outcome => outcome.Clusters > 1)];
            text.AppendLine(Text($"| {group.Key.Model} | {group.Key.Case} | {group.Count()} | {wrong.Length} | {string.Join("; ", wrong.Select(outcome => Text($"{outcome.Set.Name} ({outcome.Clusters})")))} |"));
        }
        return text.AppendLine().ToString();
    }

    private static string Costs(IEnumerable<MixedOutcome> split)
    {
        var text = new StringBuilder("## What a wrong split costs\n\nSets of one domain split in two all the same, by the best split there is, and those split wrongly.\n\n| model | set | sets | policy | one domain | split | mean change | worst |\n|---|---|--:|---|--:|--:|--:|---|\n");
        foreach (IGrouping<(string Model, string Case), MixedOutcome> group in split.GroupBy(outcome => (outcome.Model, outcome.Set.Case)))
        {
            foreach (string policy in group.First().Scores.Select(score => score.Policy))
            {
                MixedScore[] scores = [.. group.Select(outcome => outcome.Of(policy))];
                MixedOutcome worst = group.MinBy(outcome => outcome.Of(policy).Gain)!;
                text.AppendLine(Text($"| {group.Key.Model} | {group.Key.Case} | {scores.Length} | {policy} | {Mean(scores, score => score.Mixture)} | {Mean(scores, score => score.Clusters)} | {Points(scores.Average(score => score.Gain))} | {Points(worst.Of(policy).Gain)} ({worst.Set.Name}) |"));
            }
        }
        return text.AppendLine().ToString();
    }

    private static string Every(IEnumerable<MixedOutcome> mixed)
    {
        var text = new StringBuilder("## Every mixture\n\nMixture / clusters / given.\n\n| case | domains | clusters | purity | source | AdaBN | auto |\n|---|---|--:|--:|--:|--:|--:|\n");
        foreach (MixedOutcome outcome in mixed)
        {
            string Cell(string policy) => outcome.Scores.SingleOrDefault(score => score.Policy == policy) is { } score ? $"{Percent(MixedScore.Share(score.Mixture))} / {Percent(MixedScore.Share(score.Clusters))} / {Percent(MixedScore.Share(score.Given))}" : "";
            text.AppendLine(Text($"| {outcome.Set.Case} | {outcome.Set.Name} | {outcome.Clusters} | {Percent(outcome.Purity)} | {Percent(MixedScore.Share(outcome.Scores[0].Source))} | {Cell(Candidate.AdaBN)} | {Cell(Candidate.Auto)} |"));
        }
        return text.ToString();
    }

    private static string Kept(double gain, double given) => given > 0.002 ? Text($"{100 * gain / given:0} %") : "–";

    private static string Mean(MixedScore[] scores, Func<MixedScore, bool[]> which) => Percent(scores.Average(score => MixedScore.Share(which(score))));

    private static string Percent(double share) => Text($"{100 * share:0.0}");

    private static string Points(double share) => Text($"{100 * share:+0.0;-0.0;0.0}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
