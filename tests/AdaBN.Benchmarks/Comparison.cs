using System.Diagnostics;
using System.Globalization;
using AdaBN.Benchmarks.Systems;
using AdaBN.Onnx;

namespace AdaBN.Benchmarks;

/// <summary>
/// All systems on one model: each in its own process, warm, taking turns round by round, so that the machine's moods hit all alike.
/// </summary>
internal static class Comparison
{
    /// <summary>Measures a workload. Throws where a system fails.</summary>
    public static void Run(Workload workload, Report report)
    {
        OnnxModel model = OnnxModel.Load(Workload.ModelFile(workload.Model));
        string imagesFile = Images.Prepare(model, workload.Images);
        List<Contestant> contestants = [];
        try
        {
            foreach (Func<Contestant> start in Systems(workload, imagesFile))
            {
                contestants.Add(start());
                contestants[^1].WarmUp();
                Console.WriteLine($"{workload.Model}: {contestants[^1].System} is warm ({contestants[^1].Note})");
            }
            double others = OthersShare(contestants, () =>
            {
                for (int round = 0; round < workload.Rounds; round++)
                    foreach (Contestant contestant in contestants.Where(contestant => round < contestant.Rounds)) contestant.DoRound();
            });
            const double quiet = 0.05;
            if (others > quiet)
            {
                report.Remark(string.Create(CultureInfo.InvariantCulture,
                    $"{workload.Model}: measured on a busy machine; other programs took {100 * others:0} % of its processors during the rounds."));
            }
            contestants.ForEach(contestant => contestant.Finish());
            report.Add(contestants);
        }
        finally
        {
            contestants.ForEach(contestant => contestant.Dispose());
        }
    }

    /// <summary>The share of the processors that other programs than the contestants used meanwhile; 0 where the system does not tell.</summary>
    private static double OthersShare(List<Contestant> contestants, Action measure)
    {
        double? Others() => Machine.BusySeconds() - contestants.Sum(contestant => contestant.ProcessorSeconds);
        double? before = Others();
        long start = Stopwatch.GetTimestamp();
        measure();
        return (Others() - before) / (Stopwatch.GetElapsedTime(start).TotalSeconds * Environment.ProcessorCount) ?? 0;
    }

    private static IEnumerable<Func<Contestant>> Systems(Workload workload, string imagesFile)
    {
        var assignment = new Assignment("inference", workload.Model, imagesFile, workload.Images, workload.Images);
        Assignment inBatches = assignment with { System = "batch" };
        Assignment Calibrated(Assignment open, params int[] batches) =>
            open with { Session = Contestant.Calibrate(open, SessionSettings.Candidates(batches)) };

        yield return () => Contestant.Start(Calibrated(assignment, 1, 4, 16, 32), workload.Rounds);
        yield return () => Contestant.Start(assignment with { System = "exact" }, workload.Rounds);
        if (File.Exists(Workload.BatchStatisticsFile(workload.Model)))
            yield return () => Contestant.Start(Calibrated(inBatches, workload.Batch), workload.Rounds);
        yield return () => Contestant.Start(assignment with { System = "naive", Images = workload.NaiveImages }, workload.SlowRounds);
        if (Python.Program is not null && File.Exists(Workload.WeightsFile(workload.Model)))
        {
            yield return () => Contestant.StartPyTorch("train", workload, imagesFile, workload.SlowRounds);
            yield return () => Contestant.StartPyTorch("eval", workload, imagesFile, workload.SlowRounds);
        }
        if (!workload.IsScored) yield break;
        yield return () => Contestant.Start(assignment with { System = "scoring-batched" }, workload.SlowRounds);
        yield return () => Contestant.Start(assignment with { System = "scoring-stock" }, workload.SlowRounds);
    }
}
