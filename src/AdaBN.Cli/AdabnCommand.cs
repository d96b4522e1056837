using System.CommandLine;
using System.CommandLine.Help;
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

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, TimeProvider? clock = null)
    {
        IAnsiConsole console = Consoles.For(output);
        var verbose = new Option<bool>("--verbose") { Description = "Show where in the program an error arose.", Recursive = true };
        // A RootCommand would show the assembly's name in its help instead of the command's.
        var root = new Command("adabn", "Looks at the normalization of ONNX models and adapts it to a new domain (AdaBN). Exit codes: 0 done, 1 failed, 2 wrong usage, 3 adapting is not advised (adapt --gate), no rewrite is better than the model as it is (rewrite --to search) or drift was found (shift --fail-on-drift), 130 cancelled.")
        {
            InspectCommand.Create(console, output),
            AdaptCommand.Create(console, Consoles.For(error), output, clock ?? TimeProvider.System),
            ShiftCommand.Create(console, Consoles.For(error), output, clock ?? TimeProvider.System),
            BankCommand.Create(console, Consoles.For(error), output),
            ReferenceCommand.Create(console, Consoles.For(error)),
            RewriteCommand.Create(console, Consoles.For(error), output),
            ScoreCommand.Create(console, Consoles.For(error), output),
            EvaluateCommand.Create(console, Consoles.For(error), output, clock ?? TimeProvider.System),
            CompareCommand.Create(console, Consoles.For(error), output),
            verbose,
            new HelpOption { Recursive = true },
            new VersionOption(),
        };

        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var fault in parsed.Errors) await error.WriteLineAsync($"adabn: {fault.Message}");
            await error.WriteLineAsync("Try 'adabn --help'.");
            return WrongUsage;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output, Error = error });
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("adabn: cancelled; nothing was written.");
            return Cancelled;
        }
        catch (Exception e) when (e is AdaptationException or OnnxModelException or IOException or UnauthorizedAccessException or InvalidDataException)
        {
            await error.WriteLineAsync(parsed.GetValue(verbose) ? $"adabn: {e}" : $"adabn: {e.Message}");
            return Failure;
        }
        catch (ArgumentException e)
        {
            await error.WriteLineAsync(parsed.GetValue(verbose) ? $"adabn: {e}" : $"adabn: {e.Message.ReplaceLineEndings(" ")}");
            return WrongUsage;
        }
    }
}
