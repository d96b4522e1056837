using System.Globalization;
using System.Text;
using AdaBN.Discovery;
using AdaBN.Distributed;
using AdaBN.Forms;
using AdaBN.Input;
using AdaBN.Measurement;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Policies;
using AdaBN.Reference;
using AdaBN.Storage;

namespace AdaBN;

/// <summary>
/// Passes over samples, each measuring and deciding stage by stage under a policy of its own: over the whole set once, and over images drawn from
/// it. They share one plan and its sessions; the samples are read once.
/// </summary>
internal sealed class AdaptationRun : IDisposable
{
    private const int CanarySamples = 2;

    private readonly WorkingModel _working;
    private readonly AdaptationOptions _options;
    private readonly string _settings;
    private readonly AdaptationPlan _plan;
    private readonly InputBinding _binding;
    private readonly SlotAllocator _allocator;
    private readonly PieceShelf _shelf;
    private readonly Share _share;
    private readonly ReadingNotes _notes;
    private readonly double _deepest;
    private ISampleSource _samples;
    private Pilot? _pilot;
    private readonly EarlierSamples? _earlier;
    private HeldSamples? _held;
    private IReadOnlyList<AdaptedLayer>? _asBefore, _drawnAsBefore;

    /// <param name="working">The model.</param>
    /// <param name="samples">The samples; read once, by the first pass.</param>
    /// <param name="options">Settings; the policy is each pass's own.</param>
    /// <param name="scores">The value that holds class scores; null where nobody wants to see them.</param>
    /// <param name="earlier">Moments of samples measured before, to be merged with these.</param>
    /// <param name="reference">The reference that layers are measured against, if any.</param>
    /// <param name="cancellationToken">Ends the wait for other processes.</param>
    public AdaptationRun(
        WorkingModel working, ISampleSource samples, AdaptationOptions options, Value? scores = null, AdaptationMoments? earlier = null, ReferenceStatistics? reference = null, CancellationToken cancellationToken = default)
    {
        (_working, _samples, _options, _settings) = (working, samples, options, SettingsOf(options, working, reference));
        _earlier = earlier is null ? null : new EarlierSamples(earlier, [.. working.Layers]);
        _plan = StagePlanner.Plan(working.Model, working.Layers, scores);
        _binding = InputBinding.Bind(working.Model, _plan.Inputs, samples.Inputs);
        _deepest = working.Layers.Max(layer => layer.Info.Depth ?? 0);
        _share = ShareOf(samples, cancellationToken);
        _notes = new ReadingNotes(samples.Inputs, SeesScores ? options.JudgementImages : 0, _share);
        MaxMemory = options.MaxMemory ?? (options.EffectiveMaxMemory / (_share.Ranks is { Meet: true } ranks ? ranks.OnThisMachine(cancellationToken) : 1));
        _allocator = new SlotAllocator(MaxMemory, options.SpillFolder);
        _shelf = new PieceShelf(working.Model, _plan, _allocator, keeps: SeesScores || _earlier is not null || Compares);
    }

    /// <summary>The most bytes of activations in RAM.</summary>
    public long MaxMemory { get; }

    /// <summary>Number of stages of a pass.</summary>
    public int Stages => _plan.Stages.Length;

    /// <summary>Whether passes tell the scores of drawn images.</summary>
    public bool SeesScores => _plan.Scores is not null;

    /// <summary>Samples drawn from the whole set, in the order of the rows of scores.</summary>
    public IReadOnlyList<(float[][] Tensors, long Index)> Drawn => _notes.Drawn;

    public IReadOnlyList<SampleInput> Inputs => _samples.Inputs;

    /// <summary>Independent samples that the whole set is worth, earlier ones included.</summary>
    public double EffectiveImages => _notes.EffectiveImages + (_earlier?.EffectiveImages ?? 0);

    /// <summary>Samples measured before this run.</summary>
    public long EarlierSamples => _earlier?.Samples ?? 0;

    /// <summary>Whether earlier samples have met deeper layers behind others than now: then <see cref="MeasureAsBefore"/> goes before all other passes.</summary>
    public bool MovesEarlier => _earlier is not null && _plan.Stages.Count(stage => !stage.Layers.IsEmpty) > 1;

    /// <summary>Whether single images may be looked at: not where earlier ones were kept together only.</summary>
    public bool CanSeeImages => _earlier?.HasImages ?? true;

