using System.Globalization;

namespace AdaBN;

/// <summary>How the variance of a channel is estimated from n values.</summary>
public enum VarianceKind
{
    /// <summary>Σ(x − mean)² / n: what BatchNormalization itself computes (ONNX specification, PyTorch's forward pass).</summary>
    Population,

    /// <summary>Σ(x − mean)² / (n − 1): what PyTorch stores as <c>running_var</c>.</summary>
    Sample,
}

/// <summary>Settings of an adaptation. Immutable; each has a default that suits most models.</summary>
public sealed record AdaptationOptions
{
    /// <summary>The largest <see cref="BatchSize"/>.</summary>
    public const int LargestBatchSize = 4096;

    /// <summary>
    /// Samples that ONNX Runtime computes at a time; 1 to <see cref="LargestBatchSize"/>. Default: chosen for each stage, so that its
    /// tensors stay in the processor's cache. Affects speed and memory, not the result (beyond float rounding). A model with a fixed
    /// batch axis keeps its own.
    /// </summary>
    public int? BatchSize { get; init; }

    /// <summary>Read at most this many samples; at least 1. Default: all.</summary>
    public long? MaxSamples { get; init; }

    /// <summary>
    /// Read only as many samples as it takes to know the target's means so well: the standard error of a layer's channel means in source standard
    /// deviations, root mean square over channels, of the worst layer; above 0. How many that are is foretold from the first
    /// <see cref="SamplingPrecision.PilotSamples"/> samples, which are read in any case; the samples are still read once. They must stand for the rest: in
    /// random order, say, and not sorted. <see cref="AdaptationReport.Precision"/> tells what was reached. Default: all samples are read.
    /// </summary>
    public double? WantedStandardError { get; init; }

    /// <summary>
    /// Decides the statistics of each layer. Default <see cref="AdaptationPolicy.Auto"/>: as far as it helps, by what can be seen without labels;
    /// <see cref="AdaptationPolicy.AdaBN"/> is the paper's full replacement.
    /// </summary>
    public IAdaptationPolicy Policy { get; init; } = AdaptationPolicy.Auto();

    /// <summary>
    /// Different images, drawn evenly from the set, on which models are compared for the verdict and for <see cref="AdaptationPolicy.Auto"/>'s choice; held in memory meanwhile. 0
    /// to <see cref="LargestBatchSize"/>; 0 judges nothing, and Auto is then its gate alone. Default 80.
    /// </summary>
    public int JudgementImages { get; init; } = 80;

    /// <summary>A few labelled samples of the target domain: the verdict then rests on accuracy measured on them. Default: none.</summary>
    public LabelledSamples? Labelled { get; init; }

    /// <summary>Give back the source's statistics where the verdict is to keep the source model or to get more images. Default: false, the verdict is only told.</summary>
    public bool FallBackToSource { get; init; }

    /// <summary>
    /// Keep each image's own moments in <see cref="AdaptationResult.Moments"/>, so that policies which look at single images (<see cref="IAdaptationPolicy.NeedsImages"/>: trimming, medians) can go
    /// on with further samples. Takes images × channels of all layers × 16 bytes. Default: false.
    /// </summary>
    public bool KeepImageMoments { get; init; }

    /// <summary>Estimator of the variance; default <see cref="VarianceKind.Population"/>.</summary>
    public VarianceKind Variance { get; init; } = VarianceKind.Population;

    /// <summary>Chooses the layers to adapt; layers it turns down keep their source statistics. Default: all.</summary>
    public Func<NormalizationLayer, bool>? LayerFilter { get; init; }

    /// <summary>
    /// The source domain's statistics of layers that BatchNormalization was folded into, or of inputs; with it these are adapted as well. Default: the
    /// reference that the model carries, if any.
    /// </summary>
    public ReferenceStatistics? Reference { get; init; }

    /// <summary>Whether to adapt models whose output is a picture (<see cref="ImageOutput"/>); default: false, they are refused.</summary>
    public bool AllowImageOutput { get; init; }

    /// <summary>Threads that compute, one batch each; at least 1. Default: one a processor. The result is the same, bit for bit, for any number.</summary>
    public int? Workers { get; init; }

    /// <summary>
    /// Bytes of activations to hold in RAM between stages; at least 0. What is beyond lies in temporary files, mapped into memory.
    /// Default: half of what the machine, or the container's limit, has; of processes that adapt together (<see cref="Communicator"/>), those on one machine divide that.
    /// </summary>
    public long? MaxMemory { get; init; }

    /// <summary>
    /// Hold activations between stages as 16-bit floats: half the memory (and temporary file), at a relative error of up to 2⁻¹¹ in each
    /// stored number. Statistics of a layer are taken before its input is stored, so errors reach only the layers behind. Default: false.
    /// </summary>
    public bool HalfPrecisionActivations { get; init; }

    /// <summary>The folder for such temporary files; it must exist. Default: the system's temporary folder.</summary>
    public string? SpillFolder { get; init; }

    /// <summary><see cref="MaxMemory"/>, or its default on this machine for one process.</summary>
    public long EffectiveMaxMemory => MaxMemory ?? (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2);

