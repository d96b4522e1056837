using System.Diagnostics;
using AdaBN.MLNet;
using AdaBN.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.Benchmarks.Systems;

/// <summary>
/// ML.NET's way to a model's outputs, all rows through one cursor: its own ONNX step with the source model, or this library's fitted step.
/// </summary>
internal sealed class Scoring : ISystem
{
#if OFFLINE_DEPENDENCIES
    private const string MLNet = "measured on the ML.NET stand-in, not on ML.NET";
#else
    private const string MLNet = "ML.NET";
#endif
    private const int RowsToFitOn = 64;

    private readonly IDataView _rows;
    private readonly ITransformer _step;
    private readonly string _output;
    private readonly string _name;
    private readonly int _count;
    private int _scored;

    public Scoring(string modelFile, Images images, bool isStock)
    {
        Value output = OnnxModel.Load(modelFile).Graph.Outputs.Single();
        (_output, _count) = (output.Name, images.Count);
        _name = isStock ? "stock OnnxTransformer" : nameof(OnnxAdaptationTransformer);
        var context = new MLContext();
        ImageRow[] rows = [.. Enumerable.Range(0, images.Count).Select(i => new ImageRow { Image = images[i].ToArray() })];
        _rows = View(context, rows, images);
        _step = isStock
            ? context.Transforms.ApplyOnnxModel(_output, images.InputName, modelFile).Fit(_rows)
            : context.Transforms.AdaptOnnxModel(_output, images.InputName, modelFile).Fit(View(context, rows[..RowsToFitOn], images));
    }

    public string Note => $"{_name}, one cursor over all rows; {MLNet}";

    public double Pass()
    {
        long start = Stopwatch.GetTimestamp();
        _scored = 0;
        IDataView scored = _step.Transform(_rows);
        using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema[_output]]);
        ValueGetter<VBuffer<float>> getter = cursor.GetGetter<VBuffer<float>>(scored.Schema[_output]);
        VBuffer<float> logits = default;
        while (cursor.MoveNext())
        {
            getter(ref logits);
            _scored++;
        }
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    public void Verify()
    {
        if (_scored != _count) throw new InvalidOperationException($"Scored {_scored} of {_count} rows.");
    }

    public void Dispose() => (_step as IDisposable)?.Dispose();

    private static IDataView View(MLContext context, ImageRow[] rows, Images images)
    {
        SchemaDefinition definition = SchemaDefinition.Create(typeof(ImageRow));
        definition[0].ColumnName = images.InputName;
        definition[0].ColumnType = new VectorDataViewType(NumberDataViewType.Single, images.Shape);
        return context.Data.LoadFromEnumerable(rows, definition);
    }
}

/// <summary>A row of ML.NET's: one image.</summary>
internal sealed class ImageRow
{
    public float[] Image { get; set; } = [];
}
