using System.Collections.Concurrent;
using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Distributed;
using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>Runs the stages of a plan one after another and holds what lasts beyond a stage: stored tensors, their forms, moments of parts.</summary>
internal sealed class StageRunner(
    PieceShelf shelf, InputBinding binding, BatchReader reader, AdaptationOptions options, IProgress<AdaptationProgress>? progress) : IDisposable
{
    private readonly Dictionary<Value, ChannelMoments> _moments = [];
    private (Stage Stage, Task<StagePiece?> Piece)? _next;

    public AdaptationPlan Plan => shelf.Plan;

    public InputBinding Binding => binding;

    public BatchReader Reader => reader;

    public IProgress<AdaptationProgress>? Progress => progress;

    public bool HoldsHalf { get; } = options.HalfPrecisionActivations;

    /// <summary>Whether the policy wants each image's own moments.</summary>
    public bool KeepsImages { get; init; }

    public int Workers { get; } = options.Workers ?? Environment.ProcessorCount;

    public SlotAllocator Allocator => shelf.Allocator;

    /// <summary>Forms of the values computed so far.</summary>
    public ConcurrentDictionary<Value, TensorForm> Forms { get; } = new();

    /// <summary>Takes what the stage of the scores computes.</summary>
    public ScoreSheet? Scores { get; set; }

    /// <summary>Layers of the only stage whose second moments are wanted beside their moments; none unless asked for.</summary>
    public IReadOnlyDictionary<BatchNormLayer, SecondMomentSum> SecondMoments { get; init; } = new Dictionary<BatchNormLayer, SecondMomentSum>();

    public ActivationStore Store => field ??= new ActivationStore(Allocator);

    /// <summary>Runs a stage and gives the moments of its layers, in their order.</summary>
    /// <param name="stage">The stage; those before it have run.</param>
    /// <param name="normalizers">The layers decided so far.</param>
    /// <param name="cancellationToken">Stops the run between and within batches.</param>
    public IReadOnlyList<ChannelMoments> Measure(Stage stage, IReadOnlyDictionary<BatchNormLayer, Normalizer> normalizers, CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<Value, MergeTree<ChannelMoments>> trees = reader.Share.IsEmpty
            ? stage.Measured.ToDictionary(value => value, _ => new MergeTree<ChannelMoments>(ChannelMoments.Merge))
            : Run(stage, measures: true, normalizers, cancellationToken);
        if (stage.Index == 0) reader.Complete(cancellationToken);
        reader.Share.Ranks?.Merge([.. stage.Measured.Select(value => trees[value])], MomentRecords.Write, MomentRecords.Read, cancellationToken);
        foreach ((Value value, MergeTree<ChannelMoments> tree) in trees) _moments[value] = tree.Total();
        ChannelMoments[] moments = [.. stage.Layers.Select(Join)];
        foreach (Value part in Plan.LastMeasuredBy(stage)) _moments.Remove(part);
        return moments;
    }

    /// <summary>Runs a stage for its tensors alone: one whose moments are known, or that of the scores.</summary>
    public void Compute(Stage stage, IReadOnlyDictionary<BatchNormLayer, Normalizer> normalizers, CancellationToken cancellationToken)
    {
        if (!reader.Share.IsEmpty) Run(stage, measures: false, normalizers, cancellationToken);
    }

    private IReadOnlyDictionary<Value, MergeTree<ChannelMoments>> Run(Stage stage, bool measures, IReadOnlyDictionary<BatchNormLayer, Normalizer> normalizers, CancellationToken cancellationToken)
    {
        StagePiece? piece = _next is { } opening ? opening.Piece.GetAwaiter().GetResult() : TakePiece(stage);
        _next = null;
        var run = new StageRun(this, stage, measures, piece, [.. stage.Blends.Select(blend => new BlendRunner(blend, normalizers))], BatchRowsOf(stage));
        try
        {
            run.Execute(cancellationToken);
        }
        finally
        {
            shelf.Return(stage, piece);
        }
        if (reader.Total == 0) throw new AdaptationException(AdaptationError.EmptyData, "The data holds no sample; give at least one image of the target domain (better: 64 or more).");
        return run.Trees;
    }

    /// <summary>Opens the session of the stage after this one, on a thread of its own; all forms it builds on are known by now.</summary>
    public void OpenNextPiece(Stage stage)
    {
        if (stage.Index + 1 < Plan.Stages.Length && Plan.Stages[stage.Index + 1] is var next) _next = (next, Task.Run(() => TakePiece(next)));
    }

    public void Dispose()
    {
        if (_next is not { } opening) return;
        // Opened ahead for a stage that will not run any more; should opening have failed, what stopped the work is being thrown already.
        Task.WaitAny(opening.Piece);
        if (opening.Piece.IsCompletedSuccessfully) shelf.Return(opening.Stage, opening.Piece.Result);
    }

    private StagePiece? TakePiece(Stage stage) => shelf.Take(stage, value => TypeOf(stage, value));

    private TensorType TypeOf(Stage stage, Value value)
    {
        if (value.IsGraphInput) return value.Type!;
        TensorForm form = stage.Blends.FirstOrDefault(blend => blend.Output == value) is { } blend ? BlendRunner.PlainFormOf(blend, part => Forms[part]) : Forms[value];
        return new TensorType(form.ElementType, Plan.CanRegroup ? [default, .. form.Tail.Select(length => new Dimension(length))] : null);
    }

    /// <summary>Moments of a layer's parts, one after the other: a part is measured once, however many layers it feeds.</summary>
    private ChannelMoments Join(BatchNormLayer layer)
    {
        ChannelMoments[] parts = [.. Plan.Parts[layer].Select(part => _moments[part])];
        int channels = parts.Sum(part => part.Mean.Length);
        if (channels != layer.Channels || parts.Any(part => part.Count != parts[0].Count))
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm, string.Create(CultureInfo.InvariantCulture,
                $"Layer '{layer.Info.Name}' has parameters for {layer.Channels} channels but is fed {channels} channels. The model is inconsistent; export it again."));
        }
        return ChannelMoments.Join(parts);
    }

    private int BatchRowsOf(Stage stage) => BatchSizing.RowsOf(
        binding.FixedBatch ?? options.BatchSize, Plan.CanRegroup,
        sizeof(float) * (stage.Index == 0 ? binding.Sources.Max(source => (long)source.Input.Length) : stage.Stored.Max(value => Forms[value].SampleLength)),
        stage.Index == 0 ? reader.Share.Total : reader.Total);
}
