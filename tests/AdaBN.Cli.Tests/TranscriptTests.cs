using System.CommandLine.Parsing;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;

namespace AdaBN.Cli.Tests;

/// <summary>
/// What each command prints, in 80 columns and without a terminal: Transcripts/NAME.txt. To renew them all:
/// <c>ADABN_RENEW=1 dotnet test tests/AdaBN.Cli.Tests</c>, which writes them and fails; then look at the difference.
/// </summary>
[TestClass]
public sealed partial class TranscriptTests
{
    private const int Columns = 80;

    /// <summary>Command lines of each transcript, the commonest error last.</summary>
    private static readonly Dictionary<string, string[]> Sessions = new()
    {
        ["adabn"] = ["adabn --help", "adabn", "adabn adpt classifier.onnx"],
        ["inspect"] = ["adabn inspect --help", "adabn inspect classifier.onnx", "adabn inspect folded.onnx", "adabn inspect no-such.onnx", "adabn inspect site42"],
        ["adapt"] =
        [
            "adabn adapt --help", "adabn adapt classifier.onnx --data site42.npy --out out.onnx --policy adabn", "adabn adapt classifier.onnx --data site42.npy --out out.onnx",
            "adabn adapt classifier.onnx --data site42.npy --out classifier.site42.onnx --policy adabn --dry-run --max-memory 100 --threads 2", "adabn adapt classifier.onnx --data site42 --out out.onnx",
            "adabn adapt folded.onnx --data site42.npy --out out.onnx", "adabn adapt classifier.onnx --data site42.npy --out nowhere/out.onnx",
        ],
        ["shift"] = ["adabn shift --help", "adabn shift classifier.onnx --data site42.npy --fail-on-drift", "adabn shift classifier.onnx --data site42.npy --source training.npy --mmd", "adabn shift classifier.onnx --data no-such.npy"],
        ["reference"] =
        [
            "adabn reference --help", "adabn reference folded.onnx --data training.npy --out out.reference", "adabn reference folded.onnx --data training.npy --out out.reference --json",
            "adabn reference folded.onnx --data training.npy --out out.reference --dry-run", "adabn reference classifier.onnx --data training.npy --out out.reference",
        ],
        ["rewrite"] = ["adabn rewrite --help", "adabn rewrite classifier.onnx --to in --first 1 --out out.onnx", "adabn rewrite classifier.onnx --to search --data site42.npy --out out.onnx", "adabn rewrite classifier.onnx --to gn --out out.onnx"],
        ["score"] = ["adabn score --help", "adabn score classifier.onnx --data labelled42 --preset imagenet --out scores.csv", "adabn score sites.onnx --data site42.npy"],
        ["evaluate"] =
        [
            "adabn evaluate --help", "adabn evaluate classifier.onnx --data labelled42 --preset imagenet", "adabn evaluate classifier.onnx classifier.site42.onnx --data site42.npy --labels site42.txt",
            "adabn evaluate classifier.onnx --data site42.npy",
        ],
        ["compare"] =
        [
            "adabn compare --help", "adabn compare classifier.onnx classifier.site42.onnx --data site42.npy --channels 1", "adabn compare classifier.onnx classifier.onnx",
            "adabn compare classifier.onnx folded.onnx --fail-on-other", "adabn compare classifier.onnx sites.onnx", "adabn compare classifier.onnx",
        ],
        ["bank"] = ["adabn bank --help", "adabn bank"],
        ["bank-add"] =
        [
            "adabn bank add --help", "adabn bank add sites.onnx --domain south --data training.npy --policy adabn --out more-sites.onnx", "adabn bank add sites.onnx --patch south.adabn --out more-sites.onnx",
            "adabn bank add sites.onnx --patch south.adabn --out more-sites.onnx --json", "adabn bank add sites.onnx --domain south --out more-sites.onnx",
        ],
        ["bank-split"] = ["adabn bank split --help", "adabn bank split classifier.onnx --data site42.npy --out mixed.onnx", "adabn bank split sites.onnx --data site42.npy --out mixed.onnx"],
        ["bank-list"] = ["adabn bank list --help", "adabn bank list sites.onnx", "adabn bank list classifier.onnx"],
        ["bank-remove"] = ["adabn bank remove --help", "adabn bank remove sites.onnx --domain north --out out.onnx", "adabn bank remove sites.onnx --domain west --out out.onnx"],
        ["bank-export"] = ["adabn bank export --help", "adabn bank export sites.onnx --domain north --out north.adabn", "adabn bank export sites.onnx --out north.adabn"],
        ["bank-apply"] = ["adabn bank apply --help", "adabn bank apply sites.onnx --domain north --out out.onnx", "adabn bank apply folded.onnx --patch south.adabn --out out.onnx"],
        ["measure"] = ["adabn measure --help", "adabn measure classifier.onnx --data site42.npy --stage 0 --shard 0/2 --out 0.part", "adabn measure classifier.onnx --data site42.npy --stage 0 --shard 2/2 --out 2.part"],
        ["merge"] = ["adabn merge --help", "adabn merge classifier.onnx 0.north.part 1.north.part --state run.state --out classifier.north.onnx", "adabn merge classifier.onnx 0.north.part --state run.state --out classifier.north.onnx"],
        ["completion"] = ["adabn completion --help", "adabn completion bash", "adabn completion tcsh"],
    };

