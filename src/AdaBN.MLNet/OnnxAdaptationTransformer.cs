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
/// <remarks>A prediction engine made from it disposes it with itself, as it does with any ML.NET step, unless told otherwise.</remarks>
public sealed class OnnxAdaptationTransformer : ITransformer, IDisposable
{
    private readonly TemporaryModelFile _file;
    private readonly OnnxTransformer _scorer;
    private readonly BatchScorer? _batches;
    private bool _isDisposed;

    private readonly AdaptationReport? _report;

    private OnnxAdaptationTransformer(OnnxModel model, AdaptationReport? report, DomainBankResult? domains, TemporaryModelFile file, OnnxTransformer scorer, BatchScorer? batches)
    {
        Model = model;
        _report = report;
        Domains = domains;
        _file = file;
        _scorer = scorer;
        _batches = batches;
    }

    /// <summary>The adapted model; for rows of several domains, the bank of them.</summary>
    public OnnxModel Model { get; }

    /// <summary>What was measured and changed.</summary>
    /// <exception cref="InvalidOperationException">The rows were of several domains; each has its own, in <see cref="Domains"/>.</exception>
    public AdaptationReport Report => _report ?? throw new InvalidOperationException($"The step was fitted to {Domains!.Reports.Count} domains, each with a report of its own: see {nameof(Domains)}.");

    /// <summary>The bank and each domain's report, where the rows were of several domains (<c>domainColumnName</c>, <c>findDomains</c>); else null.</summary>
    public DomainBankResult? Domains { get; }

    /// <inheritdoc/>
    bool ITransformer.IsRowToRowMapper => ((ITransformer)Scorer).IsRowToRowMapper;

    private OnnxTransformer Scorer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _scorer;
        }
    }

    /// <summary>Writes the adapted model as an <c>.onnx</c> file, for any ONNX Runtime program.</summary>
    /// <param name="path">The file; replaced as a whole where it exists. Data that the source model keeps outside is copied beside it, as <see cref="Model"/> saves itself.</param>
    public void SaveOnnx(string path) => Model.Save(path);

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
        return _batches is null ? stock : BatchScoredView.TryCreate(_batches, input, stock) ?? stock;
    }

    /// <inheritdoc/>
    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => ((ITransformer)Scorer).GetRowToRowMapper(inputSchema);

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

    internal static OnnxAdaptationTransformer Create(OnnxModel model, AdaptationReport? report, DomainBankResult? domains, ScoringFactory scoring, IDataView input)
    {
        // Stock scoring reads its model from a file and, on Save, reads it again: it has to live as long as the step. That one file is all
        // it saves, so the model's data has to be inside.
        var file = new TemporaryModelFile("adapted.onnx");
        try
        {
            model.ToSingleFile().Save(file.Path);
            OnnxTransformer scorer = scoring.Create(file.Path).Fit(input);
            return new OnnxAdaptationTransformer(model, report, domains, file, scorer, BatchScorer.TryCreate(model, file.Path, scoring));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
