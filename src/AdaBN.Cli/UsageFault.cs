using System.CommandLine;
using System.CommandLine.Parsing;

namespace AdaBN.Cli;

/// <summary>What is wrong with a command line, in a sentence or two, and what was perhaps meant.</summary>
internal static class UsageFault
{
    /// <summary>What is wrong; null where nothing is.</summary>
    public static string? Of(ParseResult parsed)
    {
        if (parsed.Errors.Count == 0 && !HasStrayOption(parsed)) return null;
        Command command = parsed.CommandResult.Command;
        string fault = UnknownWord(parsed) is { } word ? Unknown(command, word) : string.Join(" ", parsed.Errors.Select(error => error.Message));
        return $"{fault} Try '{PathOf(parsed)} --help'.";
    }

    /// <summary>An unknown option in the place of an argument, which would pass for a file's name. Behind -- it may be one.</summary>
    private static bool HasStrayOption(ParseResult parsed) => !parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash) && parsed.Action is not ExampleHelp && parsed.CommandResult.Tokens.Any(token => IsOption(token.Value));

    /// <summary>An unknown option first: what follows it is then unknown as well.</summary>
    private static string? UnknownWord(ParseResult parsed) => (HasStrayOption(parsed) ? parsed.CommandResult.Tokens.First(token => IsOption(token.Value)).Value : null) ?? parsed.UnmatchedTokens.FirstOrDefault(IsOption) ?? (parsed.UnmatchedTokens is [var first, ..] ? first : null);

    private static bool IsOption(string word) => word.StartsWith('-') && word.Length > 1;

    private static string Unknown(Command command, string word)
    {
        bool isOption = IsOption(word);
        IEnumerable<string> known = isOption ? AllOptions(command).Select(option => option.Name) : command.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name);
        string said = isOption ? $"There is no option '{word}' here." : command.Subcommands.Count > 0 ? $"There is no command '{word}' here." : $"'{word}' is one argument too many.";
        string? meant = known.Select(name => (name, Distance: Edits(word, name))).Where(near => near.Distance <= Math.Max(1, near.name.Length / 3)).OrderBy(near => near.Distance).FirstOrDefault().name;
        return meant is null ? said : $"{said} Did you mean '{meant}'?";
    }

    private static IEnumerable<Option> AllOptions(Command command) =>
        command.Options.Concat(command.Parents.OfType<Command>().SelectMany(AllOptions).Where(option => option.Recursive));

    private static string PathOf(ParseResult parsed)
    {
        List<string> names = [];
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult command; result = command.Parent) names.Insert(0, command.Command.Name);
        return string.Join(' ', names);
    }

    /// <summary>Letters to insert, take out or replace (Levenshtein).</summary>
    private static int Edits(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (from[i - 1] == to[j - 1] ? 0 : 1)));
        }
        return row[^1];
    }
}