    /// <summary>Stages of the pass over the whole set that were taken from a state.</summary>
    public int ResumedStages { get; private set; }

    public MemoryUse Memory => new(_allocator.Peak, _allocator.Spilled);

    /// <summary>Whether processes show each other that they compute the same bits.</summary>
    private bool Compares => _share.Ranks is { Meet: true } && !_options.AllowUnlikeRanks;

    /// <summary>Before the first pass: whether all processes have the same model and settings, and compute the same bits, shown by the same few samples on each.</summary>
    public void CompareRanks(CancellationToken cancellationToken)
    {
        if (_share.Ranks is not { Meet: true } ranks) return;
        ranks.CheckSame([("The model", _working.Target.Sha256), ("Settings", _settings)], "Start all processes with the same model and settings.", cancellationToken);
        if (!Compares) return;
        var random = new Random(1);
        IEnumerable<float[][]> canary = Enumerable.Range(0, CanarySamples).Select(_ => Inputs.Select(input => Enumerable.Range(0, input.Length).Select(_ => random.NextSingle()).ToArray()).ToArray());
        string seen;
        try
        {
            AdaptedLayers layers = PassOver(AdaptationPolicy.AdaBN, SampleSource.FromArrays(Inputs, canary), CanarySamples, null, cancellationToken);
            seen = DigestOf(layers.Layers);
        }
        catch (AdaptationException e) when (e.Error == AdaptationError.NonFinite)
        {
            seen = e.Message;
        }
        ranks.CheckSame([("The digest of what a few samples make of the model's statistics", seen)],
            "The machines' processors compute other bits (another instruction set, or another build of ONNX Runtime), so the result would depend on who measures what. Use machines of one kind, or allow it (AdaptationOptions.AllowUnlikeRanks).", cancellationToken);
    }

    /// <summary>Before the first pass: how many samples the wanted precision takes, by a pass over the first ones. No more will be read. Null where nothing is wanted.</summary>
    public long? Foretell(IAdaptationPolicy policy, CancellationToken cancellationToken)
    {
        if (_options.WantedStandardError is not { } wanted) return null;
        _samples = _pilot = new Pilot(_samples);
        ISampleSource first = _pilot.Hold(Math.Min(SamplingPrecision.PilotSamples, _options.MaxSamples ?? long.MaxValue));
        return _pilot.Most = SamplingPrecision.Foretell(Pass(policy, new BatchReader(_binding, first), null, null, cancellationToken), wanted, EarlierSamples);
    }

    /// <summary>Reads the samples ahead and holds them, so that passes over drawn images can go before the one over the whole set.</summary>
    /// <returns>Whether all of them were drawn.</returns>
    public bool Hold(CancellationToken cancellationToken)
    {
        if (_held is null)
        {
            _held = new HeldSamples(Inputs, _allocator);
            using BatchReader reader = ReadShare();
            try
            {
                _held.Fill(reader, cancellationToken);
                _notes.Complete(cancellationToken);
            }
            catch (Exception e) when (_share.Ranks is { Meet: true })
            {
                throw _share.Located(e, "Reading");
            }
        }
        return Drawn.Count == (_share.Ranks is null ? _held.Count : _share.Total);
    }

