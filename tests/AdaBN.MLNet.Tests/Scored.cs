using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Onnx;

namespace AdaBN.MLNet.Tests;

/// <summary>A fitted step beside ML.NET's own, over the same adapted model.</summary>
internal sealed class Scored : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private Scored(MLContext context, string modelFile, string[] outputs, IDataView view, string[] inputs, Dictionary<string, int[]>? shapes)
    {
        Step = context.Transforms.AdaptOnnxModel(outputs, inputs, modelFile, shapeDictionary: shapes).Fit(view);
        Step.SaveOnnx(_folder.File("adapted.onnx"));
        Stock = context.Transforms.ApplyOnnxModel(new OnnxOptions
        {
            ModelFile = _folder.File("adapted.onnx"),
            InputColumns = inputs,
            OutputColumns = outputs,
            ShapeDictionary = shapes,
        }).Fit(view);
    }

    public OnnxAdaptationTransformer Step { get; }

    public OnnxTransformer Stock { get; }

    /// <summary>A model of the folder Models, which takes a column <c>x</c>.</summary>
    public static Scored Small(string model, string[] outputs, IDataView view, Dictionary<string, int[]>? shapes = null) =>
        new(new MLContext(), Path.Combine(Repository.Root, "tests", "AdaBN.MLNet.Tests", "Models", $"{model}.onnx"), outputs, view, ["x"], shapes);

    public static Scored Model(string file, string output, IDataView view, params string[] inputs) => new(new MLContext(), file, [output], view, inputs, null);

    /// <summary>Values for the small models' column <c>x</c>, none like another.</summary>
    public static float[] X(int row) => [.. Enumerable.Range(0, 4).Select(i => MathF.Sin((row * 7.1f) + i) * (1 + (row % 3)))];

    public static ArrayView Rows(int count) => AddX(new ArrayView(count));

    public static ArrayView AddX(ArrayView view) => view.AddVector("x", NumberDataViewType.Single, 4, row => new VBuffer<float>(4, X(row)));

    public static T[][] Column<T>(IDataView view, string name) => [.. view.GetColumn<T[]>(name)];

    /// <summary>Both steps' results have the same schema, and outputs that differ by float rounding at most.</summary>
    public void AssertEqual(IDataView view, params string[] floatOutputs)
    {
        IDataView actual = Step.Transform(view), expected = Stock.Transform(view);
        CollectionAssert.AreEqual(Describe(expected.Schema), Describe(actual.Schema));
        foreach (string output in floatOutputs)
        {
            float[][] a = Column<float>(actual, output), e = Column<float>(expected, output);
            Assert.HasCount(e.Length, a);
            for (int row = 0; row < e.Length; row++)
            {
                Assert.HasCount(e[row].Length, a[row]);
                for (int i = 0; i < e[row].Length; i++) Assert.AreEqual(e[row][i], a[row][i], 1e-6f, $"{output}, row {row}");
            }
        }
    }

    public void Dispose()
    {
        Step.Dispose();
        Stock.Dispose();
        _folder.Dispose();
    }

    private static string[] Describe(DataViewSchema schema) =>
        [.. schema.Select(column => $"{column.Index} {column.Name} {column.Type} {(column.IsHidden ? "hidden" : "")} {string.Join(" ", column.Annotations.Schema.Select(entry => entry.Name))}")];
}
