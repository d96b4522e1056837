using System.Globalization;
using System.Text;
using System.Text.Json;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>accuracy.json, a row an outcome, and accuracy.md: summaries, then every condition.</summary>
internal sealed class AccuracyReport(IReadOnlyList<Outcome> outcomes, string beside, bool isQuick, bool hasData)
{
    private static readonly JsonSerializerOptions _json = new() { WriteIndented = true };
    private readonly string _machine = Machine.Describe();

    public void Write(TimeSpan took)
    {
        Directory.CreateDirectory(Workload.Folder);
        File.WriteAllText(Path.Combine(Workload.Folder, "accuracy.json"), JsonSerializer.Serialize(outcomes.Select(outcome => new
        {
            model = outcome.Condition.Model,
            set = outcome.Condition.Set,
            condition = outcome.Condition.Name,
            severity = outcome.Condition.Severity,
            images = outcome.Condition.Images,
            policy = outcome.Candidate,
            accuracy = Math.Round(outcome.Accuracy, 5),
            low = Math.Round(outcome.Interval.Low, 5),
            high = Math.Round(outcome.Interval.High, 5),
            verdict = outcome.Verdict?.ToString(),
        }), _json) + "\n");
        var text = new StringBuilder(Head(took));
        IGrouping<string, Outcome>[] models = [.. outcomes.GroupBy(outcome => outcome.Condition.Model)];
        foreach (IGrouping<string, Outcome> model in models) text.Append(AccuracySummary.Policies(model.Key, [.. model])).Append(AccuracyGoals.Of(model.Key, [.. model]));
        text.Append(AccuracySummary.Cases(outcomes)).Append(beside);
        string summary = text.ToString();
        foreach (IGrouping<string, Outcome> model in models) text.Append(EveryCondition(model.Key, [.. model]));
        File.WriteAllText(Path.Combine(Workload.Folder, "accuracy.md"), text.ToString().TrimEnd() + "\n");
        if (!isQuick && hasData) File.Copy(Path.Combine(Workload.Folder, "accuracy.md"), Path.Combine(Repository.Root, "tests", "AdaBN.Benchmarks", "ACCURACY.md"), overwrite: true);
        Console.WriteLine();
        Console.WriteLine(summary);
    }

    private string Head(TimeSpan took) => string.Create(CultureInfo.InvariantCulture, $"""
        # Accuracy

        Written by this command, whole and with data (else to `artifacts/bench/accuracy.md` only); `artifacts/bench/accuracy.json` has the figures alone.

            ./build.sh bench --accuracy{(isQuick ? " --quick" : "")}{(hasData ? " --data DIR" : "")}

        On {_machine}; it took {took.TotalSeconds:0} s.

        - Percent of images classified rightly by plain ONNX Runtime on the adapted model; the source model is the file as it is. Adaptation sees no labels.
        - Corruptions are those of CIFAR-10-C (Hendrycks and Dietterich 2019), implemented anew from the published definition: near the published files, not the same.
        - The whole set: adapted to and scored on the same images, the transductive setting of the paper. Few images: the first n, evenly spaced, scored on all.
          Skewed (one class; Zipf's law over the classes): scored on themselves, or on all where the row says so. Mixed: every other image from another domain.
        - A change is the policy's accuracy less the source's, in points, ± its standard error over the same images (paired). Accuracies: 95 % intervals by Wilson.
        - Conditions of one set share images and weigh alike, whatever their number of images; a mean over them is a summary, not a sample. Losses are counted as
          measured; where 1000 images are scored and 85 % of the predictions agree, a change has a standard error of 1.2 points.
        - A verdict is right: adapt, where the change is above -0.5 points; keep the source model, where the best of all policies gains at most 1 point; adapt in part,
          where the set is truly skewed; need more images, where there are fewer than 16.


        """);

    private static string EveryCondition(string model, IReadOnlyList<Outcome> outcomes)
    {
        string[] candidates = [.. outcomes.Select(outcome => outcome.Candidate).Distinct()];
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"## {model}, every condition").AppendLine();
        text.AppendLine("The source's accuracy and its interval, then changes in points.").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"| set | condition | severity | images | scored | {string.Join(" | ", candidates)} | verdict |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|---|--:|--:|--:|{string.Concat(Enumerable.Repeat("--:|", candidates.Length))}---|");
        foreach (IGrouping<ConditionKey, Outcome> condition in outcomes.GroupBy(outcome => outcome.Condition))
        {
            ConditionKey key = condition.Key;
            Outcome source = condition.First();
            string verdict = condition.Select(outcome => outcome.Verdict).OfType<VerdictKind>().FirstOrDefault().ToString();
            IEnumerable<string> changes = condition.Skip(1).Select(outcome => string.Create(CultureInfo.InvariantCulture, $"{100 * outcome.Change:+0.0;-0.0;0.0} ± {100 * outcome.StandardError:0.0}"));
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {key.Set} | {key.Name} | {(key.Severity == 0 ? "–" : key.Severity)} | {key.Images} | {key.Scored} | {100 * source.Accuracy:0.0} ({100 * source.Interval.Low:0.0} – {100 * source.Interval.High:0.0}) | {string.Join(" | ", changes)} | {verdict} |");
        }
        return text.AppendLine().ToString();
    }
}
