using AdaBN;
using AdaBN.MLNet;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Onnx;

namespace Microsoft.ML;

/// <summary>Adds AdaBN to <c>mlContext.Transforms</c>.</summary>
public static class OnnxAdaptationCatalog
{
    /// <summary>
    /// Creates an <see cref="OnnxAdaptationEstimator"/>: <c>Fit</c> re-estimates the BatchNormalization statistics of an ONNX model on
    /// the rows of the input column, which need no labels; the fitted step scores with the adapted model.
    /// </summary>
    /// <param name="catalog">The transforms catalog.</param>
    /// <param name="outputColumnName">The output column, named as the model's output.</param>
    /// <param name="inputColumnName">The input column, named as the model's input: a known-size vector of <see cref="float"/>, row-major without the batch axis.</param>
    /// <param name="modelFile">The ONNX model's file; it is not changed.</param>
    /// <param name="options">Settings of the adaptation; defaults where null.</param>
    /// <param name="environment">Where to log; the <see cref="MLContext"/> itself will do. No log where null.</param>
    /// <param name="progress">Told after each batch of rows, from worker threads.</param>
    /// <param name="shapeDictionary">Shapes for inputs whose declared shape leaves axes other than the first open, batch axis included, as in <c>ApplyOnnxModel</c>.</param>
    /// <param name="gpuDeviceId">GPU to score on, as in <c>ApplyOnnxModel</c> and row by row as there; statistics are measured on the CPU.</param>
    /// <param name="fallbackToCpu">Whether to score on the CPU where the GPU cannot be used, with a warning to <paramref name="environment"/>; else that is an error.</param>
    /// <param name="domainColumnName">
    /// The column that says of which domain a row is: a scalar <see cref="long"/>, the domain's id, from 1. <c>Fit</c> reads the rows once and adapts to each domain,
    /// <c>Transform</c> scores each row by its own, all with one model (<see cref="DomainBank"/>). Default: all rows are of one domain.
    /// </param>
    /// <param name="unknownDomain">What scoring does with an id that no row had in <c>Fit</c>. Default: it scores as the source model.</param>
    /// <param name="findDomains">
    /// Whether rows may be of several domains and nobody knows which of which: <c>Fit</c> finds them by the texture of the pictures (<see cref="DomainBank.AdaptMixed"/>), the model tells
    /// the domain of a row from its picture. Not together with <paramref name="domainColumnName"/>. Default: false.
    /// </param>
    /// <param name="cancellationToken">Stops a <c>Fit</c>.</param>
    public static OnnxAdaptationEstimator AdaptOnnxModel(
        this TransformsCatalog catalog, string outputColumnName, string inputColumnName, string modelFile,
        AdaptationOptions? options = null, IHostEnvironment? environment = null, IProgress<AdaptationProgress>? progress = null,
        IReadOnlyDictionary<string, int[]>? shapeDictionary = null, int? gpuDeviceId = null, bool fallbackToCpu = false,
        string? domainColumnName = null, UnknownDomain unknownDomain = UnknownDomain.UsesSource, bool findDomains = false, CancellationToken cancellationToken = default) =>
        catalog.AdaptOnnxModel([outputColumnName], [inputColumnName], modelFile, options, environment, progress, shapeDictionary, gpuDeviceId, fallbackToCpu, domainColumnName, unknownDomain, findDomains, cancellationToken);