    /// <summary>Measures the samples behind layers decided as they were for the earlier ones.</summary>
    public void MeasureAsBefore(IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
    {
        Hold(cancellationToken);
        var before = new AsDecided(_earlier!.Decisions);
        _asBefore = Pass(before, new BatchReader(_binding, _held!.Only([.. Enumerable.Range(0, (int)_held.Count!)])), null, progress, cancellationToken, merges: false).Layers;
        if (Drawn.Count > 0) _drawnAsBefore = PassOver(before, DrawnSource, Drawn.Count, null, cancellationToken).Layers;
    }

    /// <summary>The pass over the whole set.</summary>
    public AdaptedLayers PassAll(IAdaptationPolicy policy, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
    {
        AdaptationState? state = _options.StateFile is { } file
            ? AdaptationState.Open(file, _options.Resume, _working.Target.Sha256, $"{_settings}; measured with {policy.Description}", _share.Ranks is { Meet: true } ranks ? ranks : null, cancellationToken) : null;
        ResumedStages = state?.Done ?? 0;
        (_options.Communicator as PartialCommunicator)?.CheckStage(ResumedStages);
        BatchReader reader = _held is null ? ReadShare() : new BatchReader(_binding, _held, share: Together is { } share ? share with { IsOwn = true, Halo = 0 } : null);
        return Pass(policy, reader, () => new ScoreSheet([.. Drawn.Select(drawn => drawn.Index)]), progress, cancellationToken, _asBefore, state: state);
    }

    /// <summary>A pass over the drawn images.</summary>
    public AdaptedLayers PassDrawn(IAdaptationPolicy policy, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken) =>
        Pass(policy, new BatchReader(_binding, DrawnSource), () => SheetOf(Drawn.Count), progress, cancellationToken, _drawnAsBefore);

    /// <summary>A pass over other samples of known number; earlier ones do not count.</summary>
    public AdaptedLayers PassOver(IAdaptationPolicy policy, ISampleSource samples, int count, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken) =>
        Pass(policy, new BatchReader(_binding, samples), () => SheetOf(count), progress, cancellationToken, merges: false);

    public void Dispose()
    {
        _pilot?.Dispose();
        _shelf.Dispose();
        _allocator.Dispose();
    }

    private ISampleSource DrawnSource => SampleSource.FromArrays(Inputs, Drawn.Select(drawn => drawn.Tensors));

    private static ScoreSheet SheetOf(int samples) => new([.. Enumerable.Range(0, samples).Select(i => (long)i)]);

    private AdaptedLayers Pass(
        IAdaptationPolicy policy, BatchReader samples, Func<ScoreSheet>? scores, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken,
        IReadOnlyList<AdaptedLayer>? asBefore = null, bool merges = true, AdaptationState? state = null)
    {
        using BatchReader reader = samples;
        using var runner = new StageRunner(_shelf, _binding, reader, _options, progress) { KeepsImages = policy.NeedsImages || _options.KeepImageMoments };
        List<AdaptedLayer> decided = [];
        var normalizers = new Dictionary<BatchNormLayer, Normalizer>();
        foreach (Stage stage in _plan.Stages)
        {
            try
            {
                if (!stage.Layers.IsEmpty) RunStage(stage);
                else if (scores is not null) Score(runner, stage, scores(), normalizers, cancellationToken);
            }
            catch (Exception e) when (reader.Share.Ranks is { Meet: true })
            {
                throw reader.Share.Located(e, string.Create(CultureInfo.InvariantCulture, $"Stage {stage.Index} of 0 to {Stages - 1}"));
            }
        }
        CheckDecidedAlike(reader.Share, decided, cancellationToken);
        return new AdaptedLayers(decided, reader.Total, runner.Scores?.Rows);

        void RunStage(Stage stage)
        {
            IReadOnlyList<ChannelMoments>? known = state is not null && stage.Index < state.Done ? state.Stage(stage.Index, [.. stage.Layers.Select(layer => layer.Channels)]) : null;
            if (known is not null) runner.Compute(stage, normalizers, cancellationToken);
            IReadOnlyList<ChannelMoments> measured = known ?? _working.Pool(stage.Layers, runner.Measure(stage, normalizers, cancellationToken));
            if (stage.Index == 0)
            {
                if (known is not null && _share.Ranks is { Meet: false }) _notes.Restore(state!.Notes);
                else if (known is not null) reader.Complete(cancellationToken);
                state?.CheckData(_notes.Fingerprint, _notes.ToBytes());
            }
            double worth = _notes.WorthOf(reader.Total);
            int before = decided.Count;
            foreach ((BatchNormLayer layer, ChannelMoments moments) in stage.Layers.Zip(measured))
            {
                EarlierSamples? earlier = merges ? _earlier : null;
                double effective = moments.Images * worth;
                ChannelMoments all = earlier?.Merge(layer, moments, asBefore?[decided.Count].Moments) ?? moments;
                LayerEvidence evidence = LayerEvidence.Of(layer.Info, layer.Epsilon, layer.Source, all, _options.Variance) with { RelativeDepth = RelativeDepth(layer), EffectiveImages = earlier?.EffectiveImagesOf(layer, effective) ?? effective };
                ChannelStatistics decision = policy.Decide(evidence);
                decision.Check(evidence, policy);
                (float[] mean, float[] variance) = decision.ToFloat(layer);
                normalizers.Add(layer, Normalizer.Of(layer, mean, variance));
                decided.Add(new AdaptedLayer(layer, evidence with { PerImage = null }, decision, _options.KeepImageMoments ? all : all with { PerImage = null }));
            }
            if (known is not null) state!.CheckDecided(stage.Index, DigestOf(decided.Skip(before)));
            else state?.Commit(measured, DigestOf(decided.Skip(before)));
        }
    }

    /// <summary>Words and settings do not tell policies wholly apart; what they decided does.</summary>
    private void CheckDecidedAlike(Share share, IReadOnlyList<AdaptedLayer> decided, CancellationToken cancellationToken)
    {
        if (Compares && share.Ranks is { } ranks)
            ranks.CheckSame([("The digest of the decided statistics", DigestOf(decided))], "Give all processes the same policy, one that decides alike whenever it is asked.", cancellationToken);
    }

    /// <summary>The last stage. Some models mix the rows of a batch there or take one row only; they are adapted all the same, and go unjudged.</summary>
    private static void Score(StageRunner runner, Stage stage, ScoreSheet sheet, Dictionary<BatchNormLayer, Normalizer> normalizers, CancellationToken cancellationToken)
    {
        runner.Scores = sheet;
        try
        {
            runner.Compute(stage, normalizers, cancellationToken);
        }
        catch (AdaptationException e) when (e.Error is AdaptationError.ModelRefused or AdaptationError.UnsupportedForm)
        {
            sheet.Refuse();
        }
        if (runner.Reader.Share.Ranks is { } ranks) sheet.Merge(ranks, cancellationToken);
    }

    /// <summary>Tells decisions apart by their last bit.</summary>
    private static string DigestOf(IEnumerable<AdaptedLayer> layers) =>
        Ranks.Digest([.. layers.SelectMany(layer => layer.Decision.Mean.Concat(layer.Decision.Variance)).SelectMany(BitConverter.GetBytes)]);

    /// <summary>What measurements depend on beside model and samples, in words: what works together, or is resumed, must have the same.</summary>
    internal static string SettingsOf(AdaptationOptions options, WorkingModel working, ReferenceStatistics? reference)
    {
        static string Or(long? number, string none) => number?.ToString(CultureInfo.InvariantCulture) ?? none;
        string layers = Ranks.Digest(Encoding.UTF8.GetBytes(string.Join('\n', working.Layers.Select(layer => layer.Info.Name))));
        return string.Create(CultureInfo.InvariantCulture, $"adabn {BatchNormAdapter.ToolVersion}; policy {options.Policy.Description}, {options.Variance} variance; batches {Or(options.BatchSize, "chosen")}; samples {Or(options.MaxSamples, "all")}{(options.OwnSamples ? ", own" : "")}; ") +
            string.Create(CultureInfo.InvariantCulture, $"{(options.HalfPrecisionActivations ? "half precision; " : "")}judged by {options.JudgementImages}; {working.Layers.Count} layers {layers}; reference {reference?.ComputationSha256 ?? "none"}");
    }

    private Share ShareOf(ISampleSource samples, CancellationToken cancellationToken)
    {
        long most = _options.MaxSamples ?? long.MaxValue;
        int? batchRows = _binding.FixedBatch ?? _options.BatchSize;
        if (Ranks.Of(_options.Communicator) is not { } ranks) return Share.Whole(samples.Count is { } known ? Math.Min(known, most) : null, batchRows);
        long count = Math.Min(samples.Count ?? SampleSource.CountByReading(samples, most, cancellationToken), most);
        if (_options.Communicator is PartialCommunicator partial) return partial.ShareOf(ranks, count, batchRows);
        return _options.OwnSamples ? Share.Own(ranks, count, batchRows, cancellationToken) : Share.Of(ranks, count, batchRows);
    }

    private BatchReader ReadShare()
    {
        try
        {
            return new BatchReader(_binding, _samples, _options.MaxSamples, _notes, Together);
        }
        catch (Exception e) when (_share.Ranks is { Meet: true })
        {
            throw _share.Located(e, "Reading");
        }
    }

    private Share? Together => _share.Ranks is null ? null : _share;

    private double RelativeDepth(BatchNormLayer layer) => _deepest > 0 ? (layer.Info.Depth ?? 0) / _deepest : 0;
}
