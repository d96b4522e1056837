using System.CommandLine.Parsing;
using System.Text.Json;
using System.Text.RegularExpressions;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

/// <summary>With --json a command prints one object, with the properties that docs/command.md lists, and nothing else.</summary>
[TestClass]
public sealed partial class JsonTests
{
    private static readonly string[] Lines =
    [
        "inspect classifier.onnx --json",
        "adapt classifier.onnx --data site42.npy --out out.onnx --json",
        "shift classifier.onnx --data site42.npy --json",
        "bank add sites.onnx --domain south --data training.npy --out more.onnx --json",
        "bank split classifier.onnx --data site42.npy --out mixed.onnx --json",
        "bank list sites.onnx --json",
        "bank remove sites.onnx --domain north --out out.onnx --json",
        "bank export sites.onnx --domain north --out north.adabn --json",
        "bank apply sites.onnx --domain north --out out.onnx --json",
        "reference folded.onnx --data training.npy --out out.reference --json",
        "rewrite classifier.onnx --to in --out out.onnx --json",
        "score classifier.onnx --data site42.npy --json",
        "evaluate classifier.onnx --data site42.npy --labels site42.txt --json",
        "compare classifier.onnx classifier.site42.onnx --data site42.npy --json",
        "measure classifier.onnx --data site42.npy --stage 0 --shard 1/2 --out 1.part --json",
        "merge classifier.onnx 0.north.part 1.north.part --state run.state --out classifier.north.onnx --json",
    ];

    public static IEnumerable<object[]> Commands => Lines.Select(line => new object[] { line });

    [TestMethod]
    [DynamicData(nameof(Commands))]
    public async Task The_object_has_the_properties_that_the_docs_list(string line)
    {
        using Workspace workspace = await Workspace.Open();
        Outcome outcome = await Cli.Run([.. CommandLineParser.SplitCommandLine(line)]);
        Assert.AreEqual((0, ""), (outcome.ExitCode, outcome.Error));
        using JsonDocument json = JsonDocument.Parse(outcome.Output);
        Assert.AreEqual(JsonValueKind.Object, json.RootElement.ValueKind);
        string[] found = [.. json.RootElement.EnumerateObject().Select(property => property.Name)];
        string[] listed = Listed(Documented().Single(row => line.StartsWith($"{row.Command} ", StringComparison.Ordinal)).Properties);
        Assert.IsNotEmpty(listed);
        Assert.IsEmpty(listed.Except(found), "listed, but not there");
        if (!line.StartsWith("bank add", StringComparison.Ordinal) && !line.StartsWith("evaluate", StringComparison.Ordinal)) Assert.IsEmpty(found.Except(listed), "there, but not listed");
        foreach (string file in json.RootElement.TryGetProperty("wrote", out JsonElement wrote) ? wrote.ValueKind == JsonValueKind.Array ? wrote.EnumerateArray().Select(one => one.GetString()!) : [wrote.GetString()!] : [])
            Assert.IsTrue(File.Exists(file), file);
    }

    [TestMethod]
    public void Every_command_with_the_option_is_listed_and_run()
    {
        string[] commands = [.. HelpTests.Tree(AdabnCommand.Create(TextWriter.Null, TextWriter.Null), []).Where(one => one.Command.Options.Any(option => option.Name == "--json")).Select(one => string.Join(' ', one.Path))];
        CollectionAssert.AreEquivalent(commands, Documented().Select(row => row.Command).ToArray());
        foreach (string command in commands) Assert.ContainsSingle(Lines.Where(line => line.StartsWith($"{command} ", StringComparison.Ordinal)));
    }

    [TestMethod]
    public async Task A_banked_domain_tells_its_id()
    {
        using Workspace workspace = await Workspace.Open();
        using JsonDocument json = JsonDocument.Parse((await Cli.Run("bank", "add", "sites.onnx", "--domain", "south", "--data", "training.npy", "--id", "7", "--out", "more.onnx", "--json")).Output);
        Assert.AreEqual(7, json.RootElement.GetProperty("domain").GetProperty("id").GetInt64());
        Assert.AreEqual(48, json.RootElement.GetProperty("samples").GetInt64());
        using JsonDocument patched = JsonDocument.Parse((await Cli.Run("bank", "add", "sites.onnx", "--patch", "south.adabn", "--out", "more.onnx", "--json")).Output);
        Assert.AreEqual(2, patched.RootElement.GetProperty("domain").GetProperty("id").GetInt64());
    }

    private static (string Command, string Properties)[] Documented() =>
        [.. Row().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "command.md")).Split("<!-- json -->")[1]).Select(match => (match.Groups[1].Value, match.Groups[2].Value))];

    /// <summary>Names outside of brackets that speak of the object itself.</summary>
    private static string[] Listed(string text) => [.. Name().Matches(Brackets().Replace(text, "").Split(';')[0]).Select(match => match.Groups[1].Value).Except(["adapt"])];

    [GeneratedRegex(@"^\| `([^`]+)` \| (.*) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"\([^)]*\)")]
    private static partial Regex Brackets();

    [GeneratedRegex("`([a-zA-Z0-9]+)`")]
    private static partial Regex Name();
}