    public static IEnumerable<object[]> Names => Sessions.Keys.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public async Task The_command_prints_what_the_transcript_shows(string name)
    {
        using Workspace workspace = await Workspace.Open();
        var transcript = new StringBuilder();
        foreach (string line in Sessions[name])
        {
            using StringWriter output = new(), error = new();
            int exitCode = await AdabnCommand.RunAsync([.. CommandLineParser.SplitCommandLine(line).Skip(1)], output, error, plainWidth: Columns);
            foreach (string told in line.Contains("--json", StringComparison.Ordinal) ? [] : output.ToString().Split('\n')) Assert.IsLessThanOrEqualTo(Columns, told.TrimEnd().Length, $"{line}: {told}");
            transcript.Append($"$ {line}\n{Stable(output.ToString(), workspace)}");
            foreach (string told in Stable(error.ToString(), workspace).Split('\n', StringSplitOptions.RemoveEmptyEntries)) transcript.Append($"! {told}\n");
            transcript.Append(FormattableString.Invariant($"[exit code {exitCode}]\n\n"));
        }
        Renewal.Check(Path.Combine(Folder(), $"{name}.txt"), transcript.ToString());
    }

    [TestMethod]
    public void Every_command_has_a_transcript_and_every_transcript_a_command()
    {
        string[] commands = [.. HelpTests.Tree(AdabnCommand.Create(TextWriter.Null, TextWriter.Null), []).Where(one => !one.Command.Hidden).Select(one => one.Path.Length == 0 ? "adabn" : string.Join('-', one.Path))];
        CollectionAssert.AreEquivalent(commands, Sessions.Keys);
        CollectionAssert.AreEquivalent(commands, Directory.GetFiles(Folder(), "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)!).ToArray());
        foreach ((string name, string[] lines) in Sessions) Assert.IsTrue(lines.Length >= 2 && lines[0].EndsWith(" --help", StringComparison.Ordinal), name);
    }

    /// <summary>Without what differs from run to run and machine to machine: folders, hashes (models hold measured numbers), spaces at the ends of lines.</summary>
    private static string Stable(string text, Workspace workspace)
    {
        text = text.ReplaceLineEndings("\n").Replace(workspace.Path, "FOLDER", StringComparison.Ordinal);
        text = Hashes().Replace(text, "SHA256");
        return LineEnds().Replace(text, "\n");
    }

    private static string Folder([CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, "Transcripts");

    [GeneratedRegex("[0-9a-f]{64}")]
    private static partial Regex Hashes();

    [GeneratedRegex(@"[ \t]+\n")]
    private static partial Regex LineEnds();
}
