using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Tests;

/// <summary>A row for the model of the golden case conv_chain: input <c>image</c> (3, 12, 12), output <c>logits</c> (5).</summary>
internal sealed class ImageRow
{
    [ColumnName("image"), VectorType(432)]
    public float[] Image { get; set; } = [];

    public int Label { get; set; }
}

internal sealed class SparseImageRow
{
    [ColumnName("image"), VectorType(432)]
    public VBuffer<float> Image { get; set; }
}

internal sealed class ScoredRow
{
    [ColumnName("logits")]
    public float[] Logits { get; set; } = [];
}

internal static class ConvChain
{
    public static string ModelFile { get; } = Path.Combine(Repository.Golden, "conv_chain", "model.onnx");

    public static IReadOnlyList<ImageRow> Rows { get; } = Load();

    public static IDataView View(MLContext context) => context.Data.LoadFromEnumerable(Rows);

    public static OnnxAdaptationEstimator Estimator(MLContext context) => context.Transforms.AdaptOnnxModel("logits", "image", ModelFile, PaperAdaBN.Options);

    public static float[][] Logits(MLContext context, IDataView scored) =>
        [.. context.Data.CreateEnumerable<ScoredRow>(scored, reuseRowObject: false).Select(row => row.Logits)];

    private static ImageRow[] Load()
    {
        (float[] data, int[] shape) = Npy.Read<float>(Path.Combine(Repository.Golden, "conv_chain", "image.npy"));
        return [.. Enumerable.Range(0, shape[0]).Select(i => new ImageRow { Image = data[(i * 432)..((i + 1) * 432)], Label = i })];
    }
}
