using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace AdaBN.Cli;

/// <summary>A command with examples, which its help shows.</summary>
/// <param name="name">Its name.</param>
/// <param name="description">What it does.</param>
/// <param name="examples">Whole command lines; tests run them.</param>
internal sealed class DocumentedCommand(string name, string description, params string[] examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples => examples;
}

/// <summary>Help that fits 80 columns and ends with examples.</summary>
internal sealed class ExampleHelp : SynchronousCommandLineAction
{
    private const int Width = 80;
    private readonly HelpAction _help = new() { MaxWidth = Width };

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        _help.Invoke(parseResult);
        if (parseResult.CommandResult.Command is not DocumentedCommand { Examples.Count: > 0 } command) return AdabnCommand.Success;
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string example in command.Examples) output.WriteLine(Folded(example));
        return AdabnCommand.Success;
    }

    /// <summary>A long line goes on in the next one, as a shell allows it.</summary>
    private static string Folded(string example)
    {
        const string indent = "  ", further = "    ", goesOn = @" \";
        List<string> lines = [indent];
        foreach (string part in example.Split(" --").Select((part, i) => i == 0 ? part : $"--{part}")) // options stay with their values
        {
            if (lines[^1].Length + 1 + part.Length + goesOn.Length > Width) lines.Add(further);
            lines[^1] += lines[^1].EndsWith("  ", StringComparison.Ordinal) ? part : $" {part}";
        }
        return string.Join(goesOn + Environment.NewLine, lines);
    }
}
