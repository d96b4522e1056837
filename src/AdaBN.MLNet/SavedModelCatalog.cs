using AdaBN;
using AdaBN.MLNet;
using AdaBN.Onnx;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Adds AdaBN to <c>mlContext.Model</c>.</summary>
public static class SavedModelCatalog
{
    /// <summary>
    /// Adapts the ONNX models within a saved pipeline to the domain of new rows, in place. The pipeline's other steps, and all other content of the file, stay byte for byte; it may
    /// have been saved by any ML.NET program, with <c>ApplyOnnxModel</c> or <c>AdaptOnnxModel</c>.
    /// </summary>
    /// <param name="catalog">The operations on models.</param>
    /// <param name="filePath">The pipeline, as <c>mlContext.Model.Save</c> wrote it. It is written beside and renamed: where anything fails, or the work is cancelled, it is as it was.</param>
    /// <param name="data">Unlabeled rows as the pipeline takes them; its steps in front of the ONNX model are run on them, for each ONNX step once.</param>
    /// <param name="options">
    /// Settings of the adaptation; defaults where null. Where the policy or <see cref="AdaptationOptions.FallBackToSource"/> leaves every statistic as it is, the file is not written.
    /// </param>
    /// <param name="step">Which of the pipeline's ONNX steps, from 0. Default: each that has BatchNormalization, first to last, a later one on what the adapted earlier ones give.</param>
    /// <param name="environment">Where to log; the <see cref="MLContext"/> itself will do. No log where null.</param>
    /// <param name="progress">Told after each batch of rows, from worker threads; of one step after another.</param>
    /// <param name="shapeDictionary">Shapes for inputs whose declared shape leaves axes other than the first open, batch axis included.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>What was measured of each step, and whether the file was written.</returns>
    /// <remarks>
    /// A model that was adapted before is adapted again from what it is now: its statistics are the source that policies start from and the report compares with, and
    /// <c>adabn.source_sha256</c> in its metadata names the model as it was in the file. To start from the original again, keep that pipeline.
    /// </remarks>
    /// <exception cref="OnnxModelException">The file is no saved pipeline, is damaged, or holds no ONNX model.</exception>
    /// <exception cref="AdaptationException">A model or the rows cannot be used; the message says why and how to mend it.</exception>
    /// <exception cref="ArgumentException">The options are out of range, or there is no such step.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static SavedModelAdaptation AdaptSavedModel(
        this ModelOperationsCatalog catalog, string filePath, IDataView data, AdaptationOptions? options = null, int? step = null, IHostEnvironment? environment = null,
        IProgress<AdaptationProgress>? progress = null, IReadOnlyDictionary<string, int[]>? shapeDictionary = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrEmpty(filePath);
        ArgumentNullException.ThrowIfNull(data);
        options ??= new AdaptationOptions();
        options.Validate();
        using IChannel? channel = environment?.Start(nameof(AdaptSavedModel));
        return new SavedModelAdapter(catalog, options, shapeDictionary, channel, progress, cancellationToken).Adapt(filePath, data, step);
    }
}
