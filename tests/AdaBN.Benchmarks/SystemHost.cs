using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaBN.Benchmarks.Systems;
using AdaBN.Onnx;

namespace AdaBN.Benchmarks;

/// <summary>What one process has to measure.</summary>
/// <param name="System">The system's name in the table.</param>
/// <param name="Model">The model's name.</param>
/// <param name="ImagesFile">The images.</param>
/// <param name="Images">How many of them to read and go over.</param>
/// <param name="ScaledTo">How many its time is told for; only the naive way reads fewer.</param>
/// <param name="Session">How to drive ONNX Runtime, where the system leaves that open.</param>
internal sealed record Assignment(string System, string Model, string ImagesFile, int Images, int ScaledTo, SessionSettings? Session = null);

/// <summary>A line from a measuring process.</summary>
/// <param name="Ms">Milliseconds of one pass over the images; a round repeats short passes and gives their mean.</param>
/// <param name="PeakMB">Peak of the resident memory, in 10⁶ bytes.</param>
/// <param name="BaselineMB">Resident memory with the images read, before the model.</param>
/// <param name="Note">How the system is set up.</param>
internal sealed record Answer(double? Ms = null, double? PeakMB = null, double? BaselineMB = null, string? Note = null)
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public static Answer Parse(string line) => JsonSerializer.Deserialize<Answer>(line, _json)!;

    public string ToLine() => JsonSerializer.Serialize(this, _json);
}

/// <summary>
/// The measuring process: warms its system up, says so, then waits (using no processor time) for each "go" on its standard input and
/// answers with the time of one round. At the end of its input it tells its memory. pytorch_system.py does the same.
/// </summary>
internal static class SystemHost
{
    // Several passes, however long one takes: .NET compiles what runs often a second time, better.
    private const double MillisecondsOfWarmUp = 1500, MillisecondsOfWarmUpAtMost = 3000, MillisecondsOfARound = 200;
    private const int PassesOfWarmUp = 3;

    public static int Run(Assignment assignment)
    {
        Images images = Images.Load(OnnxModel.Load(Workload.ModelFile(assignment.Model)), assignment.ImagesFile, assignment.Images);
        double baseline = Memory(process => process.WorkingSet64);
        using ISystem system = Create(assignment, images);
        double pass = 0, warmUp = 0;
        for (int n = 0; warmUp < MillisecondsOfWarmUp || (n < PassesOfWarmUp && warmUp < MillisecondsOfWarmUpAtMost); n++) warmUp += pass = system.Pass();
        int passes = (int)Math.Ceiling(MillisecondsOfARound / pass);
        Send(new Answer(Note: system.Note));
        while (Console.ReadLine() == "go") Send(new Answer(Ms: Enumerable.Range(0, passes).Average(_ => system.Pass())));
        double peak = Memory(process => process.PeakWorkingSet64);
        system.Verify(); // behind the last look at the memory, which it uses too
        Send(new Answer(PeakMB: peak, BaselineMB: baseline));
        return 0;
    }

    /// <summary>Finds the best settings for ONNX Runtime, in a process of its own: what it tries leaves memory behind.</summary>
    public static int Calibrate(Assignment assignment, IEnumerable<SessionSettings> candidates)
    {
        Images images = Images.Load(OnnxModel.Load(Workload.ModelFile(assignment.Model)), assignment.ImagesFile, assignment.Images);
        string file = assignment.System == "batch" ? Workload.BatchStatisticsFile(assignment.Model) : Workload.ModelFile(assignment.Model);
        Console.WriteLine(JsonSerializer.Serialize(SessionPass.Calibrate(file, images, candidates)));
        return 0;
    }

    private static ISystem Create(Assignment assignment, Images images)
    {
        string model = Workload.ModelFile(assignment.Model);
        return assignment.System switch
        {
            "inference" => new Inference(model, images, assignment.Session!),
            "exact" => new ExactAdaptation(model, images),
            "batch" => new BatchStatistics(assignment.Model, images, assignment.Session!),
            "naive" => new NaiveAdaptation(model, images, assignment.ScaledTo),
            "scoring-batched" => new Scoring(model, images, isStock: false),
            "scoring-stock" => new Scoring(model, images, isStock: true),
            _ => throw new ArgumentException($"'{assignment.System}' is no system."),
        };
    }

    private static void Send(Answer answer) => Console.WriteLine(answer.ToLine());

    private static double Memory(Func<Process, long> bytes)
    {
        using var process = Process.GetCurrentProcess();
        return bytes(process) / 1e6;
    }
}
