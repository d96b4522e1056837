using System.Diagnostics;
using AdaBN.TestSupport;

namespace AdaBN.Mpi.Tests;

/// <summary>Starts the command under a real MPI launcher: Debian's Open MPI or MPICH.</summary>
internal static class Launcher
{
    private static readonly string s_command = Path.Combine(AppContext.BaseDirectory, "AdaBN.Cli.dll");

    /// <summary>The launcher and its options for more processes than processors, as root.</summary>
    public static string[] Of(string library, int ranks) => library switch
    {
        "openmpi" => [Find("mpirun.openmpi"), "-n", $"{ranks}", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-x", "TERM=dumb"],
        _ => [Find("mpirun.mpich"), "-n", $"{ranks}"],
    };

    /// <summary>Starts <c>adabn</c>; under a launcher where one is given.</summary>
    public static Process Start(string[] launcher, params string[] arguments) => StartProgram(launcher, s_command, arguments);

    /// <summary>Starts another program of this folder.</summary>
    public static Process StartProgram(string[] launcher, string program, params string[] arguments)
    {
        string[] line = [.. launcher, "dotnet", Path.Combine(AppContext.BaseDirectory, program), .. arguments];
        var start = new ProcessStartInfo(line[0], line[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMPI_MCA_rmaps_base_oversubscribe"] = "1";
        start.Environment["DOTNET_gcServer"] = "0";
        return Process.Start(start)!;
    }

    public static (int ExitCode, string Output, string Error) Finish(Process process, int seconds = 120)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(seconds)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"the job did not end within {seconds} s: {error.Result}");
        }
        return (process.ExitCode, output.Result, error.Result);
    }

    public static (int ExitCode, string Output, string Error) Run(string[] launcher, params string[] arguments)
    {
        using Process process = Start(launcher, arguments);
        return Finish(process);
    }

    /// <summary>Processes of this job's command that are alive, by what stands in their command line.</summary>
    public static int[] RanksWith(string argument) =>
        [.. Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => name!.All(char.IsAsciiDigit)).Select(int.Parse!).Where(id => IsRank(id, argument)).Order()];

    private static bool IsRank(int id, string argument)
    {
        try
        {
            string[] line = File.ReadAllText($"/proc/{id}/cmdline").Split('\0');
            return line[0].EndsWith("dotnet", StringComparison.Ordinal) && line.Contains(argument);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // gone meanwhile
        }
    }

    private static string Find(string launcher)
    {
        string? found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, launcher)).FirstOrDefault(File.Exists);
        if (found is null) Assert.Inconclusive($"{launcher} is not installed (Debian: apt-get install openmpi-bin mpich)");
        return found;
    }
}
