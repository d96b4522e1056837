namespace AdaBN.Cli.Tests;

/// <summary>Runs the command in this process, as in a pipe.</summary>
internal static class Cli
{
    public static async Task<Outcome> Run(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        int exitCode = await AdabnCommand.RunAsync(arguments, output, error);
        return new Outcome(exitCode, output.ToString(), error.ToString());
    }
}

/// <summary>What a run left.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Error);