    /// <summary>
    /// The other processes that adapt this model at the same time, each its part of the samples; each gets the same result, and the same as one process that measures all.
    /// Default: none. Shares are whole shards of 64 samples (or of batches, where <see cref="BatchSize"/> says more); data that does not know its number of samples is read once more, to count them.
    /// </summary>
    public ICommunicator? Communicator { get; init; }

    /// <summary>
    /// With <see cref="Communicator"/>: whether each process has samples of its own, which together are the set, in the order of ranks; default: false, each is given
    /// all samples and reads its part. Own samples give the bits of a single process only where all but the last have a multiple of 64.
    /// </summary>
    public bool OwnSamples { get; init; }

    /// <summary>With <see cref="Communicator"/>: whether processes whose processors compute other bits may work together; default: false. Their result is as exact, but depends on who measures what.</summary>
    public bool AllowUnlikeRanks { get; init; }

    /// <summary>
    /// Where to write what is measured, after each stage: the file is there completely or not at all, a few times the size of the statistics. It may be deleted once the
    /// result is safe. Default: nowhere.
    /// </summary>
    public string? StateFile { get; init; }

    /// <summary>
    /// Go on from <see cref="StateFile"/>, after its last stage: stages that are done are computed again, not measured. Needs the same model, samples and settings, not the same number of processes;
    /// the result has the same bytes. Default: false, and the file must not exist yet.
    /// </summary>
    public bool Resume { get; init; }

    /// <summary>Throws when any setting is out of range, naming all that are.</summary>
    /// <exception cref="ArgumentException">At least one setting is out of range.</exception>
    public void Validate()
    {
        List<string> faults = [];
        if (BatchSize is < 1 or > LargestBatchSize) faults.Add(string.Create(CultureInfo.InvariantCulture, $"{nameof(BatchSize)} is {BatchSize}, expected 1 to {LargestBatchSize}"));
        if (MaxSamples < 1) faults.Add(string.Create(CultureInfo.InvariantCulture, $"{nameof(MaxSamples)} is {MaxSamples}, expected at least 1 (or null for all)"));
        if (WantedStandardError is { } error && !(error > 0 && double.IsFinite(error)))
            faults.Add(string.Create(CultureInfo.InvariantCulture, $"{nameof(WantedStandardError)} is {error}, expected a number above 0, such as 0.02 (or null to read all samples)"));
        if (!Enum.IsDefined(Variance)) faults.Add($"{nameof(Variance)} is {Variance}, expected {nameof(VarianceKind.Population)} or {nameof(VarianceKind.Sample)}");
        if (Policy is null) faults.Add($"{nameof(Policy)} is null, expected one such as {nameof(AdaptationPolicy)}.{nameof(AdaptationPolicy.AdaBN)}");
        if (JudgementImages is < 0 or > LargestBatchSize) faults.Add(string.Create(CultureInfo.InvariantCulture, $"{nameof(JudgementImages)} is {JudgementImages}, expected 0 to {LargestBatchSize}"));
        if (Labelled is { Labels.Count: 0 }) faults.Add($"{nameof(Labelled)} has no label, expected at least one (or null)");
        if (Labelled is { Samples.Count: { } labelled } && labelled != Labelled.Labels.Count) faults.Add(string.Create(CultureInfo.InvariantCulture, $"{nameof(Labelled)} has {labelled} samples and {Labelled.Labels.Count} labels, expected as many"));
        if (Labelled is not null && JudgementImages == 0) faults.Add($"{nameof(Labelled)} is given, but {nameof(JudgementImages)} is 0, so that nothing is judged");
        if (Workers < 1) faults.Add(string.Create(CultureInfo.InvariantCulture, $"{nameof(Workers)} is {Workers}, expected at least 1 (or null for one a processor)"));
        if (MaxMemory < 0) faults.Add(string.Create(CultureInfo.InvariantCulture, $"{nameof(MaxMemory)} is {MaxMemory}, expected 0 or more bytes (or null for half of the machine's)"));
        if (Resume && StateFile is null) faults.Add($"{nameof(Resume)} is set without a {nameof(StateFile)}");
        if (StateFile is not null && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(StateFile)))) faults.Add($"{nameof(StateFile)} '{StateFile}' is to lie in a folder that does not exist");
        if (Resume && StateFile is not null && Communicator is not { Rank: > 0 } && !File.Exists(StateFile)) faults.Add($"{nameof(StateFile)} '{StateFile}' does not exist; there is nothing to resume");
        if (Communicator is { Size: > 1 } && WantedStandardError is not null) faults.Add($"{nameof(WantedStandardError)} and {nameof(Communicator)} are both given, but the share of each process must be known before the first sample is read; set {nameof(MaxSamples)}");
        if (Communicator is { Size: > 1 } && OwnSamples && MaxSamples is not null) faults.Add($"{nameof(MaxSamples)} and {nameof(OwnSamples)} are both given; give each process the samples it shall read");
        if (SpillFolder is not null && !Directory.Exists(SpillFolder)) faults.Add($"{nameof(SpillFolder)} '{SpillFolder}' is no folder that exists");
        if (faults.Count > 0) throw new ArgumentException($"{nameof(AdaptationOptions)}: {string.Join("; ", faults)}.");
    }
}
