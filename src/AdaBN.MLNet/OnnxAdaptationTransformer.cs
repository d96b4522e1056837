using AdaBN.MLNet.Scoring;
using AdaBN.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Onnx;

namespace AdaBN.MLNet;

/// <summary>
/// <see cref="ITransformer"/> that scores with an adapted ONNX model. A saved pipeline holds it as ML.NET's own ONNX step, so it loads
/// in programs that do not know this library; how the model was adapted stands in the ONNX file's metadata.
/// </summary>
/// <remarks>
/// Any number of threads may use it, and what comes of it, at a time, except <see cref="Dispose"/>: end other work first. Afterwards all that needs the model's file or session ends in an
/// <see cref="ObjectDisposedException"/>; <see cref="Model"/> and reports stay. A prediction engine serves one thread, as any does in ML.NET, and disposes the step it was
/// made from with itself, unless told otherwise; several may share one step.
/// </remarks>
public sealed class OnnxAdaptationTransformer : ITransformer, IDisposable
{
    private readonly OnnxAdaptationEstimator _estimator;
    private readonly AdaptationResult? _result;
    private readonly TemporaryModelFile _file;
    private readonly OnnxTransformer _scorer;
    private readonly BatchScorer? _batches;
    private volatile bool _isDisposed;

    private OnnxAdaptationTransformer(OnnxAdaptationEstimator estimator, OnnxModel model, AdaptationResult? result, DomainBankResult? domains, TemporaryModelFile file, OnnxTransformer scorer, BatchScorer? batches)
    {
        (_estimator, _result, _file, _scorer, _batches) = (estimator, result, file, scorer, batches);
        (Model, Domains) = (model, domains);
    }

    /// <summary>The adapted model; for rows of several domains, the bank of them.</summary>
    public OnnxModel Model { get; }

    /// <summary>What was measured and changed.</summary>
    /// <exception cref="InvalidOperationException">The rows were of several domains; each has its own, in <see cref="Domains"/>.</exception>
    public AdaptationReport Report => (_result ?? throw new InvalidOperationException($"The step was fitted to {Domains!.Reports.Count} domains, each with a report of its own: see {nameof(Domains)}.")).Report;

    /// <summary>The bank and each domain's report, where the rows were of several domains (<c>domainColumnName</c>, <c>findDomains</c>); else null.</summary>
    public DomainBankResult? Domains { get; }

    /// <inheritdoc/>
    bool ITransformer.IsRowToRowMapper => ((ITransformer)Scorer).IsRowToRowMapper;

    private OnnxTransformer Scorer
    {
        get
        {
            ThrowIfDisposed();
            return _scorer;
        }
    }

    /// <summary>
    /// Adapts to these rows and those that this step was fitted to, as <c>Fit</c> on all of them would, without reading the old ones again: their moments are kept, a few numbers a channel.
    /// </summary>
    /// <param name="data">Further rows of the same domain; read once, held, and computed twice.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>A new step, from which one can go on again; this one stays as it is.</returns>
    /// <remarks>
    /// Exact for layers without an adapted layer before them, very near for deeper ones: see <see cref="BatchNormAdapter.AdaptMore"/>. A policy that looks at single images needs
    /// <see cref="AdaptationOptions.KeepImageMoments"/>. Saved pipelines and <c>.onnx</c> files hold no moments: what is loaded can be adapted again, not gone on with.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The rows were of several domains.</exception>
    /// <exception cref="AdaptationException">The rows cannot be used, or the model's file has changed since.</exception>
    public OnnxAdaptationTransformer FitMore(IDataView data, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        if (_result is null) throw new InvalidOperationException($"The step was fitted to {Domains!.Reports.Count} domains, of which it keeps statistics, not moments. Fit on all rows, or adapt the new ones as a domain of their own ({nameof(DomainBank)}.{nameof(DomainBank.Adapt)}).");
        return _estimator.Fit(data, _result.Moments, cancellationToken);
    }

    /// <summary>Writes the adapted model as an <c>.onnx</c> file, for any ONNX Runtime program.</summary>
    /// <param name="path">The file; replaced as a whole where it exists. Data that the source model keeps outside is copied beside it, as <see cref="Model"/> saves itself.</param>
    public void SaveOnnx(string path)
    {
        ThrowIfDisposed();
        Model.Save(path);
    }

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Scorer.GetOutputSchema(inputSchema);

    /// <summary>Adds the model's outputs to the rows: the columns, values and order of ML.NET's own ONNX step, computed in blocks of rows.</summary>
    /// <param name="input">The rows. Each pass over the result reads them once, a few blocks ahead.</param>
    /// <remarks>
    /// As many blocks are scored at a time as there are processors, each on one thread; the first pass opens a session for that beside
    /// ML.NET's, which options set by <c>SetOnnxSessionOption</c> do not reach. Left to ML.NET's step, row by row, are models whose batch
    /// axis is fixed, whose inputs are no float tensors or have other open axes, or whose outputs are no tensors of numbers; passes that
    /// ask for a column whose values cannot be kept, such as an image; and everything that is to be scored on a GPU. A model that turns
    /// out to mix the rows of a batch is run row by row as well.
    /// </remarks>
    public IDataView Transform(IDataView input)
    {
        IDataView stock = Scorer.Transform(input); // checks the schema as well
        return (_batches is null ? null : BatchScoredView.TryCreate(_batches, input, stock)) ?? (IDataView)new GuardedView(stock, ThrowIfDisposed);
    }

    /// <inheritdoc/>
    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => new GuardedMapper(((ITransformer)Scorer).GetRowToRowMapper(inputSchema), ThrowIfDisposed);

    /// <inheritdoc/>
    void ICanSaveModel.Save(ModelSaveContext ctx) => ((ICanSaveModel)Scorer).Save(ctx);

    /// <summary>Closes the session and removes the temporary model file.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _batches?.Dispose();
        _scorer.Dispose();
        _file.Dispose();
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed, this);

    internal static OnnxAdaptationTransformer Create(OnnxAdaptationEstimator estimator, AdaptationResult result, ScoringFactory scoring, IDataView input) => Create(estimator, result.Model, result, null, scoring, input);

    internal static OnnxAdaptationTransformer Create(OnnxAdaptationEstimator estimator, DomainBankResult result, ScoringFactory scoring, IDataView input) => Create(estimator, result.Bank.ToModel(), null, result, scoring, input);

    private static OnnxAdaptationTransformer Create(OnnxAdaptationEstimator estimator, OnnxModel model, AdaptationResult? result, DomainBankResult? domains, ScoringFactory scoring, IDataView input)
    {
        // Stock scoring reads its model from a file and, on Save, reads it again: it has to live as long as the step. That one file is all
        // it saves, so the model's data has to be inside.
        var file = new TemporaryModelFile("adapted.onnx");
        try
        {
            model.ToSingleFile().Save(file.Path);
            OnnxTransformer scorer = scoring.Create(file.Path).Fit(input);
            return new OnnxAdaptationTransformer(estimator, model, result, domains, file, scorer, BatchScorer.TryCreate(model, file.Path, scoring));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
