using System.Diagnostics;
using System.Text.Json;
using AdaBN.Benchmarks.Systems;

namespace AdaBN.Benchmarks;

/// <summary>A system in a process of its own, as seen from outside: warm, and idle until its turn.</summary>
internal sealed class Contestant : IDisposable
{
    private readonly Process _process;

    private Contestant(string system, string model, int images, int rounds, string program, IEnumerable<string> arguments)
    {
        (System, Model, Images, Rounds) = (system, model, images, rounds);
        _process = Launch(program, arguments);
    }

    public string System { get; }

    public string Model { get; }

    /// <summary>Images of a pass.</summary>
    public int Images { get; }

    /// <summary>Rounds it takes part in.</summary>
    public int Rounds { get; }

    /// <summary>How the system is set up.</summary>
    public string Note { get; private set; } = "";

    /// <summary>Milliseconds of each round.</summary>
    public List<double> Times { get; } = [];

    public double PeakMB { get; private set; }

    public double BaselineMB { get; private set; }

    /// <summary>Processor seconds it has used so far.</summary>
    public double ProcessorSeconds => _process.TotalProcessorTime.TotalSeconds;

    /// <summary>Starts a system of this program.</summary>
    public static Contestant Start(Assignment assignment, int rounds) =>
        new(assignment.System, assignment.Model, assignment.ScaledTo, rounds, Environment.ProcessPath!, ["--run", JsonSerializer.Serialize(assignment)]);

    /// <summary>Starts PyTorch.</summary>
    public static Contestant StartPyTorch(string mode, Workload workload, string imagesFile, int rounds) => new(
        $"pytorch-{mode}", workload.Model, workload.Images, rounds, Python.Program!,
        ["-B", Python.Script("pytorch_system.py"), mode, workload.Model, Workload.WeightsFile(workload.Model),
            imagesFile, $"{workload.Images}", $"{workload.Batch}", $"{Environment.ProcessorCount}"]);

    /// <summary>Finds the best settings for a system that leaves them open.</summary>
    public static SessionSettings Calibrate(Assignment assignment, IEnumerable<SessionSettings> candidates)
    {
        string[] arguments = ["--calibrate", JsonSerializer.Serialize(assignment), JsonSerializer.Serialize(candidates)];
        using Process process = Launch(Environment.ProcessPath!, arguments);
        string line = process.StandardOutput.ReadLine() ?? throw Failed(assignment.System, assignment.Model);
        return JsonSerializer.Deserialize<SessionSettings>(line)!;
    }

    /// <summary>Waits until it is warm, so that it disturbs nobody's rounds.</summary>
    public void WarmUp() => Note = Read().Note!;

    /// <summary>Lets it do one round.</summary>
    public void DoRound()
    {
        _process.StandardInput.WriteLine("go");
        Times.Add(Read().Ms!.Value);
    }

    /// <summary>Asks for its memory and lets it check its result and end.</summary>
    public void Finish()
    {
        _process.StandardInput.Close();
        Answer last = Read();
        (PeakMB, BaselineMB) = (last.PeakMB!.Value, last.BaselineMB!.Value);
    }

    /// <summary>Its times against another's, round by round: what disturbs the machine for a while hits both.</summary>
    public double RatioTo(Contestant other) => Median(Times.Zip(other.Times, (own, others) => own / others));

    public double MedianMs => Median(Times);

    public static double Median(IEnumerable<double> values) => Policies.Median.Of(values);

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.Dispose();
    }

    private static Process Launch(string program, IEnumerable<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    private static InvalidOperationException Failed(string system, string model) => new($"{system} failed on {model}; its message stands above.");

    private Answer Read() => Answer.Parse(_process.StandardOutput.ReadLine() ?? throw Failed(System, Model));
}
