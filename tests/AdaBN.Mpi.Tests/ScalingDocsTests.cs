using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Mpi.Tests;

/// <summary>docs/scaling.md: its command lines run by the letter, its scripts are sound, its figures are the benchmark's.</summary>
[TestClass]
[DoNotParallelize]
public sealed partial class ScalingDocsTests
{
    private const string Summary = "<!-- summary -->";
    private static readonly string s_page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "scaling.md")).ReplaceLineEndings("\n");

    [TestMethod]
    [DataRow("openmpi", "Open MPI", 2)]
    [DataRow("mpich", "MPICH", 1)]
    public void The_lines_for_a_launcher_write_the_bytes_of_one_process(string library, string heading, int lines)
    {
        using TemporaryFolder folder = Site(library);
        byte[] alone = Alone(folder);
        string[] commands = CommandsUnder(heading);
        Assert.HasCount(lines, commands);
        foreach (string command in commands) CollectionAssert.AreEqual(alone, Adapted(folder, command), command);
    }

    [TestMethod]
    [DataRow("openmpi")]
    [DataRow("mpich")]
    public void The_lines_of_a_run_that_stops_and_is_resumed_write_the_same_bytes(string library)
    {
        using TemporaryFolder folder = Site(library);
        byte[] alone = Alone(folder);
        string[] commands = CommandsUnder("Runs that can be resumed");
        Assert.HasCount(2, commands);
        CollectionAssert.AreEqual(alone, Adapted(folder, commands[0]), commands[0]);
        Assert.IsFalse(File.Exists(folder.File("site42.state")));

        StopAfterTheFirstStage(folder);
        CollectionAssert.AreEqual(alone, Adapted(folder, commands[1]), commands[1]);
        Assert.IsFalse(File.Exists(folder.File("site42.state")));
    }

    [TestMethod]
    public void The_line_in_README_writes_the_bytes_of_one_process()
    {
        using TemporaryFolder folder = Site("openmpi");
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md")).ReplaceLineEndings("\n");
        CollectionAssert.AreEqual(Alone(folder), Adapted(folder, CommandsUnder("More than one machine", readme).Single()));
    }

    [TestMethod]
    public void The_loop_without_MPI_writes_the_bytes_of_one_process()
    {
        using TemporaryFolder folder = Site("openmpi");
        CollectionAssert.AreEqual(Alone(folder, "--policy adabn --judge 0"), Adapted(folder, BlockPattern().Matches(s_page)[^2].Groups["text"].Value));
    }

    [TestMethod]
    public void The_line_of_the_example_runs()
    {
        using TemporaryFolder folder = Site("openmpi");
        Run(folder, CommandsUnder("ML.NET, rows that only one process has").Single());
        Assert.IsTrue(File.Exists(Path.Combine(folder.Path, "fleet", "digits-cnn.fleet.onnx")));
    }

    [TestMethod]
    public void Every_command_line_stands_where_it_is_run() =>
        Assert.HasCount(6, CommandPattern().Matches(s_page)); // those of the tests above

    [TestMethod]
    public void Scripts_are_sound_and_use_options_that_there_are()
    {
        Assert.AreEqual("bash yaml json yaml sh bash", string.Join(' ', BlockPattern().Matches(s_page).Select(block => block.Groups["kind"].Value)));
        using var folder = new TemporaryFolder();
        var (_, help, _) = Launcher.Run([], "adapt", "--help");
        foreach (Match block in BlockPattern().Matches(s_page).SkipLast(2)) // the last two are run, here and by SlurmTests
        {
            string text = block.Groups["text"].Value, file = folder.File("script");
            File.WriteAllText(file, text);
            switch (block.Groups["kind"].Value)
            {
                case "bash": AssertRuns("bash", "-n", file); break;
                case "json": JsonDocument.Parse(text).Dispose(); break;
                default: AssertIsYaml(file); break;
            }
            string command = Regex.Match(text, "adabn adapt.*--out", RegexOptions.Singleline).Value;
            string[] options = [.. OptionPattern().Matches(command).Select(option => option.Value)];
            Assert.Contains("--workers", options);
            foreach (string option in options) Assert.Contains($"{option} ", help, $"{option} is none of adabn adapt");
        }
    }

    [TestMethod]
    public void Scripts_start_as_many_ranks_as_workers_are_told()
    {
        foreach (Match block in BlockPattern().Matches(s_page).Where(block => block.Groups["kind"].Value is "yaml" or "json"))
        {
            string text = block.Groups["text"].Value;
            string[] counts = [.. CountPattern().Matches(text).Select(count => count.Groups["count"].Value)];
            Assert.IsGreaterThanOrEqualTo(2, counts.Length, text);
            Assert.AreEqual("4", string.Join(' ', counts.Distinct()), text);
        }
    }

    [TestMethod]
    public void Figures_are_those_of_the_benchmark()
    {
        string benchmark = File.ReadAllText(Path.Combine(Repository.Root, "tests", "AdaBN.Benchmarks", "SCALE.md")).ReplaceLineEndings("\n");
        Assert.HasCount(3, benchmark.Split(Summary));
        Assert.AreEqual(benchmark.Split(Summary)[1], s_page.Split(Summary)[1], "./build.sh bench --scale writes both");
    }

    /// <summary>A folder as the page supposes it, with programs under their plain names.</summary>
    private static TemporaryFolder Site(string library)
    {
        string launcher = Launcher.Of(library, 1)[0];
        var folder = new TemporaryFolder();
        File.Copy(Repository.Model("digits-cnn.onnx"), folder.File("classifier.onnx"));
        var random = new Random(8);
        Npy.Write(folder.File("site42.npy"), [.. Enumerable.Range(0, 600 * 784).Select(_ => random.NextSingle() * random.NextSingle())], 600, 1, 28, 28);
        string programs = Directory.CreateDirectory(folder.File("programs")).FullName;
        foreach ((string name, string line) in ((string, string)[])[("mpirun", launcher), ("adabn", $"dotnet '{AppContext.BaseDirectory}AdaBN.Cli.dll'"), ("FleetFit", $"dotnet '{AppContext.BaseDirectory}FleetFit.dll'")])
        {
            string script = Path.Combine(programs, name);
            File.WriteAllText(script, $"#!/bin/sh\nexec {line} \"$@\"\n");
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        return folder;
    }

    private static byte[] Alone(TemporaryFolder folder, string options = "")
    {
        Run(folder, $"adabn adapt classifier.onnx --data site42.npy {options} --out alone.onnx");
        return File.ReadAllBytes(folder.File("alone.onnx"));
    }

    private static byte[] Adapted(TemporaryFolder folder, string command)
    {
        File.Delete(folder.File("classifier.site42.onnx"));
        Run(folder, command);
        return File.ReadAllBytes(folder.File("classifier.site42.onnx"));
    }

    /// <summary>Leaves the state that the command leaves when its machine fails.</summary>
    private static void StopAfterTheFirstStage(TemporaryFolder folder)
    {
        using var stop = new CancellationTokenSource();
        string state = folder.File("site42.state");
        Assert.ThrowsExactly<OperationCanceledException>(() => BatchNormAdapter.Adapt(OnnxModel.Load(folder.File("classifier.onnx")), NpyFile.Open(folder.File("site42.npy")),
            new AdaptationOptions { StateFile = state }, new Stopping(() =>
            {
                if (File.Exists(state)) stop.Cancel();
            }), stop.Token));
        Assert.IsTrue(File.Exists(state));
    }

    private static void Run(TemporaryFolder folder, string line)
    {
        var start = new ProcessStartInfo("bash", ["-c", line]) { WorkingDirectory = folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{folder.File("programs")}:{Environment.GetEnvironmentVariable("PATH")}";
        foreach (string name in (string[])["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "OMPI_MCA_rmaps_base_oversubscribe"]) start.Environment[name] = "1"; // a test machine's needs, not a user's
        using Process process = Process.Start(start)!;
        var (exitCode, output, error) = Launcher.Finish(process);
        Assert.AreEqual(0, exitCode, $"{line}\n{output}{error}");
    }

    private static void AssertRuns(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (exitCode, _, error) = Launcher.Finish(process);
        Assert.AreEqual(0, exitCode, error);
    }

    private static void AssertIsYaml(string file)
    {
        string? python = Array.Find(["/usr/bin/python3", "python3"], program => HasYaml(program));
        if (python is null) Assert.Inconclusive("no Python with yaml is installed (Debian: apt-get install python3-yaml)");
        AssertRuns(python, "-c", "import sys, yaml; assert isinstance(yaml.safe_load(open(sys.argv[1])), dict)", file);
    }

    private static bool HasYaml(string program)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, ["-c", "import yaml"]) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static string[] CommandsUnder(string heading, string? page = null)
    {
        string section = Regex.Match(page ?? s_page, $@"\n##+ {Regex.Escape(heading)}\n(.*?)(?=\n##|\z)", RegexOptions.Singleline).Groups[1].Value;
        return [.. CommandPattern().Matches(section).Select(command => command.Value.Trim())];
    }

    private sealed class Stopping(Action told) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value) => told();
    }

    [GeneratedRegex(@"(?<=\n)    (mpirun|mpiexec) .+")]
    private static partial Regex CommandPattern();

    [GeneratedRegex(@"\n```(?<kind>\w+)\n(?<text>.*?)\n```\n", RegexOptions.Singleline)]
    private static partial Regex BlockPattern();

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z-]*")]
    private static partial Regex OptionPattern();

    [GeneratedRegex(@"(mpirun -n |--workers |numberOfInstances"": |instance_count: |Worker:\n      replicas: )(?<count>\d+)")]
    private static partial Regex CountPattern();
}
