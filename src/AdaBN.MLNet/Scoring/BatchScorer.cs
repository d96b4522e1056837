using AdaBN.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.MLNet.Scoring;

/// <summary>An input of the model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">The shape of one sample, without the batch axis.</param>
/// <param name="IsDomain">Whether it is the id of the row's domain, an int64, instead of a float tensor.</param>
internal sealed record InputTensor(string Name, long[] Shape, bool IsDomain = false)
{
    public int Length { get; } = checked((int)Shape.Aggregate(1L, (product, length) => checked(product * length)));

    /// <summary>A place for so many rows.</summary>
    public Array CreateBuffer(int rows) => IsDomain ? new long[rows] : new float[rows * Length];

    /// <summary>Rows of a buffer as a tensor over its memory.</summary>
    public OrtValue TensorOf(Array buffer, int first, int rows) => buffer is long[] ids
        ? OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, ids.AsMemory(first, rows), [rows, .. Shape])
        : OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, ((float[])buffer).AsMemory(first * Length, rows * Length), [rows, .. Shape]);

    /// <summary>Whether not all rows of a buffer are the same.</summary>
    public bool HasDifferentRows(Array buffer, int rows) => buffer is long[] ids ? Differ<long>(ids.AsSpan(0, rows)) : Differ<float>(((float[])buffer).AsSpan(0, rows * Length));

    private bool Differ<T>(ReadOnlySpan<T> values) where T : IEquatable<T> => !values[Length..].SequenceEqual(values[..^Length]);
}

/// <summary>
/// Scores blocks of rows, each in one run on one thread; any number of threads may call it. Where a model turns out to mix the rows of
/// a batch, it runs them one by one, as stock scoring does.
/// </summary>
internal sealed class BatchScorer : IDisposable
{
    // Of inputs and outputs. Measured: blocks four times as large make a small CNN a fifth slower, as its activations leave the cache;
    // blocks a quarter as large make an MLP half as fast, as each run has its cost.
    private const int BytesPerBlock = 64 << 10;
    private const int LargestBlock = 256;

    private readonly ReaderWriterLockSlim _lifetime = new();
    private readonly Lazy<InferenceSession> _session;
    private readonly string[] _inputNames;
    private volatile Trust _trust;
    private volatile bool _isDisposed;

    private BatchScorer(string modelFile, InputTensor[] inputs, string[] outputs, int threads)
    {
        (Inputs, Outputs, Threads) = (inputs, outputs, threads);
        _inputNames = [.. inputs.Select(input => input.Name)];
        _session = new Lazy<InferenceSession>(() => Open(modelFile));
    }

    /// <summary>Whether the model is known to treat each row of a batch as if it were alone.</summary>
    private enum Trust
    {
        Unknown,
        Earned,
        Lost,
    }

    public IReadOnlyList<InputTensor> Inputs { get; }

    /// <summary>Blocks to score at a time.</summary>
    public int Threads { get; }

    /// <summary>The outputs' names.</summary>
    public IReadOnlyList<string> Outputs { get; }

    /// <summary>Takes a model that computes many samples at a time.</summary>
    /// <returns>Null where it cannot (its batch axis is fixed, or an input neither a float tensor of known sample shape nor the id of a domain), or is to be scored on a GPU.</returns>
    public static BatchScorer? TryCreate(OnnxModel model, string modelFile, ScoringFactory scoring)
    {
        Value[] required = [.. model.Graph.RequiredInputs];
        InputTensor?[] inputs = [.. required.Select(input => TryBind(input, scoring.Shapes?.GetValueOrDefault(input.Name)))];
        return scoring.IsOnCpu && inputs.All(input => input is not null) && scoring.Inputs.Order().SequenceEqual(required.Select(input => input.Name).Order())
            ? new BatchScorer(modelFile, inputs!, scoring.Outputs is [] ? [.. model.Graph.Outputs.Select(output => output.Name)] : scoring.Outputs, scoring.Threads)
            : null;
    }

