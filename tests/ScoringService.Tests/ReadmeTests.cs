using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using AdaBN.TestSupport;

namespace ScoringService.Tests;

/// <summary>The example's page: its lines run as they stand, in a shell, against the service.</summary>
[TestClass]
public sealed partial class ReadmeTests
{
    private static readonly string s_folder = Path.Combine(Repository.Root, "examples", "ScoringService");
    private static readonly string s_page = File.ReadAllText(Path.Combine(s_folder, "README.md"));

    [TestMethod]
    public async Task The_curl_lines_run()
    {
        if (OperatingSystem.IsWindows() || !Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, "curl")))) Assert.Inconclusive("needs a Unix shell and curl");
        using var data = new TemporaryFolder();
        using RunningService service = await RunningService.StartAsync(data.Path);
        string[] lines = [.. CurlBlock().Match(s_page).Groups[1].Value.Split('\n').Where(line => line.StartsWith("curl", StringComparison.Ordinal))];
        var answers = new Dictionary<string, JsonElement>();
        foreach (string line in lines)
        {
            string answer = Shell(line.Replace("http://127.0.0.1:5080/", service.Client.BaseAddress!.ToString(), StringComparison.Ordinal));
            if (line.EndsWith("/report", StringComparison.Ordinal)) Assert.StartsWith("<!DOCTYPE html>", answer, StringComparison.OrdinalIgnoreCase, line);
            else answers[line] = JsonSerializer.Deserialize<JsonElement>(answer);
            if (line.EndsWith("-X POST http://127.0.0.1:5080/adapt", StringComparison.Ordinal)) await WaitAsync(service); // a reader is not as fast
        }
        JsonElement Of(string end) => answers[lines.Single(line => line.EndsWith(end, StringComparison.Ordinal))];
        Assert.AreEqual(7, Of("/score").GetProperty("class").GetInt32());
        Assert.AreEqual((120, 0), (Of("/images").GetProperty("kept").GetInt32(), Of("/images").GetProperty("refused").GetArrayLength()));
        Assert.AreEqual("running", Of("POST http://127.0.0.1:5080/adapt").GetProperty("state").GetString());
        Assert.AreEqual("swapped", Of("-s http://127.0.0.1:5080/adapt").GetProperty("state").GetString());
        Assert.AreEqual(("adapt", 1), (Of("/health").GetProperty("verdict").GetString(), Of("/health").GetProperty("swaps").GetInt32()));
        Assert.AreEqual(Of("/health").GetProperty("source").GetString(), Of("/rollback").GetProperty("current").GetProperty("version").GetString());
    }

    [TestMethod]
    public void Links_lead_somewhere_and_the_options_named_exist()
    {
        foreach (Match link in LinkPattern().Matches(s_page)) Assert.IsTrue(Path.Exists(Path.Combine(s_folder, link.Groups[1].Value)), link.Value);
        string help = Shell($"dotnet {Path.Combine(AppContext.BaseDirectory, "ScoringService.dll")} --help");
        foreach (Match option in OptionPattern().Matches(s_page)) Assert.Contains(option.Groups[1].Value, help);
    }

    private static async Task WaitAsync(RunningService service)
    {
        while ((await service.GetAsync("/adapt")).GetProperty("state").GetString() == "running") await Task.Delay(20);
    }

    private static string Shell(string line)
    {
        using Process process = Process.Start(new ProcessStartInfo(OperatingSystem.IsWindows() ? "cmd" : "sh", [OperatingSystem.IsWindows() ? "/c" : "-c", line]) { WorkingDirectory = s_folder, RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, line);
        return output;
    }

    [GeneratedRegex(@"<!-- curl -->\s+```sh\s(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CurlBlock();

    [GeneratedRegex(@"\]\((?!http)([^)#]+)\)")]
    private static partial Regex LinkPattern();

    [GeneratedRegex(@"`(--(?!filter|logger)[a-z-]+)")]
    private static partial Regex OptionPattern();
}
