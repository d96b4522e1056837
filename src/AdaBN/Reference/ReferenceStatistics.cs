using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Forms;
using AdaBN.Onnx;
using AdaBN.Reference;

namespace AdaBN;

/// <summary>
/// What the outputs of layers look like on the source domain, where their BatchNormalization was folded into them and the file tells no
/// statistics any more. Measured once from source images (unlabeled, some hundred suffice), kept in a file or in the model itself, and
/// used by every adaptation of the model: <see cref="AdaptationOptions.Reference"/>. Where a model has no BatchNormalization at all, the same of its
/// inputs (<see cref="MeasurePixels"/>). Immutable.
/// </summary>
public sealed class ReferenceStatistics
{
    private readonly Dictionary<string, ReferenceLayer> _byOutput;

    internal ReferenceStatistics(string computationSha256, string modelSha256, long samples, string toolVersion, IReadOnlyList<ReferenceLayer> layers)
    {
        (ComputationSha256, ModelSha256, Samples, ToolVersion, Layers) = (computationSha256, modelSha256, samples, toolVersion, layers);
        _byOutput = layers.ToDictionary(layer => layer.Output);
    }

    /// <summary>
    /// <see cref="OnnxModel.ComputationSha256"/> of the model it belongs to. The file's own hash would change with the first entry of
    /// metadata, this very reference included; what the layers compute would not.
    /// </summary>
    public string ComputationSha256 { get; }

    /// <summary>SHA-256 of the model's file that was measured.</summary>
    public string ModelSha256 { get; }

    /// <summary>Samples measured.</summary>
    public long Samples { get; }

    /// <summary>Version of the library that measured.</summary>
    public string ToolVersion { get; }

    /// <summary>The layers, in the order of computation.</summary>
    public IReadOnlyList<ReferenceLayer> Layers { get; }

    /// <summary>Measures a model's folded layers on samples of its source domain, all of them in the unchanged model, reading the data once.</summary>
    /// <param name="model">The model, as it will be adapted; it is not changed.</param>
    /// <param name="samples">Samples like those the model was trained on; no labels.</param>
    /// <param name="options">
    /// Settings; defaults where null. The layer filter chooses among all layers that a BatchNormalization could be folded into, those of
    /// which it is not thought included (<see cref="NormalizationLayer.CanAdapt"/> is false for these); without it, all that look so.
    /// </param>
    /// <param name="progress">Told after each batch, from worker threads.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="AdaptationException">The model or the data cannot be used; <see cref="AdaptationException.Error"/> says which way.</exception>
    public static ReferenceStatistics Measure(
        OnnxModel model, ISampleSource samples, AdaptationOptions? options = null, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Measure(model, WorkingModel.ToMeasure, samples, options, progress, cancellationToken);

    /// <summary>
    /// Measures a model's inputs on samples of its source domain, channel by channel along axis 1, instead of layers: adaptations with this
    /// reference align each channel of the target's pixels to the source's mean and variance, a way for models without any
    /// BatchNormalization. It corrects brightness, contrast and colour casts, and nothing that happens inside of a picture.
    /// </summary>
    /// <param name="model">The model, as it will be adapted; it is not changed.</param>
    /// <param name="samples">Samples like those the model was trained on; no labels.</param>
    /// <param name="options">Settings; defaults where null. The layer filter chooses among the inputs; without it, all are measured that can be aligned.</param>
    /// <param name="progress">Told after each batch, from worker threads.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="AdaptationException">The model or the data cannot be used; <see cref="AdaptationException.Error"/> says which way.</exception>
    public static ReferenceStatistics MeasurePixels(
        OnnxModel model, ISampleSource samples, AdaptationOptions? options = null, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Measure(model, WorkingModel.ToMeasurePixels, samples, options, progress, cancellationToken);

    private static ReferenceStatistics Measure(
        OnnxModel model, Func<OnnxModel, Func<NormalizationLayer, bool>?, WorkingModel> prepare, ISampleSource samples, AdaptationOptions? options,
        IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        options ??= new AdaptationOptions();
        options.Validate();
        WorkingModel measuring = prepare(model, options.LayerFilter);
        using var run = new AdaptationRun(measuring, samples, options, cancellationToken: cancellationToken);
        run.Foretell(AdaptationPolicy.KeepSource, cancellationToken);
        AdaptedLayers measured = run.PassAll(AdaptationPolicy.KeepSource, progress, cancellationToken);
        foreach ((BatchNormLayer layer, LayerEvidence evidence, _, _) in measured.Layers) evidence.Target.ToFloat(layer); // refused here rather than by the first adaptation
        return new ReferenceStatistics(model.ComputationSha256(), model.Sha256, measured.Samples, BatchNormAdapter.ToolVersion,
            [.. measured.Layers.Select(found => new ReferenceLayer(found.Layer.Info.Name, found.Layer.Output, found.Evidence.Target.Mean, found.Evidence.Target.Variance))]);
    }

    /// <summary>The layers that could be measured; those are by default whose <see cref="NormalizationLayer.CanAdapt"/> is true.</summary>
    public static IReadOnlyList<NormalizationLayer> Measurable(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [.. FormSurvey.ToMeasure(model).Layers.Where(found => found.Folded is not null).Select(found => found.Info)];
    }

    /// <summary>The inputs of a model, as <see cref="MeasurePixels"/> sees them; <see cref="NormalizationLayer.DeclinedBecause"/> says which cannot be aligned, and why.</summary>
    public static IReadOnlyList<NormalizationLayer> MeasurableInputs(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [.. FormSurvey.ToMeasurePixels(model).Layers.Where(found => found.Input is not null).Select(found => found.Info)];
    }

    /// <summary>Reads a file that <see cref="Save"/> wrote.</summary>
    /// <exception cref="AdaptationException">The file is damaged or no reference.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ReferenceStatistics Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream stream = File.OpenRead(path);
        return ReferenceFile.Read(stream, path);
    }

    /// <summary>Writes it as JSON, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written; what stood there before is untouched.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, stream => ReferenceFile.Write(this, stream));
    }

