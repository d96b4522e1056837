using System.Collections.Concurrent;
using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>Runs the stages of a plan one after another and holds what lasts beyond a stage: stored tensors, their forms, moments of parts.</summary>
internal sealed class StageRunner(
    OnnxModel model, AdaptationPlan plan, InputBinding binding, BatchReader reader, AdaptationOptions options, IProgress<AdaptationProgress>? progress) : IDisposable
{
    private readonly Dictionary<Value, ChannelMoments> _moments = [];
    private Task<StagePiece?>? _nextPiece;

    public AdaptationPlan Plan => plan;

    public InputBinding Binding => binding;

    public BatchReader Reader => reader;

    public IProgress<AdaptationProgress>? Progress => progress;

    public bool HoldsHalf { get; } = options.HalfPrecisionActivations;

    public int Workers { get; } = options.Workers ?? Environment.ProcessorCount;

    public SlotAllocator Allocator { get; } = new(options.EffectiveMaxMemory, options.SpillFolder);

    /// <summary>Forms of the values computed so far.</summary>
    public ConcurrentDictionary<Value, TensorForm> Forms { get; } = new();

    /// <summary>Layers of the only stage whose second moments are wanted beside their moments; none unless asked for.</summary>
    public IReadOnlyDictionary<BatchNormLayer, SecondMomentSum> SecondMoments { get; init; } = new Dictionary<BatchNormLayer, SecondMomentSum>();

    public MemoryUse Memory => new(Allocator.Peak, Allocator.Spilled);

    public ActivationStore Store => field ??= new ActivationStore(Allocator);

    /// <summary>Runs a stage and gives the moments of its layers, in their order.</summary>
    /// <param name="stage">The stage; those before it have run.</param>
    /// <param name="normalizers">The layers decided so far.</param>
    /// <param name="cancellationToken">Stops the run between and within batches.</param>
    public IReadOnlyList<ChannelMoments> Measure(Stage stage, IReadOnlyDictionary<BatchNormLayer, Normalizer> normalizers, CancellationToken cancellationToken)
    {
        using StagePiece? piece = (_nextPiece ?? Task.FromResult(OpenPiece(stage))).GetAwaiter().GetResult();
        _nextPiece = null;
        var run = new StageRun(this, stage, piece, [.. stage.Blends.Select(blend => new BlendRunner(blend, normalizers))], BatchRowsOf(stage));
        run.Execute(cancellationToken);
        if (reader.SamplesRead == 0) throw new AdaptationException(AdaptationError.EmptyData, "The data holds no sample; give at least one image of the target domain (better: 64 or more).");
        foreach ((Value value, MomentTree tree) in run.Trees) _moments[value] = tree.Total();
        return [.. stage.Layers.Select(Join)];
    }

    /// <summary>Opens the session of the stage after this one, on a thread of its own; all forms it builds on are known by now.</summary>
    public void OpenNextPiece(Stage stage)
    {
        if (stage.Index + 1 < plan.Stages.Length) _nextPiece = Task.Run(() => OpenPiece(plan.Stages[stage.Index + 1]));
    }

    public void Dispose()
    {
        if (_nextPiece is { } opening)
        {
            // Opened ahead for a stage that will not run any more; should opening have failed, what stopped the work is being thrown already.
            Task.WaitAny(opening);
            if (opening.IsCompletedSuccessfully) opening.Result?.Dispose();
        }
        Allocator.Dispose();
    }

    private StagePiece? OpenPiece(Stage stage) => stage.PieceOutputs.IsEmpty ? null : StagePiece.Open(model, stage, value => TypeOf(stage, value), plan.CanRegroup, Allocator);

    private TensorType TypeOf(Stage stage, Value value)
    {
        if (value.IsGraphInput) return value.Type!;
        TensorForm form = stage.Blends.FirstOrDefault(blend => blend.Output == value) is { } blend ? BlendRunner.PlainFormOf(blend, part => Forms[part]) : Forms[value];
        return new TensorType(form.ElementType, plan.CanRegroup ? [default, .. form.Tail.Select(length => new Dimension(length))] : null);
    }

    /// <summary>Moments of a layer's parts, one after the other: a part is measured once, however many layers it feeds.</summary>
    private ChannelMoments Join(BatchNormLayer layer)
    {
        ChannelMoments[] parts = [.. plan.Parts[layer].Select(part => _moments[part])];
        int channels = parts.Sum(part => part.Mean.Length);
        if (channels != layer.Channels || parts.Any(part => part.Count != parts[0].Count))
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm, string.Create(CultureInfo.InvariantCulture,
                $"Layer '{layer.Info.Name}' has parameters for {layer.Channels} channels but is fed {channels} channels. The model is inconsistent; export it again."));
        }
        return ChannelMoments.Join(parts);
    }

    private int BatchRowsOf(Stage stage) => BatchSizing.RowsOf(
        binding.FixedBatch ?? options.BatchSize, plan.CanRegroup,
        sizeof(float) * (stage.Index == 0 ? binding.Sources.Max(source => (long)source.Input.Length) : stage.Stored.Max(value => Forms[value].SampleLength)),
        stage.Index == 0 ? reader.SampleCount : reader.SamplesRead);
}
