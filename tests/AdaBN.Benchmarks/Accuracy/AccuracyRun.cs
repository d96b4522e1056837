using System.Diagnostics;
using System.Globalization;
using AdaBN.Benchmarks.Accuracy.Data;
using AdaBN.Benchmarks.Accuracy.Family;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>What adaptation policies do to accuracy, on real images: every candidate in every condition.</summary>
internal static class AccuracyRun
{
    public static int Run(string? folder, bool isQuick)
    {
        long start = Stopwatch.GetTimestamp();
        SelfCheck.Run();
        List<Outcome> outcomes = [];
        try
        {
            (LabelledImages Images, float[][] Prepared, bool[] Right)? scored = null;
            foreach (Condition condition in new Conditions(folder, isQuick).All())
            {
                Classifier model = condition.Classifier;
                if (scored?.Images != condition.Evaluation)
                {
                    float[][] prepared = model.Prepare(condition.Evaluation.Images);
                    scored = (condition.Evaluation, prepared, Right(model, model.Model, prepared, condition.Evaluation));
                }
                outcomes.AddRange(Measure(condition, scored.Value.Prepared, scored.Value.Right));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(start).TotalSeconds,6:0.0} s  {model.Name}: {condition.Set}, {condition.Name}, severity {condition.Severity}"));
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException)
        {
            Console.Error.WriteLine($"bench --accuracy: {e.Message}");
            return 1;
        }
        var conditions = new Conditions(folder, isQuick);
        string curve = SampleSizes.Measure(conditions.ToCount(), isQuick), cost = AutoCost.Measure(conditions.ToTime()), family = FamilyRun.Measure(conditions);
        new AccuracyReport(outcomes, curve + cost + family, isQuick, folder is not null).Write(Stopwatch.GetElapsedTime(start));
        return 0;
    }

    /// <summary>Candidates side by side, one core each: small sets would leave cores idle otherwise, and the result does not depend on it.</summary>
    private static IEnumerable<Outcome> Measure(Condition condition, float[][] evaluation, bool[] source)
    {
        Classifier model = condition.Classifier;
        float[][] adaptation = condition.Adaptation == condition.Evaluation ? evaluation : model.Prepare(condition.Adaptation.Images);
        var outcomes = new Outcome[Candidate.All.Count];
        Parallel.For(0, outcomes.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            AdaptationResult adapted = BatchNormAdapter.Adapt(
                model.Model, SampleSource.FromArrays(adaptation, model.Shape), Options(Candidate.All[i]));
            outcomes[i] = Score(condition, Candidate.All[i].Name, Right(model, adapted.Model, evaluation, condition.Evaluation), source) with { Verdict = Candidate.All[i].Name == Candidate.Auto ? adapted.Report.Verdict.Kind : null };
        });
        return [Score(condition, Candidate.Source, source, source), .. outcomes];
    }

    private static AdaptationOptions Options(Candidate candidate) =>
        candidate.Name == Candidate.Auto ? new AdaptationOptions { Policy = candidate.Policy, Workers = 1 } : PaperAdaBN.Options with { Policy = candidate.Policy, Workers = 1 };

    internal static Outcome Score(Condition condition, string candidate, bool[] right, bool[] source)
    {
        (double change, double error) = Interval.Paired(right, source);
        int count = right.Count(isRight => isRight);
        return new Outcome(ConditionKey.Of(condition), candidate, (double)count / right.Length, Interval.Wilson(count, right.Length), change, error) { Right = right };
    }

    private static bool[] Right(Classifier classifier, Onnx.OnnxModel model, float[][] prepared, LabelledImages images) =>
        [.. classifier.Predict(model, prepared).Zip(images.Labels, (prediction, label) => prediction == label)];
}
