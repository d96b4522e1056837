using System.Diagnostics;
using System.Globalization;
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
        // Jobs in a shell's background, and what they start, ignore the signal of Ctrl-C; only env gives it back.
        string[] command = IgnoresInterrupts() ? ["env", "--default-signal=INT", "dotnet"] : ["dotnet"];
        var start = new ProcessStartInfo(command[0],
        [
            .. command[1..], Path.Combine(AppContext.BaseDirectory, "AdaBN.Cli.dll"), "adapt", Repository.Model("digits-cnn.onnx"), "--data", data.File("digits.npy"),
            "--out", data.File("adapted.onnx"), "--max-memory", "0", "--threads", "1",
        ])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["TMPDIR"] = temporary.Path;
        return Process.Start(start)!;
    }

    private static bool IgnoresInterrupts()
    {
        const string status = "/proc/self/status", ignored = "SigIgn:";
        const ulong interrupt = 1 << (2 - 1);
        return File.Exists(status) && File.ReadLines(status).First(line => line.StartsWith(ignored, StringComparison.Ordinal)) is var mask
            && (ulong.Parse(mask[ignored.Length..], NumberStyles.HexNumber | NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture) & interrupt) != 0;
    }
}
