using System.CommandLine.Parsing;
using System.Text.Json;

namespace AdaBN.Cli.Tests;

/// <summary>--dry-run refuses what a run refuses, says what a run would write, and writes nothing.</summary>
[TestClass]
public sealed class DryRunTests
{
    private static readonly string[] Lines =
    [
        "adapt classifier.onnx --data site42.npy --out OUT",
        "bank add sites.onnx --domain south --data training.npy --out OUT",
        "bank add sites.onnx --patch south.adabn --out OUT",
        "bank split classifier.onnx --data site42.npy --out OUT",
        "bank remove sites.onnx --domain north --out OUT",
        "bank export sites.onnx --domain north --out OUT",
        "bank export sites.onnx --source --out OUT",
        "bank apply sites.onnx --domain north --out OUT",
        "reference folded.onnx --data training.npy --out OUT",
        "reference folded.onnx --data training.npy --embed OUT",
        "rewrite classifier.onnx --to in --out OUT",
        "rewrite classifier.onnx --to search --data site42.npy --out OUT",
        "score classifier.onnx --data site42.npy --out OUT",
        "measure classifier.onnx --data site42.npy --stage 0 --shard 0/2 --out OUT",
    ];

    public static IEnumerable<object[]> Commands => Lines.Select(line => new object[] { line });

    [TestMethod]
    [DynamicData(nameof(Commands))]
    public async Task Nothing_is_written_and_what_would_be_is_said(string line)
    {
        using Workspace workspace = await Workspace.Open();
        Dictionary<string, byte[]> before = workspace.Content();
        string[] words = [.. CommandLineParser.SplitCommandLine(line), "--dry-run"];
        Outcome fresh = await Cli.Run(To(words, "out.file"));
        Assert.AreEqual((0, ""), (fresh.ExitCode, fresh.Error));
        Assert.Contains("would write out.file\n", fresh.Output.ReplaceLineEndings("\n"));
        Assert.Contains("nothing was written (--dry-run)", fresh.Output);
        Outcome existing = await Cli.Run([.. To(words, "site42.txt"), "--json"]);
        using JsonDocument json = JsonDocument.Parse(existing.Output);
        JsonElement file = json.RootElement.GetProperty("wouldWrite").EnumerateArray().Single();
        Assert.AreEqual(("site42.txt", true), (file.GetProperty("file").GetString(), file.GetProperty("replaces").GetBoolean()));
        if (line.Contains("--data", StringComparison.Ordinal)) Assert.AreEqual(48, json.RootElement.GetProperty("samples").GetInt64());
        Same(before, workspace.Content());

        Outcome nowhere = await Cli.Run(To(words, "nowhere/out.file"));
        Assert.AreEqual(1, nowhere.ExitCode);
        Assert.Contains("does not exist", nowhere.Error);
        Assert.AreEqual(2, (await Cli.Run(To(words, "north"))).ExitCode, "a folder");
        Same(before, workspace.Content());
    }

    [TestMethod]
    public async Task Faults_that_a_run_finds_early_are_found()
    {
        using Workspace workspace = await Workspace.Open();
        (int ExitCode, string Line)[] faults =
        [
            (2, "rewrite classifier.onnx --to gn --out out.onnx"), (1, "rewrite folded.onnx --to in --out out.onnx"), (2, "bank remove sites.onnx --domain nobody --out out.onnx"),
            (1, "bank apply folded.onnx --patch south.adabn --out out.onnx"), (1, "adapt folded.onnx --data site42.npy --out out.onnx"), (2, "adapt classifier.onnx --data site42.npy --out site42.npy"),
        ];
        foreach ((int exitCode, string line) in faults) Assert.AreEqual(exitCode, (await Cli.Run([.. line.Split(' '), "--dry-run"])).ExitCode, line);
    }

    [TestMethod]
    [DataRow("adapt classifier.onnx --data site42.npy --out OUT")]
    [DataRow("bank remove sites.onnx --domain north --out OUT")]
    public async Task A_folder_that_cannot_be_written_to_is_told_before_the_work(string line)
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Inconclusive("needs /proc, where nobody can make a file");
            return;
        }
        using Workspace workspace = await Workspace.Open();
        foreach (string[] more in (string[][])[[], ["--dry-run"]])
        {
            Outcome outcome = await Cli.Run([.. To(CommandLineParser.SplitCommandLine(line).ToArray(), "/proc/out.onnx"), .. more]);
            Assert.AreEqual((1, ""), (outcome.ExitCode, outcome.Output));
            Assert.StartsWith("adabn: Nothing can be written to the folder /proc, where out.onnx is to be: ", outcome.Error);
        }
    }

    [TestMethod]
    public void Every_command_that_writes_a_file_has_the_option()
    {
        string[] writing = [.. HelpTests.Tree(AdabnCommand.Create(TextWriter.Null, TextWriter.Null), []).Where(one => one.Command.Options.Any(option => option.Name is "--out")).Select(one => string.Join(' ', one.Path))];
        foreach (string command in writing) Assert.IsTrue(command == "merge" || Lines.Any(line => line.StartsWith($"{command} ", StringComparison.Ordinal)), command);
    }

    [TestMethod]
    public async Task A_merge_says_that_it_would_write_the_state_and_after_the_last_stage_the_model()
    {
        using Workspace workspace = await Workspace.Open();
        Dictionary<string, byte[]> before = workspace.Content();
        string[] merge = ["merge", "classifier.onnx", "0.north.part", "1.north.part", "--state", "run.state", "--out", "out.onnx"];
        Outcome dry = await Cli.Run([.. merge, "--dry-run"]);
        Assert.AreEqual((0, ""), (dry.ExitCode, dry.Error));
        Assert.Contains("would write run.state", dry.Output);
        Same(before, workspace.Content());
        Assert.AreEqual(1, (await Cli.Run("merge", "classifier.onnx", "0.north.part", "--state", "run.state", "--out", "out.onnx", "--dry-run")).ExitCode);

        for (int stage = 0; !File.Exists("out.onnx"); stage++)
        {
            if (stage > 0) for (int part = 0; part < 2; part++) await Cli.Run("measure", "classifier.onnx", "--data", "site42.npy", "--stage", $"{stage}", "--shard", $"{part}/2", "--state", "run.state", "--out", $"{part}.north.part");
            string would = (await Cli.Run([.. merge, "--dry-run"])).Output;
            Assert.AreEqual(0, (await Cli.Run(merge)).ExitCode);
            Assert.Contains(File.Exists("out.onnx") ? "would write out.onnx" : "would write run.state", would);
        }
    }

    private static string[] To(string[] words, string file) => [.. words.Select(word => word == "OUT" ? file : word)];

    private static void Same(Dictionary<string, byte[]> before, Dictionary<string, byte[]> after)
    {
        CollectionAssert.AreEquivalent(before.Keys, after.Keys);
        foreach ((string name, byte[] bytes) in before) CollectionAssert.AreEqual(bytes, after[name], name);
    }
}
