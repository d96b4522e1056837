using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Benchmarks.Systems;

/// <summary>How ONNX Runtime is driven.</summary>
/// <param name="Callers">Threads that call <c>Run</c> at the same time, on one session.</param>
/// <param name="Threads">ONNX Runtime's own threads within a call.</param>
/// <param name="Batch">Images of a call.</param>
internal sealed record SessionSettings(int Callers, int Threads, int Batch)
{
    /// <summary>One caller a core, or one caller whose calls use all cores.</summary>
    public static IEnumerable<SessionSettings> Candidates(IEnumerable<int> batches) => batches
        .SelectMany(batch => new SessionSettings[] { new(Environment.ProcessorCount, 1, batch), new(1, Environment.ProcessorCount, batch) })
        .Distinct();

    public override string ToString() => $"{Callers} caller{(Callers > 1 ? "s" : "")} × {Threads} thread{(Threads > 1 ? "s" : "")}, batch {Batch}";
}

/// <summary>A whole model over all images, as fast as ONNX Runtime goes: no copy of the images, outputs in memory that is there already.</summary>
internal sealed class SessionPass : IDisposable
{
    private readonly SessionSettings _settings;
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();
    private readonly OrtValue[] _batches;
    private readonly float[][][] _outputs;
    private readonly OrtValue[][] _outputValues;
    private readonly string[] _inputNames;

    public SessionPass(string modelFile, Images images, SessionSettings settings)
    {
        if (images.Count % settings.Batch != 0) throw new ArgumentException($"{images.Count} images do not divide into batches of {settings.Batch}.");
        _settings = settings;
        using SessionOptions options = Options(settings.Threads);
        _session = new InferenceSession(modelFile, options);
        _inputNames = [images.InputName];
        _batches = [.. Enumerable.Range(0, images.Count / settings.Batch).Select(i => images.Tensor(i * settings.Batch, settings.Batch))];
        long[][] shapes = [.. OutputNames.Select(name =>
            _session.OutputMetadata[name].Dimensions.Select(length => length < 0 ? settings.Batch : (long)length).ToArray())];
        _outputs = [.. Enumerable.Range(0, settings.Callers).Select(_ =>
            shapes.Select(shape => GC.AllocateArray<float>((int)shape.Aggregate((a, b) => a * b), pinned: true)).ToArray())];
        _outputValues = [.. _outputs.Select(outputs => outputs.Zip(shapes, OrtValue.CreateTensorValueFromMemory).ToArray())];
    }

    public IReadOnlyList<string> OutputNames => _session.OutputNames;

    public static SessionOptions Options(int threads) => new()
    {
        GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        IntraOpNumThreads = threads,
        InterOpNumThreads = 1,
        LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
    };

    /// <summary>The fastest settings for a model: all take turns, and after each turn the slower half is out.</summary>
    public static SessionSettings Calibrate(string modelFile, Images images, IEnumerable<SessionSettings> candidates)
    {
        const double millisecondsOfATurn = 100;
        List<(SessionSettings Settings, SessionPass Pass, double Best)> left =
            [.. candidates.Select(settings => (settings, new SessionPass(modelFile, images, settings), double.PositiveInfinity))];
        while (left.Count > 1)
        {
            for (int i = 0; i < left.Count; i++)
            {
                double best = left[i].Best;
                for (double spent = 0, pass; spent < millisecondsOfATurn; spent += pass) best = Math.Min(best, pass = left[i].Pass.Run());
                left[i] = left[i] with { Best = best };
            }
            left.Sort((a, b) => a.Best.CompareTo(b.Best));
            foreach ((_, SessionPass slow, _) in left[(left.Count / 2)..]) slow.Dispose();
            left.RemoveRange(left.Count / 2, left.Count - (left.Count / 2));
        }
        left[0].Pass.Dispose();
        return left[0].Settings;
    }

    /// <summary>Runs all batches and gives the milliseconds.</summary>
    /// <param name="onOutputs">Sees each batch's outputs, in the order of <see cref="OutputNames"/>; one call at a time.</param>
    public double Run(Action<float[][]>? onOutputs = null)
    {
        long start = Stopwatch.GetTimestamp();
        int next = -1;
        Workers.Run(_settings.Callers, caller =>
        {
            for (int i = Interlocked.Increment(ref next); i < _batches.Length; i = Interlocked.Increment(ref next))
            {
                _session.Run(_runOptions, _inputNames, [_batches[i]], OutputNames, _outputValues[caller]);
                if (onOutputs is null) continue;
                lock (_outputs) onOutputs(_outputs[caller]);
            }
        });
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    public void Dispose()
    {
        foreach (OrtValue value in _outputValues.SelectMany(values => values).Concat(_batches)) value.Dispose();
        _runOptions.Dispose();
        _session.Dispose();
    }
}

/// <summary>Threads that are there from the start of a run to its end.</summary>
internal static class Workers
{
    public static void Run(int count, Action<int> body) => Task.WaitAll([.. Enumerable.Range(0, count).Select(worker =>
        Task.Factory.StartNew(() => body(worker), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))]);
}
