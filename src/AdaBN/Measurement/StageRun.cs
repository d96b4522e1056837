using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Distributed;
using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Storage;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Measurement;

/// <summary>
/// One stage over all samples. Each worker takes one batch at a time, on one thread: blend stored tensors, run the piece, take the
/// moments while the results are in the cache.
/// </summary>
internal sealed class StageRun(StageRunner runner, Stage stage, bool measures, StagePiece? piece, BlendRunner[] blends, int batchRows)
{
    private readonly Dictionary<Value, MergeTree<ChannelMoments>> _trees = (measures ? stage.Measured : []).ToDictionary(value => value, _ => new MergeTree<ChannelMoments>(ChannelMoments.Merge));
    private readonly long _firstBatch = runner.Reader.Share.FirstBatch(batchRows);
    private int _nextBatch = -1, _formsKnown;
    private long _done;

    /// <summary>Moments of the values measured, by batch.</summary>
    public IReadOnlyDictionary<Value, MergeTree<ChannelMoments>> Trees => _trees;

    public void Execute(CancellationToken cancellationToken)
    {
        foreach (Value value in stage.Kept) runner.Store.Declare(value, batchRows);
        cancellationToken.ThrowIfCancellationRequested();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var runOptions = new RunOptions();
        using CancellationTokenRegistration terminate = cancellationToken.Register(() => runOptions.Terminate = true);
        Task[] workers = [.. Enumerable.Range(0, runner.Workers).Select(_ => Task.Factory.StartNew(() =>
        {
            try
            {
                Work(runOptions, stop.Token);
            }
            catch
            {
                stop.Cancel();
                throw;
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        try
        {
            Task.WhenAll(workers).GetAwaiter().GetResult(); // the first failure stops the others and is thrown as it was
        }
        catch when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        cancellationToken.ThrowIfCancellationRequested();
    }

    private void Work(RunOptions runOptions, CancellationToken stop)
    {
        var worker = new Worker(runner, stage);
        while (!stop.IsCancellationRequested && TakeBatch(worker) is { } batch)
        {
            foreach (BlendRunner blend in blends) Compute(blend, worker, batch);
            piece?.Run(runOptions, batch, [.. stage.PieceInputs.Select(value => worker.Bind(value, batch, piece.BlockOf(value)))], worker.Place, runner.Plan.CanRegroup);
            if (Interlocked.Exchange(ref _formsKnown, 1) == 0) runner.OpenNextPiece(stage);
            foreach ((Value value, MergeTree<ChannelMoments> tree) in _trees) tree.Add(_firstBatch + batch.Index, MomentsOf(value, worker[value], batch));
            if (stage.Layers.IsEmpty && runner.Plan.Scores is { } scores) runner.Scores?.Add(worker[scores], runner.Forms[scores], batch);
            foreach ((BatchNormLayer layer, SecondMomentSum sum) in runner.SecondMoments) sum.Add(batch.Index, SecondMomentsOf(layer, worker, batch));
            foreach (Value value in stage.Kept) runner.Store.Put(value, worker.Store(value, batch));
            foreach (Value value in stage.LastRead) runner.Store.Release(value, batch.First, batch.Rows);
            long? samples = stage.Index == 0 ? runner.Reader.SampleCount : runner.Reader.SamplesRead;
            runner.Progress?.Report(new AdaptationProgress(stage.Index, runner.Plan.Stages.Length, Interlocked.Add(ref _done, batch.Samples), samples));
        }
        worker.ReturnSlots();
    }

    private Batch? TakeBatch(Worker worker)
    {
        if (stage.Index == 0) return worker.Read(batchRows);
        int index = Interlocked.Increment(ref _nextBatch);
        long first = (long)index * batchRows;
        if (first >= runner.Reader.SamplesRead) return null;
        int samples = (int)Math.Min(batchRows, runner.Reader.SamplesRead - first);
        return new Batch(index, first, samples, runner.Binding.FixedBatch ?? samples, runner.Reader.Share.Before);
    }

    private void Compute(BlendRunner runnable, Worker worker, Batch batch)
    {
        Blend blend = runnable.Blend;
        int block = piece is not null && stage.PieceInputs.Contains(blend.Output) ? piece.BlockOf(blend.Output) : BlendRunner.BlockOf(blend, part => runner.Forms[part]);
        TensorForm form = BlendRunner.PlainFormOf(blend, part => runner.Forms[part]) with { Block = block };
        long[] shape = runner.Plan.CanRegroup ? form.Shape(batch.Rows) : [worker.ShapeOf(blend.Terms[0].Parts[0], batch)[0], .. form.Tail];
        Slot slot = worker.Place(blend.Output, form, shape);
        runnable.Compute(checked((int)shape[0]), form, slot, part => worker.Rows(part, batch));
    }

    private ChannelMoments MomentsOf(Value value, BoundTensor tensor, Batch batch)
    {
        long[] shape = tensor.Shape;
        TensorForm form = runner.Forms[value];
        bool hasOtherChannels = form.Block == 0 && shape.Length > 1 && shape[1] != form.Tail.FirstOrDefault(); // than in the first batch
        if (shape.Length < 2 || shape.Contains(0) || hasOtherChannels || tensor.ElementType != ElementType.Float || (batch.Rows > batch.Samples && shape[0] % batch.Rows != 0))
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm, string.Create(CultureInfo.InvariantCulture,
                $"Layer '{LayerOf(value).Info.Name}' is fed {tensor.ElementType} [{string.Join(", ", shape)}] by a batch of {batch.Rows}, expected Float [N, {LayerOf(value).Channels}, …] with N a multiple of the batch."));
        }
        int rows = RowsThatCount(shape, batch);
        int positions = checked((int)shape.Skip(2).Aggregate(1L, (product, length) => product * length));
        int images = runner.KeepsImages ? batch.Samples : 0;
        if (images > 0 && rows % images != 0)
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm, string.Create(CultureInfo.InvariantCulture,
                $"The policy looks at each image by itself, but layer '{LayerOf(value).Info.Name}' is fed {rows} rows by {images} images, expected equally many an image. Choose a policy without trimming and without a median of batches."));
        }
        ReadOnlySpan<float> data = tensor.Slot.Floats(0, checked((int)(rows * shape[1] * positions)));
        ChannelMoments moments = form.Block == 0
            ? MomentsKernel.Measure(data, rows, checked((int)shape[1]), positions, images)
            : MomentsKernel.MeasureBlocked(data, rows, (int)form.Tail[0], positions, form.Block, images);
        if (moments.FirstNonFiniteChannel() is >= 0 and var channel)
        {
            throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                $"NaN or infinity reaches layer '{LayerOf(value).Info.Name}' (channel {channel}) among {batch}. The data itself is finite, so the model overflows on it: check that preprocessing (scale, mean, channel order) is the one the model was trained with."));
        }
        return moments;
    }

    /// <summary>Second moments over the layer's parts, all computed in this batch; the moments of each have been taken, so their shapes are sound one by one.</summary>
    private SecondMoments SecondMomentsOf(BatchNormLayer layer, Worker worker, Batch batch)
    {
        BoundTensor[] tensors = [.. runner.Plan.Parts[layer].Select(part => worker[part])];
        (nint, TensorForm Form)[] parts = [.. runner.Plan.Parts[layer].Zip(tensors, (part, tensor) =>
            (tensor.Slot.Address, runner.Forms[part] is { Block: > 0 } form ? form : new TensorForm(tensor.ElementType, 1, tensor.Shape[1..])))];
        if (parts.Any(part => part.Form.Positions != parts[0].Form.Positions) || tensors.Any(tensor => tensor.Shape[0] != tensors[0].Shape[0]) || parts.Sum(part => part.Form.Tail[0]) != layer.Channels)
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm, string.Create(CultureInfo.InvariantCulture,
                $"Layer '{layer.Info.Name}' has parameters for {layer.Channels} channels but is fed {string.Join(" and ", tensors.Select(tensor => $"[{string.Join(", ", tensor.Shape)}]"))}. The model is inconsistent; export it again."));
        }
        return SecondMomentsKernel.Measure(parts, RowsThatCount(tensors[0].Shape, batch));
    }

    /// <summary>Rows of a tensor without those that stand for repeats in a fixed batch.</summary>
    private static int RowsThatCount(long[] shape, Batch batch) => checked((int)(batch.Rows == batch.Samples ? shape[0] : shape[0] / batch.Rows * batch.Samples));

    /// <summary>The layer that a value is measured for, the first of them.</summary>
    private BatchNormLayer LayerOf(Value value) => runner.Plan.Parts.First(parts => parts.Value.Contains(value)).Key;
}
