using System.CommandLine;
using System.CommandLine.Parsing;

namespace AdaBN.Cli.Tests;

/// <summary>What help says is so: its examples run, and it fits a terminal.</summary>
[TestClass]
public sealed class HelpTests
{
    public static IEnumerable<object[]> Lines => Commands().SelectMany(command => command.Examples).Distinct().Select(line => new object[] { line });

    [TestMethod]
    [DynamicData(nameof(Lines))]
    public async Task Every_example_runs(string line)
    {
        using Workspace workspace = await Workspace.Open();
        string[] words = [.. CommandLineParser.SplitCommandLine(line).Skip(1).TakeWhile(word => word != ">")];
        Outcome outcome = await Cli.Run(words);
        bool mayDecline = words.Intersect(["--gate", "--fail-on-drift", "search"]).Any();
        Assert.IsTrue(outcome.ExitCode == 0 || (mayDecline && outcome.ExitCode == 3), $"exit code {outcome.ExitCode}: {outcome.Error}");
        Assert.AreEqual("", outcome.Error);
        Assert.AreNotEqual("", outcome.Output);
    }

    [TestMethod]
    public async Task Every_command_shows_two_to_four_examples_of_its_own_and_fits_80_columns()
    {
        foreach ((string[] path, Command command) in Tree(AdabnCommand.Create(TextWriter.Null, TextWriter.Null), []).Where(one => !one.Command.Hidden))
        {
            Outcome help = await Cli.Run([.. path, "--help"]);
            Assert.AreEqual(0, help.ExitCode, help.Error);
            string[] tooLong = [.. help.Output.Split('\n').Where(line => line.TrimEnd('\r').Length > 80)];
            Assert.IsEmpty(tooLong, string.Join('\n', tooLong));
            if (path.Length == 0) continue;
            IReadOnlyList<string> examples = ((DocumentedCommand)command).Examples;
            Assert.IsTrue(examples.Count is >= 2 and <= 4, string.Join(' ', path));
            Assert.IsTrue(examples.All(example => example.StartsWith($"adabn {string.Join(' ', path)} ", StringComparison.Ordinal)), string.Join('\n', examples));
            string said = string.Join(' ', help.Output.Split([' ', '\r', '\n', '\\'], StringSplitOptions.RemoveEmptyEntries));
            foreach (string example in examples) Assert.Contains(example, said);
        }
    }

    [TestMethod]
    [DataRow("There is no option '--polcy' here. Did you mean '--policy'? Try 'adabn adapt --help'.", "adapt", "m.onnx", "--polcy", "adabn", "--data", "x.npy", "--out", "y.onnx")]
    [DataRow("There is no option '--jsn' here. Did you mean '--json'? Try 'adabn inspect --help'.", "inspect", "--jsn")]
    [DataRow("There is no option '--quite' here. Did you mean '--quiet'? Try 'adabn bank list --help'.", "bank", "list", "b.onnx", "--quite")]
    [DataRow("There is no option '--frobnicate' here. Try 'adabn inspect --help'.", "inspect", "m.onnx", "--frobnicate")]
    [DataRow("There is no command 'evalute' here. Did you mean 'evaluate'? Try 'adabn --help'.", "evalute", "m.onnx")]
    [DataRow("There is no command 'lst' here. Did you mean 'list'? Try 'adabn bank --help'.", "bank", "lst")]
    [DataRow("'b.onnx' is one argument too many. Try 'adabn inspect --help'.", "inspect", "a.onnx", "b.onnx")]
    public async Task What_was_perhaps_meant_is_told(string says, params string[] arguments)
    {
        Outcome outcome = await Cli.Run(arguments);
        Assert.AreEqual((2, "", $"adabn: {says}"), (outcome.ExitCode, outcome.Output, outcome.Error.TrimEnd()));
    }

    [TestMethod]
    public async Task Behind_two_dashes_a_file_may_have_any_name()
    {
        using Workspace workspace = await Workspace.Open();
        File.Copy("classifier.onnx", "--odd.onnx");
        Assert.AreEqual(0, (await Cli.Run("inspect", "--", "--odd.onnx")).ExitCode);
    }

    internal static IEnumerable<(string[] Path, Command Command)> Tree(Command command, string[] path) =>
        command.Subcommands.SelectMany(sub => Tree(sub, [.. path, sub.Name])).Prepend((path, command));

    private static IEnumerable<DocumentedCommand> Commands() => Tree(AdabnCommand.Create(TextWriter.Null, TextWriter.Null), []).Select(one => one.Command).OfType<DocumentedCommand>();
}
