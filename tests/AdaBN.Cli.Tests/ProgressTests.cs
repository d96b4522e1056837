using System.Diagnostics;
using System.Text.RegularExpressions;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

/// <summary>Progress on a terminal, and none where there is none.</summary>
[TestClass]
public sealed partial class ProgressTests
{
    [TestMethod]
    public void Pace_tells_samples_a_second_and_the_time_left()
    {
        TimeSpan now = TimeSpan.Zero;
        var pace = new Pace("adapting", () => now);
        Assert.AreEqual(("adapting", "", 0.0), (pace.Description, pace.ToString(), pace.Share));
        pace.Note(new AdaptationProgress(0, 4, 0, 1000));
        now = TimeSpan.FromSeconds(10);
        pace.Note(new AdaptationProgress(0, 4, 500, 1000));
        Assert.AreEqual(("adapting, stage 1 of 4", "50 samples/s, 1:10 left", 0.125), (pace.Description, pace.ToString(), pace.Share));
        now = TimeSpan.FromSeconds(20);
        pace.Note(new AdaptationProgress(1, 4, 0, 1000));
        now = TimeSpan.FromSeconds(30);
        pace.Note(new AdaptationProgress(0, 4, 1000, 1000)); // told late, by another worker
        pace.Note(new AdaptationProgress(1, 4, 1000, 1000));
        Assert.AreEqual(("adapting, stage 2 of 4", "100 samples/s, 0:20 left", 0.5), (pace.Description, pace.ToString(), pace.Share));
        pace.Note(new AdaptationProgress(3, 4, 1000, 1000));
        Assert.AreEqual(1, pace.Share);
        Assert.DoesNotContain("left", pace.ToString());
    }

    [TestMethod]
    public void Of_samples_without_a_count_the_rate_alone_is_told()
    {
        TimeSpan now = TimeSpan.Zero;
        var pace = new Pace("scoring", () => now);
        pace.Note(new AdaptationProgress(0, 1, 1, null));
        now = TimeSpan.FromSeconds(2);
        pace.Note(new AdaptationProgress(0, 1, 30, null));
        Assert.AreEqual(("scoring", "15 samples/s"), (pace.Description, pace.ToString()));
    }

    [TestMethod]
    [DataRow(80, true)]
    [DataRow(120, false)]
    public void A_terminal_shows_a_bar_on_one_line_that_is_wiped_in_the_end_and_NO_COLOR_is_heeded(int columns, bool inColours)
    {
        string shown = InTerminal("xterm-256color", columns, inColours ? "" : "NO_COLOR=1");
        Assert.Contains("samples/s", shown);
        Assert.Contains("\u001b[?25l", shown, "the cursor is hidden meanwhile");
        Assert.IsGreaterThan(shown.LastIndexOf("\u001b[?25l", StringComparison.Ordinal), shown.LastIndexOf("\u001b[?25h", StringComparison.Ordinal), "and shown again");
        string[] lines = [.. Escapes().Replace(shown, "\n").Split(['\r', '\n'])];
        Assert.IsEmpty(lines.Where(line => line.Length > columns), "no line is wider than the terminal");
        Assert.AreEqual(inColours, Colours().IsMatch(shown));
    }

    [TestMethod]
    [DataRow("dumb", "")]
    [DataRow("xterm", "--quiet")]
    public void Without_a_terminal_that_can_or_when_asked_there_is_none(string terminal, string more)
    {
        string shown = InTerminal(terminal, 80, "", more);
        Assert.DoesNotContain("samples/s", shown);
        Assert.DoesNotContain("\u001b[?25l", shown);
        Assert.Contains("layers measured on", Escapes().Replace(shown, ""));
    }

    /// <summary>What a pseudo-terminal is sent by a run of some seconds.</summary>
    private static string InTerminal(string terminal, int columns, string environment, string more = "")
    {
        const string script = "/usr/bin/script";
        if (!OperatingSystem.IsLinux() || !File.Exists(script))
        {
            Assert.Inconclusive("script(1) of util-linux is not here");
            return "";
        }
        using var folder = new TemporaryFolder();
        const int images = 3000;
        float[] pixels = [.. Enumerable.Range(0, 784).Select(i => (float)Math.Abs(Math.Sin(i)))];
        Npy.Write(folder.File("digits.npy"), [.. Enumerable.Range(0, images).SelectMany(_ => pixels)], images, 1, 28, 28);
        string command = FormattableString.Invariant(
            $"stty cols {columns} rows 30; {environment} TERM={terminal} dotnet '{Path.Combine(AppContext.BaseDirectory, "AdaBN.Cli.dll")}' adapt '{Repository.Model("digits-cnn.onnx")}' --data digits.npy --out a.onnx --threads 1 --policy adabn --judge 0 {more}");
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(script, ["--quiet", "--return", "--flush", "--command", command, "typescript"]) { WorkingDirectory = folder.Path, RedirectStandardInput = true, RedirectStandardOutput = true },
        };
        process.StartInfo.Environment.Remove("NO_COLOR");
        process.Start();
        string shown = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, shown);
        return shown;
    }

    [GeneratedRegex(@"\u001b\[[0-9;?]*[A-Za-z]")]
    private static partial Regex Escapes();

    [GeneratedRegex(@"\u001b\[(\d+;)*(3[0-7]|38|9[0-7])(;\d+)*m")]
    private static partial Regex Colours();
}
