using Spectre.Console;

namespace AdaBN.Cli;

/// <summary>Spectre consoles over writers: colours on a terminal, plain text elsewhere. Spectre itself heeds NO_COLOR.</summary>
internal static class Consoles
{
    private const int PlainWidth = 160;

    /// <summary>A console.</summary>
    /// <param name="writer">Where it writes.</param>
    /// <param name="plainWidth">Columns where that is no terminal.</param>
    public static IAnsiConsole For(TextWriter writer, int? plainWidth = null)
    {
        bool isTerminal = (ReferenceEquals(writer, Console.Out) && !Console.IsOutputRedirected) || (ReferenceEquals(writer, Console.Error) && !Console.IsErrorRedirected);
        bool canMove = isTerminal && Environment.GetEnvironmentVariable("TERM") is not "dumb";
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = canMove ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = canMove ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!isTerminal) console.Profile.Width = plainWidth ?? PlainWidth;
        return console;
    }
}
