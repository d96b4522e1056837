using AdaBN.Distributed;
using AdaBN.Forms;
using AdaBN.Onnx;
using AdaBN.Reference;

namespace AdaBN;

/// <summary>A stage that was merged.</summary>
/// <param name="Stage">The stage, from 0.</param>
/// <param name="Result">After the last stage, the adapted model and what was measured; null before.</param>
public sealed record StageMerge(int Stage, AdaptationResult? Result);

/// <summary>
/// An adaptation by processes that never meet (indexed jobs, arrays of a batch system): each stage is measured in parts, one process a part, and merged by one; the model
/// comes out at the last merge, with the bytes of a single process. Nothing is judged on the way: give a policy that needs no drawn images.
/// </summary>
public static class StageParts
{
    /// <summary>Measures a part of a stage. Stages before it are computed again, as the state decides them.</summary>
    /// <param name="model">The source model.</param>
    /// <param name="samples">All samples; the part is read.</param>
    /// <param name="stage">The stage, from 0: as many as <see cref="AdaptationOptions.StateFile"/> has done; 0 needs none.</param>
    /// <param name="shard">The part, from 0.</param>
    /// <param name="of">Number of parts.</param>
    /// <param name="path">Where to write what was measured; there completely or not at all.</param>
    /// <param name="options">Settings, the same for all parts and merges; labels and a wanted precision are none of them. Defaults where null.</param>
    /// <param name="metadata">Entries that the adapted model shall carry beside its own; the same for all parts.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellationToken">Stops the work; nothing is written.</param>
    /// <exception cref="AdaptationException">The model, the data or the state cannot be used.</exception>
    /// <exception cref="ArgumentException">A number or an option is out of range.</exception>
    public static void Measure(
        OnnxModel model, ISampleSource samples, int stage, int shard, int of, string path, AdaptationOptions? options = null, IReadOnlyDictionary<string, string>? metadata = null, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentOutOfRangeException.ThrowIfNegative(stage);
        ArgumentOutOfRangeException.ThrowIfLessThan(of, 1);
        if (shard < 0 || shard >= of) throw new ArgumentOutOfRangeException(nameof(shard), shard, $"Expected a part from 0 to {of - 1}.");
        var given = new GivenParts(stage, shard, of);
        options = OptionsOf(options, given, stage);
        try
        {
            BatchNormAdapter.Adapt(model, samples, options, progress, cancellationToken);
        }
        catch (StageDoneException)
        {
            MeasuredPart.Write(path, model.Sha256, SettingsOf(options, model), given, samples.Inputs, metadata ?? new Dictionary<string, string>());
            return;
        }
        throw new AdaptationException(AdaptationError.InvalidState, $"The model has no stage {stage}: all of its stages are done.");
    }

    /// <summary>Merges all parts of a stage into the state.</summary>
    /// <param name="model">The source model.</param>
    /// <param name="parts">The files, in any order.</param>
    /// <param name="options">Settings; <see cref="AdaptationOptions.StateFile"/> is written, or for a stage after the first gone on with.</param>
    /// <param name="cancellationToken">Stops the work; the state is as before.</param>
    /// <returns>The stage, and after the last one the adapted model.</returns>
    /// <exception cref="AdaptationException">Parts are damaged, missing, or not of one run; or the state is not of it.</exception>
    /// <exception cref="ArgumentException">There is no part, or no state file is given.</exception>
    public static StageMerge Merge(OnnxModel model, IReadOnlyList<string> parts, AdaptationOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentNullException.ThrowIfNull(options);
        if (parts.Count == 0) throw new ArgumentException("Give the parts of a stage.", nameof(parts));
        if (options.StateFile is null) throw new ArgumentException($"Give a {nameof(AdaptationOptions.StateFile)} to merge into.", nameof(options));
        IReadOnlyList<MeasuredPart> read = MeasuredPart.ReadAll(parts);
        var kept = new KeptParts(read[0].Stage, [.. read.Select(part => part.Given.Select(Convert.FromBase64String).ToArray())]);
        options = OptionsOf(options, kept, read[0].Stage);
        string settings = SettingsOf(options, model);
        if (read[0].Model != model.Sha256) throw new AdaptationException(AdaptationError.InvalidState, $"The parts are of another model (SHA-256 {read[0].Model}, expected {model.Sha256}).");
        if (read[0].Settings != settings) throw new AdaptationException(AdaptationError.InvalidState, $"The parts were measured with other settings ({read[0].Settings}), expected {settings}.");
        try
        {
            AdaptationResult result = BatchNormAdapter.Adapt(model, new Measured([.. read[0].Inputs.Select(input => new SampleInput(input.Name, [.. input.Shape]))], read[0].Total), options, null, cancellationToken);
            foreach ((string key, string value) in read[0].Metadata) result.Model.SetMetadata(key, value);
            return new StageMerge(read[0].Stage, result);
        }
        catch (StageDoneException)
        {
            return new StageMerge(read[0].Stage, null);
        }
    }

    private static string SettingsOf(AdaptationOptions options, OnnxModel model)
    {
        ReferenceStatistics? reference = ReferenceStatistics.For(model, options.Reference);
        return AdaptationRun.SettingsOf(options, WorkingModel.Of(model, options.LayerFilter, reference), reference);
    }

    private static AdaptationOptions OptionsOf(AdaptationOptions? options, ICommunicator communicator, int stage)
    {
        options ??= new AdaptationOptions();
        if (options.Labelled is not null || options.WantedStandardError is not null || options.OwnSamples)
            throw new ArgumentException($"{nameof(AdaptationOptions.Labelled)}, {nameof(AdaptationOptions.WantedStandardError)} and {nameof(AdaptationOptions.OwnSamples)} are none of the settings of parts.", nameof(options));
        if (stage > 0 && options.StateFile is null) throw new ArgumentException($"Stage {stage} goes on from a state; give its {nameof(AdaptationOptions.StateFile)}.", nameof(options));
        return options with { Communicator = communicator, JudgementImages = 0, Resume = stage > 0, StateFile = stage > 0 || communicator is KeptParts ? options.StateFile : null };
    }

    /// <summary>Samples that were measured elsewhere.</summary>
    private sealed record Measured(IReadOnlyList<SampleInput> Inputs, long? Count) : ISampleSource, ISampleReader
    {
        public ISampleReader OpenReader() => this;

        public bool TryRead(IReadOnlyList<Memory<float>> destination) => false;

        public void Dispose()
        {
        }
    }
}
