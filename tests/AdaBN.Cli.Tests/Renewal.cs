using System.Text.RegularExpressions;

namespace AdaBN.Cli.Tests;

/// <summary>Texts that stand in the repository. With ADABN_RENEW=1 in the environment, tests write them anew, and then fail so that nobody takes that for a check.</summary>
internal static partial class Renewal
{
    /// <summary>Compares a file with what it should hold: numbers may differ as other processors round, and columns with them.</summary>
    public static void Check(string path, string found)
    {
        if (Environment.GetEnvironmentVariable("ADABN_RENEW") == "1")
        {
            File.WriteAllText(path, found);
            Assert.Fail($"{path} was written anew; look at what changed, and run again without ADABN_RENEW.");
        }
        Assert.IsTrue(File.Exists(path), $"There is no {path}; ADABN_RENEW=1 makes it.");
        string expected = File.ReadAllText(path).ReplaceLineEndings("\n");
        if (expected == found) return;
        string[] shown = [.. Words().Matches(expected).Select(match => match.Value)], now = [.. Words().Matches(found).Select(match => match.Value)];
        for (int i = 0; i < Math.Max(shown.Length, now.Length); i++)
        {
            string before = i < shown.Length ? shown[i] : "(end)", after = i < now.Length ? now[i] : "(end)";
            bool isClose = double.TryParse(before, out double a) && double.TryParse(after, out double b) && Math.Abs(a - b) <= 0.0021 + (0.01 * Math.Abs(a));
            if (before != after && !isClose) Assert.Fail($"{path}: '{before}' is now '{after}' (word {i + 1}, after '{string.Join(' ', shown.Take(i).TakeLast(8))}'). If that is meant, ADABN_RENEW=1 writes it anew.\n{found}");
        }
    }

    /// <summary>Numbers, and what stands between them but for spaces and lines of tables.</summary>
    [GeneratedRegex(@"\d+(\.\d+)?|[^\s\d─│┼]+")]
    private static partial Regex Words();
}
