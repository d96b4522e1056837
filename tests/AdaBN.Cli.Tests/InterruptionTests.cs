using System.Diagnostics;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

/// <summary>Runs that are stopped from outside: no output file, no temporary file, in memory and spilling alike.</summary>
[TestClass]
public sealed class InterruptionTests
{
    [TestMethod]
    [DataRow("-KILL", 137)]
    [DataRow("-INT", 130)]
    [DataRow("-TERM", 130)]
    public void A_run_stopped_midway_leaves_nothing(string signal, int exitCode)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("signals are Unix's");
            return;
        }
        using var data = new TemporaryFolder();
        using var temporary = new TemporaryFolder();
        var random = new Random(1);
        const int Images = 60_000;
        float[] pixels = [.. Enumerable.Range(0, 784 * 100).Select(_ => random.NextSingle())];
        Npy.Write(data.File("digits.npy"), [.. Enumerable.Range(0, Images / 100).SelectMany(_ => pixels)], Images, 1, 28, 28);

        using Process process = Start(data, temporary);
        Thread.Sleep(1500); // well into the first stages: the whole run takes far longer
        Assert.IsFalse(process.HasExited, "the run was over before it could be stopped");
        Process.Start("kill", [signal, process.Id.ToString()]).WaitForExit();
        Assert.IsTrue(process.WaitForExit(TimeSpan.FromSeconds(30)), "the run does not end");

        Assert.AreEqual(exitCode, process.ExitCode);
        CollectionAssert.AreEqual(new[] { "digits.npy" }, Directory.GetFileSystemEntries(data.Path).Select(Path.GetFileName).ToArray());
        string[] left = [.. Directory.GetFileSystemEntries(temporary.Path).Select(entry => Path.GetFileName(entry)!).Where(name => name.StartsWith("adabn", StringComparison.Ordinal))];
        Assert.IsEmpty(left, string.Join(", ", left));
    }

    private static Process Start(TemporaryFolder data, TemporaryFolder temporary)
    {
        var start = new ProcessStartInfo("dotnet",
        [
            Path.Combine(AppContext.BaseDirectory, "AdaBN.Cli.dll"), "adapt", Repository.Model("digits-cnn.onnx"), "--data", data.File("digits.npy"),
            "--out", data.File("adapted.onnx"), "--max-memory", "0", "--workers", "1",
        ])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["TMPDIR"] = temporary.Path;
        return Process.Start(start)!;
    }
}
