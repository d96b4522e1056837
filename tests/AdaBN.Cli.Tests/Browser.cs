using System.Diagnostics;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

/// <summary>Debian's Chromium, driven by playwright-core (tests/Browser).</summary>
internal static class Browser
{
    public const string WhySkipped = "needs Chromium, Node.js and the packages of tests/Browser (Debian: apt-get install chromium npm; then npm ci there, as ./build.sh test does)";

    private const string Chromium = "/usr/bin/chromium";
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Browser");

    public static bool IsInstalled => File.Exists(Chromium) && File.Exists(Path.Combine(Folder, "node_modules", "playwright-core", "package.json"));

    /// <summary>Looks at pages; gives what <c>look.mjs</c> says of them, and leaves pictures of them in a folder.</summary>
    public static string Look(string folder, params string[] pages)
    {
        using Process process = Process.Start(new ProcessStartInfo("node", [Path.Combine(Folder, "look.mjs"), Chromium, folder, .. pages]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) Assert.Fail(error.Result);
        return output;
    }
}
