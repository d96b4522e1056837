using System.Diagnostics;
using AdaBN.Benchmarks.Accuracy.Data;
using AdaBN.Domains;

namespace AdaBN.Benchmarks.Accuracy.Mixed;

/// <summary>Targets of several domains that nobody told apart: accuracy with the statistics of the mixture, of the clusters found, and of the domains given.</summary>
internal static class MixedRun
{
    private static readonly string[] _paper = [Candidate.AdaBN]; // auto takes twice the time, and there are many pairs
    private static readonly string[] _both = [Candidate.AdaBN, Candidate.Auto];

    public static int Run(string? folder, bool isQuick)
    {
        if (folder is null)
        {
            Console.Error.WriteLine("bench --accuracy --mixed: the pictures lie in a folder of yours; give it with --data DIR or in ADABN_DATA.");
            return 2;
        }
        long start = Stopwatch.GetTimestamp();
        SelfCheck.Run();
        var report = new MixedReport(isQuick);
        try
        {
            var data = new DataFolder(folder);
            var conditions = new Conditions(folder, isQuick);
            var pictures = new DomainPool(conditions.ResNet20());
            Measure(pictures, MixedSets.Pictures(pictures, data.Cifar10(), isQuick), report);
            LabelledImages Some(LabelledImages all) => all.EvenlySpaced(2000);
            var digits = new DomainPool(Conditions.Shipped());
            Measure(digits, MixedSets.Digits(digits, [("MNIST", Some(data.Mnist())), ("optdigits", DataFolder.Optdigits()), ("USPS", Some(data.Usps())), ("MNIST-M", Some(data.MnistM()))]), report);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException)
        {
            Console.Error.WriteLine($"bench --accuracy --mixed: {e.Message}");
            return 1;
        }
        report.Write(Stopwatch.GetElapsedTime(start));
        return 0;
    }

    private static void Measure(DomainPool pool, (IReadOnlyList<MixedRows> Mixed, IReadOnlyList<MixedRows> Single) sets, MixedReport report)
    {
        Parallel.ForEach(sets.Mixed, Cores, set =>
        {
            ImageClusters found = ImageClusters.Find(pool.Features(set));
            report.Add(new MixedOutcome(pool.Name, set, found.Count, set.Purity(found.Assignment), Scores(pool, set, found)));
            if (set.Case == MixedSets.Goal) report.Add([.. _both.Select(policy => Banked(pool, set, policy))]);
        });
        Parallel.ForEach(sets.Single, Cores, set =>
        {
            double[][] features = pool.Features(set);
            ImageClusters found = ImageClusters.Find(features);
            // What a wrong split costs is measured whether or not there is one: by the best split in two, however bad.
            ImageClusters wrong = found.Count == 1 && set.Case == MixedSets.Whole && MixedSets.SplitAnyway.Contains(set.Name) ? ImageClusters.Find(features, most: 2, deepEnough: 2) : found;
            report.Add(new MixedOutcome(pool.Name, set, found.Count, 1, wrong.Count == 1 ? [] : Scores(pool, set, wrong)));
        });
    }

    private static ParallelOptions Cores => new() { MaxDegreeOfParallelism = Environment.ProcessorCount };

    private static BankedOutcome Banked(DomainPool pool, MixedRows set, string policy)
    {
        (bool[] told, bool[] found) = pool.RightOfBank(policy, set);
        return new BankedOutcome(set.Name, policy, pool.Right(policy, set, [[.. Enumerable.Range(0, set.Rows.Count)]]), pool.Right(policy, set, set.Given), told, found);
    }

    private static MixedScore[] Scores(DomainPool pool, MixedRows set, ImageClusters found)
    {
        IReadOnlyList<int[]> whole = [[.. Enumerable.Range(0, set.Rows.Count)]], clusters = MixedRows.Groups(found.Assignment);
        return [.. (set.Case == MixedSets.Pairs ? _paper : _both).Select(policy => new MixedScore(policy, pool.Right(Candidate.Source, set, whole), pool.Right(policy, set, whole), pool.Right(policy, set, clusters), pool.Right(policy, set, set.Given)))];
    }
}
