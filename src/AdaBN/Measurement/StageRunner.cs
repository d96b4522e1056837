using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Planning;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace AdaBN.Measurement;

/// <summary>
/// Runs stages over all samples: one ONNX Runtime session a stage, shared by workers that each compute one chunk at a time on one
/// thread and take its moments while they are in the cache.
/// </summary>
internal sealed class StageRunner(ChunkReader reader, int workers, int stageCount, IProgress<AdaptationProgress>? progress) : IDisposable
{
    private readonly ActivationStore _store = new();

    /// <summary>Runs a stage and gives the moments of its layers, in their order.</summary>
    /// <param name="model">The model in its present state: layers of earlier stages already have their target statistics.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="cancellationToken">Stops the run between and within batches.</param>
    public IReadOnlyList<ChannelMoments> Measure(OnnxModel model, Stage stage, CancellationToken cancellationToken)
    {
        using InferenceSession? session = stage.Outputs.IsEmpty ? null : OpenSession(model, stage);
        Dictionary<Value, MomentTree> trees = stage.Layers.Select(layer => layer.Input).Distinct().ToDictionary(value => value, _ => new MomentTree());
        int next = -1;
        long done = 0;
        RunWorkers((runOptions, stop) =>
        {
            while (!stop.IsCancellationRequested && TakeChunk(stage, ref next) is var (chunk, tensors))
            {
                try
                {
                    Compute(session, runOptions, stage, chunk, tensors);
                    foreach ((Value value, MomentTree tree) in trees) tree.Add(chunk.Index, MomentsOf(stage, value, tensors[value], chunk));
                }
                finally
                {
                    KeepOrDispose(stage, chunk, tensors);
                }
                progress?.Report(new AdaptationProgress(stage.Index, stageCount, Interlocked.Add(ref done, chunk.Samples), stage.Index == 0 ? reader.SampleCount : reader.SamplesRead));
            }
        }, cancellationToken);
        if (reader.SamplesRead == 0) throw new AdaptationException(AdaptationError.EmptyData, "The data holds no sample; give at least one image of the target domain (better: 64 or more).");
        foreach (Value value in stage.Released) _store.Release(value);
        Dictionary<Value, ChannelMoments> totals = trees.ToDictionary(tree => tree.Key, tree => tree.Value.Total());
        return [.. stage.Layers.Select(layer => totals[layer.Input])];
    }

    public void Dispose() => _store.Dispose();

    private (Chunk Chunk, Dictionary<Value, OrtValue> Tensors)? TakeChunk(Stage stage, ref int next)
    {
        if (stage.Index == 0) return reader.TryRead();
        int index = Interlocked.Increment(ref next);
        if (index >= reader.Chunks.Count) return null;
        return (reader.Chunks[index], stage.Inputs.ToDictionary(value => value, value => _store.Get(value, index)));
    }

    private static void Compute(InferenceSession? session, RunOptions runOptions, Stage stage, Chunk chunk, Dictionary<Value, OrtValue> tensors)
    {
        if (session is null) return;
        string[] outputNames = [.. stage.Outputs.Select(value => value.Name)];
        try
        {
            IReadOnlyList<OrtValue> outputs = session.Run(runOptions, [.. stage.Inputs.Select(value => value.Name)], [.. stage.Inputs.Select(value => tensors[value])], outputNames);
            for (int i = 0; i < outputs.Count; i++) tensors.Add(stage.Outputs[i], outputs[i]);
        }
        catch (OnnxRuntimeException e)
        {
            throw new AdaptationException(AdaptationError.ModelRefused, $"ONNX Runtime failed on {chunk} in stage {stage.Index} (up to layer '{stage.Layers[0].Info.Name}'): {e.Message}", e);
        }
    }

    private static ChannelMoments MomentsOf(Stage stage, Value value, OrtValue tensor, Chunk chunk)
    {
        BatchNormLayer layer = stage.Layers.First(layer => layer.Input == value);
        OrtTensorTypeAndShapeInfo info = tensor.GetTensorTypeAndShape();
        long[] shape = info.Shape;
        if (shape.Length < 2 || shape[1] != layer.Channels || info.ElementDataType != TensorElementType.Float || shape[0] % chunk.Rows != 0)
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm, string.Create(CultureInfo.InvariantCulture,
                $"Layer '{layer.Info.Name}' is fed {info.ElementDataType} [{string.Join(", ", shape)}] by a batch of {chunk.Rows}, expected Float [N, {layer.Channels}, …] with N a multiple of the batch."));
        }
        int rows = checked((int)(shape[0] / chunk.Rows * chunk.Samples));
        int positions = checked((int)shape.Skip(2).Aggregate(1L, (product, length) => product * length));
        ChannelMoments moments = MomentsKernel.Measure(tensor.GetTensorDataAsSpan<float>(), rows, layer.Channels, positions);
        if (moments.FirstNonFiniteChannel() is >= 0 and var channel)
        {
            throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                $"NaN or infinity reaches layer '{layer.Info.Name}' (channel {channel}) among {chunk}. The data itself is finite, so the model overflows on it: check that preprocessing (scale, mean, channel order) is the one the model was trained with."));
        }
        return moments;
    }

    private void KeepOrDispose(Stage stage, Chunk chunk, Dictionary<Value, OrtValue> tensors)
    {
        foreach ((Value value, OrtValue tensor) in tensors)
        {
            if (stage.Kept.Contains(value)) _store.Put(value, chunk.Index, tensor);
            else if (stage.Index == 0 || !stage.Inputs.Contains(value)) tensor.Dispose();
        }
    }

    private InferenceSession OpenSession(OnnxModel model, Stage stage)
    {
        KeyValuePair<Value, TensorType>[] inputs = [.. stage.Inputs.Select(value =>
            KeyValuePair.Create(value, value.IsGraphInput && value.Type is { } declared ? declared : _store.TypeOf(value, reader.Chunks.Count)))];
        byte[] piece = SubgraphExtractor.Extract(model, inputs, stage.Outputs).ToBytes();
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        try
        {
            return new InferenceSession(piece, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new AdaptationException(AdaptationError.ModelRefused, $"ONNX Runtime refuses the part of the model before layer '{stage.Layers[0].Info.Name}': {e.Message}", e);
        }
    }

    /// <summary>Runs one body a worker; the first failure stops the others and is thrown as it was.</summary>
    private void RunWorkers(Action<RunOptions, CancellationToken> body, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var runOptions = new RunOptions();
        using CancellationTokenRegistration terminate = cancellationToken.Register(() => runOptions.Terminate = true);
        Task[] tasks = [.. Enumerable.Range(0, workers).Select(_ => Task.Factory.StartNew(() =>
        {
            try
            {
                body(runOptions, stop.Token);
            }
            catch
            {
                stop.Cancel();
                throw;
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        try
        {
            Task.WhenAll(tasks).GetAwaiter().GetResult();
        }
        catch when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        cancellationToken.ThrowIfCancellationRequested();
    }
}
