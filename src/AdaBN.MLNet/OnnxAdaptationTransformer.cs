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
    private bool _isDisposed;

    private OnnxAdaptationTransformer(AdaptationResult result, TemporaryModelFile file, OnnxTransformer scorer)
    {
        Model = result.Model;
        Report = result.Report;
        _file = file;
        _scorer = scorer;
    }

    /// <summary>The adapted model.</summary>
    public OnnxModel Model { get; }

    /// <summary>What was measured and changed.</summary>
    public AdaptationReport Report { get; }

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
    /// <param name="path">The file; replaced as a whole where it exists.</param>
    public void SaveOnnx(string path) => Model.Save(path);

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Scorer.GetOutputSchema(inputSchema);

    /// <inheritdoc/>
    public IDataView Transform(IDataView input) => Scorer.Transform(input);

    /// <inheritdoc/>
    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => ((ITransformer)Scorer).GetRowToRowMapper(inputSchema);

    /// <inheritdoc/>
    void ICanSaveModel.Save(ModelSaveContext ctx) => ((ICanSaveModel)Scorer).Save(ctx);

    /// <summary>Closes the session and removes the temporary model file.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _scorer.Dispose();
        _file.Dispose();
    }

    internal static OnnxAdaptationTransformer Create(AdaptationResult result, ScoringFactory scoring, IDataView input)
    {
        // Stock scoring reads its model from a file and, on Save, reads it again: it has to live as long as the step.
        var file = new TemporaryModelFile();
        try
        {
            result.Model.Save(file.Path);
            return new OnnxAdaptationTransformer(result, file, scoring.Create(file.Path).Fit(input));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
