using System.Diagnostics;
using System.Globalization;
using AdaBN.Benchmarks.Accuracy.Data;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy.Family;

/// <summary>Every row of the family on a subset of the conditions, and what it costs at run time: a section of ACCURACY.md, made by itself in a minute or two.</summary>
internal static class FamilyRun
{
    /// <summary>This part alone.</summary>
    public static int Run(string? folder, bool isQuick)
    {
        try
        {
            SelfCheck.Run();
            string section = Measure(new Conditions(folder, isQuick));
            Directory.CreateDirectory(Workload.Folder);
            File.WriteAllText(Path.Combine(Workload.Folder, "accuracy-family.md"), section);
            string file = Path.Combine(Repository.Root, "tests", "AdaBN.Benchmarks", "ACCURACY.md");
            if (!isQuick && folder is not null) File.WriteAllText(file, FamilyReport.PutInto(File.ReadAllText(file), section));
            Console.WriteLine();
            Console.WriteLine(section);
            return 0;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException)
        {
            Console.Error.WriteLine($"bench --accuracy --family: {e.Message}");
            return 1;
        }
    }

    /// <summary>The section of the report.</summary>
    public static string Measure(Conditions conditions)
    {
        long start = Stopwatch.GetTimestamp();
        List<Outcome> outcomes = [];
        var timed = new Dictionary<Classifier, Condition>();
        foreach (Condition condition in conditions.OfFamily())
        {
            outcomes.AddRange(Measure(condition, conditions.SourceOf(condition.Classifier)));
            timed[condition.Classifier] = condition;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(start).TotalSeconds,6:0.0} s  family: {condition.Classifier.Name}: {condition.Set}, {condition.Name}, severity {condition.Severity}"));
        }
        IReadOnlyList<RowCost> costs = [.. timed.Values.SelectMany(condition => FamilyCost.Measure(condition.Classifier, Target(condition, conditions.SourceOf(condition.Classifier)).Target, condition.Set))];
        return FamilyReport.Write(outcomes, costs);
    }

    /// <summary>Rows side by side, one core each.</summary>
    private static Outcome[] Measure(Condition condition, ISampleSource source)
    {
        Classifier model = condition.Classifier;
        (FamilyTarget target, float[][] images, int[] labels) = Target(condition, source);
        var rights = new bool[FamilyRow.All.Count][];
        Parallel.For(0, rights.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            Entrant entrant = FamilyRow.All[i].Make(model, target);
            float[][] prepared = entrant.Before is { } before ? [.. images.Select(before)] : images;
            rights[i] = [.. model.Predict(entrant.Model, prepared, entrant.Domain).Zip(labels, (prediction, label) => prediction == label)];
        });
        return [.. FamilyRow.All.Zip(rights, (row, right) => AccuracyRun.Score(condition, row.Name, right, rights[0]))];
    }

    /// <summary>What rows see, all images and a few labels, and what they are scored on: the images whose labels they do not see.</summary>
    private static (FamilyTarget Target, float[][] Images, int[] Labels) Target(Condition condition, ISampleSource source)
    {
        LabelledImages all = condition.Evaluation;
        int[] few = [.. Enumerable.Range(0, FamilyRow.Labels).Select(i => (int)((long)i * all.Count / FamilyRow.Labels))], others = [.. Enumerable.Range(0, all.Count).Except(few)];
        float[][] prepared = condition.Classifier.Prepare(all.Images);
        ISampleSource Samples(IEnumerable<int> which) => SampleSource.FromArrays([.. which.Select(i => prepared[i])], condition.Classifier.Shape);
        var target = new FamilyTarget(SampleSource.FromArrays(prepared, condition.Classifier.Shape), new LabelledSamples(Samples(few), [.. few.Select(i => all.Labels[i])]), source);
        return (target, [.. others.Select(i => prepared[i])], [.. others.Select(i => all.Labels[i])]);
    }
}
