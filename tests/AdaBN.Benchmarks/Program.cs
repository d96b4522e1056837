using System.Globalization;
using System.Text.Json;
using AdaBN.Benchmarks;
using AdaBN.Benchmarks.Accuracy;
using AdaBN.Benchmarks.Accuracy.Family;
using AdaBN.Benchmarks.Accuracy.Mixed;
using AdaBN.Benchmarks.Scale;
using AdaBN.Benchmarks.Systems;

const string Usage = """
    usage: ./build.sh bench [--quick | --scaling | --scale | --memory | --kernels | --accuracy [--family | --mixed] [--quick] [--data DIR]]
      (nothing)   exact adaptation beside plain inference, other ways and PyTorch on six models; under 10 minutes on two cores
      --quick     two small models, under a minute
      --scaling   one model on 64 to 1024 images
      --scale     one rank against two under MPI, each on one processor; what they exchange; what many ranks would take, by a model: five minutes (Linux, Open MPI or MPICH)
      --memory    the memory foretold against the memory used, temporary files, half precision
      --kernels   the inner loops, with BenchmarkDotNet
      --accuracy  what adaptation policies do to accuracy, on the shipped digits and on the data in DIR (or in ADABN_DATA): a quarter of an hour; --quick: a minute or two;
                  --family: only other normalizations beside the source, AdaBN and auto, with their cost at run time: a few minutes;
                  --mixed: only targets of several domains that nobody told apart (DIR is needed): half an hour
    """;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case []:
        return Compare("./build.sh bench", Workload.Full);
    case ["--quick"]:
        return Compare("./build.sh bench --quick", Workload.Quick);
    case ["--scaling"]:
        return Scaling.Run();
    case ["--scale"]:
        return ScaleRun.Run();
    case ["--scale-rank", var assignment]:
        return ScaleRank.Run(JsonSerializer.Deserialize<ScaleAssignment>(assignment)!);
    case ["--memory"]:
        return Memory.Run();
    case ["--measure-memory", var model, var images, var maxMemory, var halves]:
        return Memory.Measure(model, images, maxMemory, halves);
    case ["--kernels"]:
        return KernelBenchmarks.Run();
    case [.. var switches, "--data", var folder] when IsAccuracy(switches):
        return Accuracy(switches, folder);
    case var switches when IsAccuracy(switches):
        return Accuracy(switches, Environment.GetEnvironmentVariable("ADABN_DATA"));
    case ["--run", var assignment]:
        return SystemHost.Run(JsonSerializer.Deserialize<Assignment>(assignment)!);
    case ["--calibrate", var assignment, var candidates]:
        return SystemHost.Calibrate(JsonSerializer.Deserialize<Assignment>(assignment)!, JsonSerializer.Deserialize<SessionSettings[]>(candidates)!);
    default:
        Console.Error.WriteLine(Usage);
        return 2;
}

static bool IsAccuracy(string[] switches) => switches.Contains("--accuracy") && switches.All(argument => argument is "--accuracy" or "--quick" or "--family" or "--mixed");

static int Accuracy(string[] switches, string? folder)
{
    bool isQuick = switches.Contains("--quick");
    return switches.Contains("--family") ? FamilyRun.Run(folder, isQuick) : switches.Contains("--mixed") ? MixedRun.Run(folder, isQuick) : AccuracyRun.Run(folder, isQuick);
}

static int Compare(string command, IReadOnlyList<Workload> workloads)
{
    var report = new Report(command);
    int exitCode = 0;
    Python.ExportModels(workloads.Select(workload => workload.Model), line =>
    {
        if (line.StartsWith("skipped", StringComparison.Ordinal)) report.Remark(line);
        else Console.WriteLine(line);
    });
    foreach (Workload workload in workloads.Where(workload => File.Exists(Workload.ModelFile(workload.Model))))
    {
        try
        {
            Comparison.Run(workload, report);
        }
        catch (InvalidOperationException e)
        {
            report.Remark($"FAILED: {e.Message}");
            exitCode = 1;
        }
    }
    report.Write();
    return exitCode;
}