    /// <summary>The reference that a model carries in its metadata, or null.</summary>
    /// <exception cref="AdaptationException">It is damaged.</exception>
    public static ReferenceStatistics? EmbeddedIn(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Metadata.FirstOrDefault(entry => entry.Key == ReferenceFile.MetadataKey) is { Value: { } text } ? ReferenceFile.Unpack(text) : null;
    }

    /// <summary>Puts it into a model's metadata, where adaptations find it by themselves.</summary>
    /// <exception cref="AdaptationException">It is of another model.</exception>
    public void EmbedIn(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        CheckAgainst(model, isEmbedded: false);
        model.SetMetadata(ReferenceFile.MetadataKey, ReferenceFile.Pack(this));
    }

    /// <summary>
    /// Renews what an adapted model carries. Its layers' outputs have these very statistics on the domain it was adapted to; its inputs have the
    /// statistics that were decided for them, from which it takes them to these.
    /// </summary>
    internal void RenewIn(OnnxModel adapted, IEnumerable<DecidedLayer> changed)
    {
        if (!adapted.Metadata.Any(entry => entry.Key == ReferenceFile.MetadataKey)) return;
        var inputs = changed.Where(found => found.Layer.Info.IsInput).ToDictionary(found => found.Layer.Output, found => found.Decision.ToFloat(found.Layer));
        var renewed = new ReferenceStatistics(adapted.ComputationSha256(), ModelSha256, Samples, ToolVersion,
            [.. Layers.Select(layer => inputs.TryGetValue(layer.Output, out (float[] Mean, float[] Variance) decided) ? layer with { Mean = [.. decided.Mean], Variance = [.. decided.Variance] } : layer)]);
        adapted.SetMetadata(ReferenceFile.MetadataKey, ReferenceFile.Pack(renewed));
    }

    /// <summary>The given reference, or the one that the model carries; checked, null where there is none.</summary>
    internal static ReferenceStatistics? For(OnnxModel model, ReferenceStatistics? given)
    {
        ReferenceStatistics? reference = given ?? EmbeddedIn(model);
        reference?.CheckAgainst(model, isEmbedded: given is null);
        return reference;
    }

    internal ReferenceLayer? Find(string output) => _byOutput.GetValueOrDefault(output);

    /// <summary>Whether it says nothing of layers that a BatchNormalization was folded into.</summary>
    internal bool IsOfInputsOnly(OnnxModel model) => Layers.All(layer => model.Graph.RequiredInputs.Any(input => input.Name == layer.Output));

    private void CheckAgainst(OnnxModel model, bool isEmbedded)
    {
        string found = model.ComputationSha256();
        if (found != ComputationSha256)
        {
            throw new AdaptationException(AdaptationError.InvalidReference,
                $"The reference statistics {(isEmbedded ? $"in the model's metadata ('{ReferenceFile.MetadataKey}') " : "")}are of another model: measured on one whose computation has the SHA-256 {ComputationSha256} (file {ModelSha256}), " +
                $"but this one's is {found} (file {model.Sha256}). " +
                (isEmbedded ? "Measure this one ('adabn reference MODEL --data SOURCE.npy --embed OUT.onnx'), or give a reference of its own." : "Give the model that was measured, or measure this one ('adabn reference')."));
        }
    }

    /// <summary>Refuses a reference that does not fit the layers of its own model.</summary>
    internal void CheckAgainst(IEnumerable<(Value Measured, int Channels)> layers)
    {
        Dictionary<string, int> channels = layers.ToDictionary(layer => layer.Measured.Name, layer => layer.Channels);
        foreach (ReferenceLayer layer in Layers)
        {
            if (channels.GetValueOrDefault(layer.Output) is var expected && expected == layer.Mean.Count) continue;
            throw new AdaptationException(AdaptationError.InvalidReference, string.Create(CultureInfo.InvariantCulture,
                $"The reference statistics are damaged: they hold {layer.Mean.Count} channels of layer '{layer.Name}', which has {expected} in the model. Measure them anew ('adabn reference')."));
        }
    }
}

/// <summary>What a layer's output, or an input of the model, looks like on the source domain. Both lists have one number a channel.</summary>
/// <param name="Name">The node's name, or its output's where it has none; the input's.</param>
/// <param name="Output">The name of what it computes, unique in the model; the input's.</param>
/// <param name="Mean">Means.</param>
/// <param name="Variance">Variances.</param>
public sealed record ReferenceLayer(string Name, string Output, IReadOnlyList<double> Mean, IReadOnlyList<double> Variance);
