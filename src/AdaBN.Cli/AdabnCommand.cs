using System.CommandLine;
using System.CommandLine.Help;
using AdaBN.Mpi;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary>The <c>adabn</c> command: parses, runs one subcommand, turns what went wrong into one line and an exit code.</summary>
internal static class AdabnCommand
{
    public const int Success = 0;
    public const int Failure = 1;
    public const int WrongUsage = 2;
    public const int Alert = 3;
    public const int Cancelled = 130;

    public const string Verbose = "--verbose";

    private const string Quiet = "--quiet";

    /// <summary>The whole tree of commands.</summary>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Where progress and notes go.</param>
    /// <param name="clock">Dates pages; the system's by default.</param>
    /// <param name="plainWidth">Columns of tables where that is no terminal.</param>
    public static Command Create(TextWriter output, TextWriter error, TimeProvider? clock = null, int? plainWidth = null)
    {
        clock ??= TimeProvider.System;
        IAnsiConsole console = Consoles.For(output, plainWidth), errorConsole = Consoles.For(error, plainWidth);
        // A RootCommand would show the assembly's name in its help instead of the command's.
        return new Command("adabn", "Looks at the normalization of ONNX models and adapts it to a new domain (AdaBN). Exit codes: 0 done, 1 failed, 2 wrong usage, 3 adapting is not advised (adapt --gate), no rewrite is better than the model as it is (rewrite --to search), drift was found (shift --fail-on-drift) or models differ (compare --fail-on-…), 130 cancelled.")
        {
            InspectCommand.Create(console, output),
            AdaptCommand.Create(console, errorConsole, output, clock),
            ShiftCommand.Create(console, errorConsole, output, clock),
            BankCommand.Create(console, errorConsole, output),
            ReferenceCommand.Create(console, errorConsole, output),
            RewriteCommand.Create(console, errorConsole, output),
            ScoreCommand.Create(console, errorConsole, output),
            EvaluateCommand.Create(console, errorConsole, output, clock),
            CompareCommand.Create(console, errorConsole, output),
            MeasureCommand.Create(console, errorConsole, output),
            MergeCommand.Create(console, output),
            CompletionCommand.Create(output),
            new Option<bool>(Verbose) { Description = "Show where in the program an error arose.", Recursive = true },
            new Option<bool>(Quiet) { Description = "No progress and no notes on standard error, errors only.", Recursive = true },
            new HelpOption { Recursive = true, Action = new ExampleHelp() },
            new VersionOption(),
        };
    }

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, TimeProvider? clock = null, int? plainWidth = null)
    {
        Command root = Create(output, args.Contains(Quiet) ? TextWriter.Null : error, clock, plainWidth);
        ParseResult parsed = root.Parse(args);
        if (UsageFault.Of(parsed) is { } fault)
        {
            await error.WriteLineAsync($"adabn: {fault}");
            return WrongUsage;
        }
        bool verbose = parsed.GetValue<bool>(Verbose);
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output, Error = error });
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("adabn: cancelled; nothing was written.");
            return Cancelled;
        }
        catch (Exception e) when (e is AdaptationException or MpiException or OnnxModelException or IOException or UnauthorizedAccessException or InvalidDataException)
        {
            await error.WriteLineAsync(verbose ? $"adabn: {e}" : $"adabn: {e.Message}");
            return Failure;
        }
        catch (ArgumentException e)
        {
            await error.WriteLineAsync(verbose ? $"adabn: {e}" : $"adabn: {e.Message.ReplaceLineEndings(" ")}");
            return WrongUsage;
        }
    }
}
