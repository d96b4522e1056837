using System.Diagnostics;
using System.Text.RegularExpressions;
using AdaBN.TestSupport;

namespace AdaBN.Mpi.Tests;

/// <summary>examples/FleetFit: one ML.NET estimator fitted inside several processes, each on rows of its own.</summary>
[TestClass]
[DoNotParallelize]
public sealed partial class FleetFitTests
{
    [TestMethod]
    [DataRow("openmpi")]
    [DataRow("mpich")]
    public void Every_rank_gets_the_step_that_one_process_gets_from_all_rows(string library)
    {
        using var folder = new TemporaryFolder();
        string alone = Fit([], 1, folder.File("alone")).Single();
        foreach (int ranks in (int[])[1, 2, 3])
        {
            string together = folder.File($"{library}{ranks}");
            string[] models = Fit(Launcher.Of(library, ranks), ranks, together);
            CollectionAssert.AreEqual(Enumerable.Repeat(alone, ranks).ToArray(), models);
            CollectionAssert.AreEqual(File.ReadAllBytes(Path.Combine(folder.File("alone"), "digits-cnn.fleet.onnx")), File.ReadAllBytes(Path.Combine(together, "digits-cnn.fleet.onnx")));
            Assert.IsTrue(File.Exists(Path.Combine(together, "digits.fleet.zip")));
        }
    }

    [TestMethod]
    public void A_rank_that_cannot_write_ends_all()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("taken"), "a file where the folder should go");
        using Process process = Launcher.StartProgram(Launcher.Of("openmpi", 2), "FleetFit.dll", "--workers", "2", "--out", folder.File("taken"));
        var (exitCode, _, error) = Launcher.Finish(process);
        Assert.AreNotEqual(0, exitCode);
        Assert.Contains("rank 0 of 2", error);
    }

    /// <summary>The hash of each rank's model, after a check that the ranks had all rows among them.</summary>
    private static string[] Fit(string[] launcher, int ranks, string outFolder)
    {
        using Process process = Launcher.StartProgram(launcher, "FleetFit.dll", "--workers", $"{ranks}", "--out", outFolder);
        var (exitCode, output, error) = Launcher.Finish(process);
        Assert.AreEqual(0, exitCode, error);
        Match[] lines = [.. LinePattern().Matches(output).Cast<Match>()];
        CollectionAssert.AreEqual(Enumerable.Range(0, ranks).ToArray(), lines.Select(line => int.Parse(line.Groups["rank"].Value)).Order().ToArray(), output);
        Assert.AreEqual(1797, lines.Sum(line => int.Parse(line.Groups["own"].Value)), output);
        return [.. lines.Select(line => line.Groups["model"].Value)];
    }

    [GeneratedRegex(@"rank (?<rank>\d+) of \d+: (?<own>\d+) of 1797 rows, verdict Adapt, model (?<model>[0-9a-f]{64})")]
    private static partial Regex LinePattern();
}