    /// <summary>As the other overload, for models with several inputs or outputs.</summary>
    /// <param name="catalog">The transforms catalog.</param>
    /// <param name="outputColumnNames">The output columns, named as the model's outputs.</param>
    /// <param name="inputColumnNames">The input columns, named as the model's inputs: known-size vectors of <see cref="float"/>, row-major without the batch axis.</param>
    /// <param name="modelFile">The ONNX model's file; it is not changed.</param>
    /// <param name="options">Settings of the adaptation; defaults where null.</param>
    /// <param name="environment">Where to log; the <see cref="MLContext"/> itself will do. No log where null.</param>
    /// <param name="progress">Told after each batch of rows, from worker threads.</param>
    /// <param name="shapeDictionary">Shapes for inputs whose declared shape leaves axes other than the first open, batch axis included, as in <c>ApplyOnnxModel</c>.</param>
    /// <param name="gpuDeviceId">GPU to score on, as in <c>ApplyOnnxModel</c> and row by row as there; statistics are measured on the CPU.</param>
    /// <param name="fallbackToCpu">Whether to score on the CPU where the GPU cannot be used, with a warning to <paramref name="environment"/>; else that is an error.</param>
    /// <param name="domainColumnName">
    /// The column that says of which domain a row is: a scalar <see cref="long"/>, the domain's id, from 1. <c>Fit</c> reads the rows once and adapts to each domain,
    /// <c>Transform</c> scores each row by its own, all with one model (<see cref="DomainBank"/>). Default: all rows are of one domain.
    /// </param>
    /// <param name="unknownDomain">What scoring does with an id that no row had in <c>Fit</c>. Default: it scores as the source model.</param>
    /// <param name="findDomains">
    /// Whether rows may be of several domains and nobody knows which of which: <c>Fit</c> finds them by the texture of the pictures (<see cref="DomainBank.AdaptMixed"/>), the model tells
    /// the domain of a row from its picture. Not together with <paramref name="domainColumnName"/>. Default: false.
    /// </param>
    /// <param name="cancellationToken">Stops a <c>Fit</c>.</param>
    public static OnnxAdaptationEstimator AdaptOnnxModel(
        this TransformsCatalog catalog, string[] outputColumnNames, string[] inputColumnNames, string modelFile,
        AdaptationOptions? options = null, IHostEnvironment? environment = null, IProgress<AdaptationProgress>? progress = null,
        IReadOnlyDictionary<string, int[]>? shapeDictionary = null, int? gpuDeviceId = null, bool fallbackToCpu = false,
        string? domainColumnName = null, UnknownDomain unknownDomain = UnknownDomain.UsesSource, bool findDomains = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(outputColumnNames);
        ArgumentNullException.ThrowIfNull(inputColumnNames);
        var scoring = new OnnxOptions
        {
            ModelFile = modelFile, OutputColumns = outputColumnNames, InputColumns = inputColumnNames, ShapeDictionary = shapeDictionary?.ToDictionary(), GpuDeviceId = gpuDeviceId, FallbackToCpu = fallbackToCpu,
        };
        return catalog.AdaptOnnxModel(scoring, options, environment, progress, domainColumnName, unknownDomain, findDomains, cancellationToken);
    }

    /// <summary>As the other overloads, with all settings of scoring that ML.NET has: threads, nesting of the file, GPU, shapes.</summary>
    /// <param name="catalog">The transforms catalog.</param>
    /// <param name="scoring">
    /// The model's file, columns, and how to score, as for <c>ApplyOnnxModel</c>; columns left out are all of the model's. <see cref="OnnxOptions.IntraOpNumThreads"/> also limits how many blocks
    /// of rows are scored at a time. It is read once, and does not concern measuring: see <see cref="AdaptationOptions.Workers"/>.
    /// </param>
    /// <param name="options">Settings of the adaptation; defaults where null.</param>
    /// <param name="environment">Where to log; the <see cref="MLContext"/> itself will do, and then its GPU settings hold where <paramref name="scoring"/> has none. No log where null.</param>
    /// <param name="progress">Told after each batch of rows, from worker threads.</param>
    /// <param name="domainColumnName">The column that says of which domain a row is, as in the other overloads.</param>
    /// <param name="unknownDomain">What scoring does with an id that no row had in <c>Fit</c>.</param>
    /// <param name="findDomains">Whether rows may be of several domains and nobody knows which of which.</param>
    /// <param name="cancellationToken">Stops a <c>Fit</c>.</param>
    public static OnnxAdaptationEstimator AdaptOnnxModel(
        this TransformsCatalog catalog, OnnxOptions scoring, AdaptationOptions? options = null, IHostEnvironment? environment = null, IProgress<AdaptationProgress>? progress = null,
        string? domainColumnName = null, UnknownDomain unknownDomain = UnknownDomain.UsesSource, bool findDomains = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(scoring);
        ArgumentException.ThrowIfNullOrEmpty(scoring.ModelFile);
        if (findDomains && domainColumnName is not null) throw new ArgumentException("Either a column says of which domain a row is, or Fit finds that out; give one of the two.", nameof(findDomains));
        options ??= new AdaptationOptions();
        options.Validate();
        return new OnnxAdaptationEstimator(catalog, scoring, options, environment, progress, domainColumnName is null ? null : new DomainColumn(domainColumnName, unknownDomain), findDomains, cancellationToken);
    }
}
