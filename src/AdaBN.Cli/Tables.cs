using Spectre.Console;

namespace AdaBN.Cli;

/// <summary>Tables that stay readable in 80 columns.</summary>
internal static class Tables
{
    private const int Wide = 110;

    /// <summary>Whether there is room for columns of less weight.</summary>
    public static bool IsWide(this IAnsiConsole console) => console.Profile.Width >= Wide;

    /// <summary>Keeps the names of a column whole, so that other columns fold instead, unless they would take half the line.</summary>
    public static Table KeepingWhole(this Table table, IAnsiConsole console, int column, IEnumerable<string> names)
    {
        if (names.Max(name => name.Length) < console.Profile.Width / 2) table.Columns[column].NoWrap();
        return table;
    }
}
