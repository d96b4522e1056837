using System.CommandLine;
using System.CommandLine.Completions;
using System.Text;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

/// <summary>docs/command.md lists what the command has, in its words.</summary>
[TestClass]
public sealed class CommandDocsTests
{
    private const string Mark = "<!-- commands -->";

    [TestMethod]
    public void The_docs_list_every_command_argument_option_and_example()
    {
        string path = Path.Combine(Repository.Root, "docs", "command.md");
        string[] parts = File.ReadAllText(path).ReplaceLineEndings("\n").Split(Mark);
        Assert.HasCount(3, parts);
        Renewal.Check(path, string.Join(Mark, parts[0], Generated(), parts[2]));
    }

    private static string Generated()
    {
        var text = new StringBuilder("\n");
        Command root = AdabnCommand.Create(TextWriter.Null, TextWriter.Null);
        foreach ((string[] path, Command command) in HelpTests.Tree(root, []).Where(one => one.Path.Length > 0 && !one.Command.Hidden))
        {
            string arguments = string.Concat(command.Arguments.Select(argument => argument.Arity.MinimumNumberOfValues == 0 ? $" [{argument.Name}]" : $" {argument.Name}"));
            text.Append($"### adabn {string.Join(' ', path)}{arguments}\n\n{command.Description}\n\n");
            foreach (string example in ((DocumentedCommand)command).Examples) text.Append($"    {example}\n");
            if (command.Arguments.Count + command.Options.Count > 0) text.Append("\n| | |\n|---|---|\n");
            foreach (Argument argument in command.Arguments) text.Append($"| {argument.Name} | {Cell(argument.Description)} |\n");
            foreach (Option option in command.Options) text.Append($"| `{option.Name}{Value(option)}` | {Cell(option.Description)}{(option.Required ? " Required." : "")} |\n");
            text.Append('\n');
        }
        text.Append("Options of every command:\n\n| | |\n|---|---|\n");
        foreach (Option option in root.Options.Where(option => option.Recursive)) text.Append($"| `{option.Name}` | {Cell(option.Description)} |\n");
        return text.ToString();
    }

    private static string Value(Option option) =>
        option.HelpName is { } name ? $" {name}" : option.Arity.MaximumNumberOfValues > 0 && option.ValueType != typeof(bool) ? $" {string.Join(", ", option.GetCompletions(CompletionContext.Empty).Select(item => item.Label))}" : "";

    private static string Cell(string? text) => (text ?? "").Replace("|", "\\|", StringComparison.Ordinal);
}
