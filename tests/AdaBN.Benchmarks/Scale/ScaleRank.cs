using System.Diagnostics;
using System.IO.Pipes;
using System.Text.Json;
using AdaBN.Mpi;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Scale;

/// <summary>What a measuring process is to do.</summary>
/// <param name="Ranks">Processes that an MPI launcher has started; 0 for one by itself.</param>
/// <param name="Model">The model.</param>
/// <param name="ImagesFile">The images.</param>
/// <param name="Images">How many of them make a pass, of all ranks together.</param>
/// <param name="Compares">Whether ranks first compare what a few samples make of the model.</param>
internal sealed record ScaleAssignment(int Ranks, string Model, string ImagesFile, int Images, bool Compares = true)
{
    /// <summary>Where it is told to go, and answers.</summary>
    public string Pipe { get; init; } = "";
}

/// <summary>A round as one rank saw it.</summary>
/// <param name="Rank">The rank.</param>
/// <param name="Ms">Milliseconds of the adaptation: images on disk and the model in memory, to the adapted model in memory.</param>
/// <param name="ProcessorMs">Milliseconds of processor time in that.</param>
/// <param name="Exchanges">Calls to other ranks.</param>
/// <param name="Layers">Layers adapted.</param>
/// <param name="Stages">Depths of layers: stages that end with a merge.</param>
/// <param name="Sha256">The adapted model's.</param>
internal sealed record ScaleAnswer(int Rank, double Ms, double ProcessorMs, IReadOnlyList<Exchange> Exchanges, int Layers, int Stages, string Sha256);

/// <summary>
/// One rank, on the one processor that it was started on, with one thread: warms up, then does a round each time it is told to. It idles on a pipe, using no processor time; standard input
/// would reach rank 0 only.
/// </summary>
internal static class ScaleRank
{
    private const int WarmUps = 2;

    public static int Run(ScaleAssignment assignment)
    {
        using MpiCommunicator? ranks = assignment.Ranks > 0 ? MpiCommunicator.Start(assignment.Ranks) : null;
        using var pipe = new NamedPipeClientStream(assignment.Pipe);
        pipe.Connect();
        using var reader = new StreamReader(pipe);
        using var writer = new StreamWriter(pipe) { AutoFlush = true };
        OnnxModel model = OnnxModel.Load(Workload.ModelFile(assignment.Model));
        var timed = ranks is null ? null : new TimedCommunicator(ranks);
        for (int n = 0; n < WarmUps; n++) Round(assignment, model, timed);
        writer.WriteLine("warm");
        while (reader.ReadLine() is { } order)
            writer.WriteLine(order == "exchanges" ? JsonSerializer.Serialize(ExchangeTimes.Measure(timed!)) : JsonSerializer.Serialize(Round(assignment, model, timed)));
        return 0;
    }

    private static ScaleAnswer Round(ScaleAssignment assignment, OnnxModel model, TimedCommunicator? ranks)
    {
        AdaptationOptions options = PaperAdaBN.Options with { Communicator = ranks, MaxSamples = assignment.Images, Workers = 1, AllowUnlikeRanks = !assignment.Compares };
        ranks?.AllGather(default); // all begin together
        ranks?.Take();
        using var process = Process.GetCurrentProcess();
        TimeSpan before = process.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        AdaptationResult result = BatchNormAdapter.Adapt(model, NpyFile.Open(assignment.ImagesFile), options);
        double ms = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        process.Refresh();
        double processorMs = (process.TotalProcessorTime - before).TotalMilliseconds;
        IReadOnlyList<LayerReport> layers = result.Report.Layers;
        return new ScaleAnswer(ranks?.Rank ?? 0, ms, processorMs, ranks?.Take() ?? [], layers.Count, layers.Select(layer => layer.Depth).Distinct().Count(), OnnxModel.FromBytes(result.Model.ToBytes()).Sha256);
    }
}