    public void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed, typeof(OnnxAdaptationTransformer));

    /// <summary>Rows in a full block for a pass that asks for the given outputs.</summary>
    public int RowsPerBlock(IEnumerable<BoundOutput> outputs)
    {
        long valuesPerRow = Inputs.Sum(input => (long)input.Length) + outputs.Sum(output => (long)output.Length);
        return (int)Math.Clamp(BytesPerBlock / (valuesPerRow * sizeof(float)), 1, LargestBlock);
    }

    /// <summary>Computes a block's outputs.</summary>
    /// <param name="block">The rows; their outputs go in here.</param>
    /// <param name="outputs">Names of the outputs, in the block's order.</param>
    /// <param name="options">Ends the run early when told to terminate.</param>
    public void Score(RowBlock block, string[] outputs, RunOptions options)
    {
        _lifetime.EnterReadLock();
        try
        {
            ThrowIfDisposed();
            bool mayTry = block.Count > 1 && _trust != Trust.Lost;
            if (mayTry && TryScoreTogether(block, outputs, options)) return;
            ScoreOneByOne(block, block.Outputs, outputs, options);
            if (mayTry) _trust = Trust.Lost; // rows that fail by themselves say nothing about rows together
        }
        finally
        {
            _lifetime.ExitReadLock();
        }
    }

    /// <summary>Closes the session as soon as no run uses it.</summary>
    public void Dispose()
    {
        _lifetime.EnterWriteLock();
        try
        {
            if (!_isDisposed && _session.IsValueCreated) _session.Value.Dispose();
            _isDisposed = true;
        }
        finally
        {
            _lifetime.ExitWriteLock();
        }
    }

    private bool TryScoreTogether(RowBlock block, string[] outputs, RunOptions options)
    {
        bool isTrusted = _trust == Trust.Earned;
        foreach (OutputBuffer buffer in block.Outputs) buffer.Clear();
        try
        {
            if (TryRun(block, 0, block.Count, block.Outputs, outputs, options) && (isTrusted || AgreesWithOneByOne(block, outputs, options)))
            {
                if (!isTrusted && HasDifferentRows(block)) Interlocked.CompareExchange(ref _trust, Trust.Earned, Trust.Unknown);
                return true;
            }
        }
        catch (OnnxRuntimeException) when (!isTrusted && !options.Terminate)
        {
            // A sample's size may be written into the model, say in a Reshape: then it takes single rows only.
        }
        return false;
    }

    private bool AgreesWithOneByOne(RowBlock block, string[] outputs, RunOptions options)
    {
        OutputBuffer[] single = [.. block.Outputs.Select(buffer => buffer.CreateAnother())];
        ScoreOneByOne(block, single, outputs, options);
        return block.Outputs.Zip(single).All(pair => pair.First.Agrees(pair.Second));
    }

    /// <summary>Rows that are all the same would hide what they do to each other, as blank images at the beginning.</summary>
    private bool HasDifferentRows(RowBlock block) => Inputs.Zip(block.Inputs).Any(pair => pair.First.HasDifferentRows(pair.Second, block.Count));

    private void ScoreOneByOne(RowBlock block, OutputBuffer[] buffers, string[] outputs, RunOptions options)
    {
        foreach (OutputBuffer buffer in buffers) buffer.Clear();
        for (int row = 0; row < block.Count; row++) TryRun(block, row, 1, buffers, outputs, options);
    }

    private bool TryRun(RowBlock block, int first, int rows, OutputBuffer[] buffers, string[] outputs, RunOptions options)
    {
        OrtValue[] inputs = [.. Inputs.Select((input, i) => input.TensorOf(block.Inputs[i], first, rows))];
        try
        {
            using IDisposableReadOnlyCollection<OrtValue> results = _session.Value.Run(options, _inputNames, inputs, outputs);
            return results.Zip(buffers).All(pair => pair.Second.TryAppend(pair.First, rows));
        }
        finally
        {
            foreach (OrtValue input in inputs) input.Dispose();
        }
    }

    private static InputTensor? TryBind(Value input, int[]? given)
    {
        if (input.Type is { ElementType: ElementType.Int64, Shape: [{ Length: null }, { Length: 1 }] }) return new InputTensor(input.Name, [1], IsDomain: true);
        if (input.Type is not { ElementType: ElementType.Float, Shape: { } declared } || declared is not [{ Length: null }, ..]) return null;
        if (given is not null && (given.Length != declared.Length || given[0] is 0 or > 1)) return null; // a row would be several samples, or none
        long[] shape = [.. declared.Select((axis, i) => axis.Length ?? given?[i] ?? 0).Skip(1)];
        return shape.All(length => length > 0) ? new InputTensor(input.Name, shape) : null;
    }

    private static InferenceSession Open(string modelFile)
    {
        // Blocks run side by side, each on one thread: that beats one run on all of them, and leaves the number of threads to the cursors.
        using var options = new SessionOptions
        {
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        return new InferenceSession(modelFile, options);
    }
}
