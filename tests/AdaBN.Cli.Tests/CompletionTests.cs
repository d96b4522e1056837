using System.Diagnostics;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

/// <summary>Completion as the shells themselves do it.</summary>
[TestClass]
public sealed class CompletionTests
{
    [TestMethod]
    [DataRow("adapt reference rewrite", "", "a|re")]
    [DataRow("add apply export list remove split", "bank", "")]
    [DataRow("--policy", "adapt m.onnx", "--pol")]
    [DataRow("--verbose", "bank list", "--verb")]
    [DataRow("Crop Stretch", "adapt m.onnx --fit", "")]
    [DataRow("imagenet", "adapt m.onnx --preset", "im")]
    [DataRow("gate gate:cautious", "bank add m.onnx --policy", "ga")]
    [DataRow("bash fish pwsh zsh", "completion", "")]
    [DataRow("", "adapt m.onnx --out", "")]
    public void Words_are_those_that_can_stand_there(string expected, string before, string begun)
    {
        string[] words = before.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] found = [.. begun.Split('|').SelectMany(one => CompletionCommand.Complete([.. words, one]))];
        Assert.AreEqual(expected, string.Join(' ', found));
    }

    [TestMethod]
    public void Bash_completes_through_the_script()
    {
        const string ask = """
            source <(adabn completion bash)
            ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _adabn; echo "${COMPREPLY[*]}"; }
            complete -p adabn
            ask adabn comp
            ask adabn bank ''
            ask adabn adapt m.onnx --preset im
            ask adabn adapt m.onnx --out ''
            """;
        CollectionAssert.AreEqual(new[] { "complete -o default -F _adabn adabn", "compare completion", "add apply export list remove split", "imagenet", "" }, Shell("bash", "-c", ask));
    }

    [TestMethod]
    public void Zsh_completes_through_the_script()
    {
        // compadd works only while zsh completes; a stand-in prints what the script hands it.
        const string ask = """
            compdef() { : }
            compadd() { shift; print -r -- "$*" }
            _files() { print files }
            source <(adabn completion zsh)
            words=(adabn bank ''); CURRENT=3; _adabn
            words=(adabn adapt m.onnx --preset im); CURRENT=5; _adabn
            words=(adabn adapt m.onnx --out ''); CURRENT=5; _adabn
            """;
        CollectionAssert.AreEqual(new[] { "add apply export list remove split", "imagenet", "files" }, Shell("zsh", "-f", "-c", ask));
    }

    [TestMethod]
    public void Fish_completes_through_the_script()
    {
        string[] found = Shell("fish", "--no-config", "-c", "adabn completion fish | source; complete -C 'adabn bank '; echo ==; complete -C 'adabn adapt m.onnx --preset im'");
        Assert.AreEqual("add apply export list remove split == imagenet", string.Join(" ", found));
    }

    [TestMethod]
    public async Task An_unknown_shell_is_told()
    {
        Outcome outcome = await Cli.Run("completion", "tcsh");
        Assert.AreEqual(2, outcome.ExitCode);
        Assert.Contains("expected one of bash, zsh, fish, pwsh", outcome.Error);
    }

    /// <summary>Runs a shell that finds the command on its path.</summary>
    private static string[] Shell(string shell, params string[] arguments)
    {
        if (OperatingSystem.IsWindows() || !Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, shell))))
        {
            Assert.Inconclusive($"{shell} is not installed");
            return [];
        }
        using var folder = new TemporaryFolder();
        string launcher = folder.File("adabn");
        File.WriteAllText(launcher, $"#!/bin/sh\nexec dotnet '{Path.Combine(AppContext.BaseDirectory, "AdaBN.Cli.dll")}' \"$@\"\n");
        File.SetUnixFileMode(launcher, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var start = new ProcessStartInfo(shell, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Directory.CreateDirectory(folder.File("empty")).FullName };
        start.Environment["PATH"] = $"{folder.Path}:{start.Environment["PATH"]}";
        start.Environment["HOME"] = folder.Path;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual("", error.Result);
        string[] lines = output.Split('\n');
        return lines[..^1];
    }
}
