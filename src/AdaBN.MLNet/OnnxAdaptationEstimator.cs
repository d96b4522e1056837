using AdaBN.Onnx;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Onnx;

namespace AdaBN.MLNet;

/// <summary>
/// <see cref="IEstimator{TTransformer}"/> that adapts an ONNX model's BatchNormalization statistics to the domain of the rows it is
/// fitted on (AdaBN, Li et al., arXiv 1603.04779).
/// </summary>
/// <remarks>
/// Reads the input columns in one pass; labels, where there are any, are never read. Input: known-size vectors of float, named as
/// the model's inputs. Output: as the model declares. Not exportable by <c>ConvertToOnnx</c>; <see cref="OnnxAdaptationTransformer.SaveOnnx"/>
/// writes the adapted model instead. To create it use <see cref="OnnxAdaptationCatalog"/>. Any number of threads may use one estimator: each <c>Fit</c> stands
/// for itself (together they take as many threads as their <see cref="AdaptationOptions.Workers"/> say). What a <c>Fit</c> does is logged to the environment's channel <c>AdaptOnnxModel</c>:
/// stages as traces, the outcome as information, what to heed as warnings.
/// </remarks>
public sealed class OnnxAdaptationEstimator : IEstimator<OnnxAdaptationTransformer>
{
    private readonly ScoringFactory _scoring;
    private readonly string _modelFile;
    private readonly AdaptationOptions _options;
    private readonly IHostEnvironment? _environment;
    private readonly IProgress<AdaptationProgress>? _progress;
    private readonly CancellationToken _cancellationToken;
    private readonly DomainColumn? _domain;
    private readonly bool _findsDomains;
    private readonly OnnxScoringEstimator _sourceScoring;

    internal OnnxAdaptationEstimator(
        TransformsCatalog catalog, OnnxOptions scoring, AdaptationOptions options, IHostEnvironment? environment,
        IProgress<AdaptationProgress>? progress, DomainColumn? domain, bool findsDomains, CancellationToken cancellationToken)
    {
        (_modelFile, _options, _domain, _findsDomains) = (scoring.ModelFile, options, domain, findsDomains);
        (_environment, _progress, _cancellationToken) = (environment, progress, cancellationToken);
        _scoring = ScoringFactory.Of(catalog, scoring, environment, out _sourceScoring);
    }

    /// <summary>Adapts the model to the rows' domain.</summary>
    /// <param name="input">Rows of the new domain.</param>
    /// <exception cref="AdaptationException">The model or the rows cannot be used; the message says why and how to mend it.</exception>
    public OnnxAdaptationTransformer Fit(IDataView input) => Fit(input, null, _cancellationToken);

    /// <summary>Adapts to the rows and, where there are any, to earlier ones of which moments are left.</summary>
    internal OnnxAdaptationTransformer Fit(IDataView input, AdaptationMoments? earlier, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(input);
        _sourceScoring.Fit(input); // checks the schema as stock scoring does, before any row is read
        OnnxModel model = OnnxModel.Load(_modelFile);
        var rows = new DataViewSampleSource(input, _scoring.Inputs, _scoring.Shapes, _domain, mustCount: _options.Communicator is { Size: > 1 });
        using IChannel? channel = _environment?.Start(nameof(OnnxAdaptationCatalog.AdaptOnnxModel));
        IProgress<AdaptationProgress>? progress = channel is null ? _progress : new StageLog(channel, _progress);
        if (_domain is not null) return FitBank(DomainBank.Of(model, _domain.Name, _domain.Unknown).Adapt(rows, _options, null, progress, cancellationToken), _scoring with { Inputs = [.. _scoring.Inputs, _domain.Name] }, channel, input);
        if (_findsDomains) return FitBank(DomainBank.AdaptMixed(model, rows, _options, progress: progress, cancellationToken: cancellationToken), _scoring, channel, input);
        AdaptationResult result = earlier is null
            ? BatchNormAdapter.Adapt(model, rows, _options, progress, cancellationToken)
            : BatchNormAdapter.AdaptMore(model, earlier, rows, _options, progress, cancellationToken);
        AdaptationLog.Tell(channel, result.Report);
        return OnnxAdaptationTransformer.Create(this, result, _scoring, input);
    }

    private OnnxAdaptationTransformer FitBank(DomainBankResult result, ScoringFactory scoring, IChannel? channel, IDataView input)
    {
        foreach (BankedDomain domain in result.Bank.Domains) AdaptationLog.Tell(channel, result.Reports[domain.Id], $"Domain {domain.Name}: ");
        return OnnxAdaptationTransformer.Create(this, result, scoring, input);
    }

    /// <summary>The schema that the fitted step will produce.</summary>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        _domain?.Check(inputSchema);
        return _sourceScoring.GetOutputSchema(inputSchema);
    }
}
