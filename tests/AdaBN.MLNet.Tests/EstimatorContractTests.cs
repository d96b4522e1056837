using AdaBN.Onnx;
using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Transforms.Onnx;

namespace AdaBN.MLNet.Tests;

/// <summary>What ML.NET asks of every step (TestEstimatorCore in its own tests), and what this step promises beyond.</summary>
[TestClass]
public sealed class EstimatorContractTests
{
    [TestMethod]
    public void The_promised_schema_is_the_result_s()
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        var spy = new SchemaSpy(ConvChain.Estimator(context));
        DataViewSchema result = context.Transforms.CopyColumns("copy", "image").Append(spy).Fit(view).GetOutputSchema(view.Schema);

        CollectionAssert.AreEqual(new[] { "image", "Label", "copy", "logits" }, result.Select(column => column.Name).ToArray());
        SchemaShape.Column[] promised = [.. spy.Promised!];
        CollectionAssert.AreEquivalent(promised.Select(column => column.Name).ToArray(), result.Select(column => column.Name).ToArray());
        foreach (SchemaShape.Column column in promised)
        {
            DataViewType actual = result[column.Name].Type;
            Assert.AreEqual(column.Kind == SchemaShape.Column.VectorKind.Vector, actual is VectorDataViewType { IsKnownSize: true }, column.Name);
            Assert.AreEqual(column.ItemType, actual is VectorDataViewType vector ? vector.ItemType : actual, column.Name);
        }
    }

    [TestMethod]
    public void It_scores_as_the_adapted_file_does_in_plain_ONNX_Runtime()
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        using OnnxAdaptationTransformer step = ConvChain.Estimator(context).Fit(view);
        using var folder = new TemporaryFolder();
        step.SaveOnnx(folder.File("adapted.onnx"));
        using var session = new InferenceSession(folder.File("adapted.onnx"));

        float[][] scored = ConvChain.Logits(context, step.Transform(view));
        (double[] expected, _) = Npy.Read<double>(Path.Combine(Repository.Golden, "conv_chain", "adapted_output.npy"));
        for (int i = 0; i < scored.Length; i++)
        {
            using OrtValue input = OrtValue.CreateTensorValueFromMemory(ConvChain.Rows[i].Image, [1, 3, 12, 12]);
            using var options = new RunOptions();
            using var outputs = session.Run(options, new Dictionary<string, OrtValue> { ["image"] = input }, ["logits"]);
            CollectionAssert.AreEqual(outputs[0].GetTensorDataAsSpan<float>().ToArray(), scored[i]);
            for (int k = 0; k < 5; k++) Assert.AreEqual(expected[(i * 5) + k], scored[i][k], 1e-4);
        }
        Assert.HasCount(ConvChain.Rows.Count, scored);
    }

    [TestMethod]
    public void A_saved_chain_loads_as_stock_ML_NET_steps_and_scores_the_same()
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        var chain = context.Transforms.CopyColumns("copy", "image").Append(ConvChain.Estimator(context)).Fit(view);
        using var folder = new TemporaryFolder();
        context.Model.Save(chain, view.Schema, folder.File("chain.zip"));

        var fresh = new MLContext();
        ITransformer loaded = fresh.Model.Load(folder.File("chain.zip"), out DataViewSchema schema);
        CollectionAssert.AreEqual(view.Schema.Select(column => column.Name).ToArray(), schema.Select(column => column.Name).ToArray());
        Assert.IsTrue(((IEnumerable<ITransformer>)loaded).Last() is OnnxTransformer);
        float[][] expected = ConvChain.Logits(context, chain.Transform(view)), actual = ConvChain.Logits(fresh, loaded.Transform(ConvChain.View(fresh)));
        for (int i = 0; i < expected.Length; i++) CollectionAssert.AreEqual(expected[i], actual[i]);
    }

    [TestMethod]
    public void The_saved_zip_carries_the_adapted_model_s_bytes_with_their_provenance()
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        using OnnxAdaptationTransformer step = ConvChain.Estimator(context).Fit(view);
        using var folder = new TemporaryFolder();
        context.Model.Save(step, view.Schema, folder.File("step.zip"));

        using var zip = System.IO.Compression.ZipFile.OpenRead(folder.File("step.zip"));
        using Stream stream = zip.Entries.Single(entry => entry.Name == "OnnxModel").Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        OnnxModel model = OnnxModel.FromBytes(bytes.ToArray().AsSpan(sizeof(int)));
        CollectionAssert.AreEqual(step.Model.ToBytes(), model.ToBytes());
        Assert.IsTrue(model.Metadata.Any(entry => entry.Key == "adabn.source_sha256"));
    }

    [TestMethod]
    public void Bad_input_fails_in_estimator_and_transformer_alike()
    {
        var context = new MLContext();
        using OnnxAdaptationTransformer fitted = ConvChain.Estimator(context).Fit(ConvChain.View(context));
        IDataView[] unfit =
        [
            context.Data.LoadFromEnumerable([new OtherRow()]),
            context.Data.LoadFromEnumerable([new DoubleRow { Image = new double[432] }]),
            context.Data.LoadFromEnumerable([new ShortRow { Image = new float[431] }]),
        ];
        foreach (IDataView view in unfit)
        {
            Exception byEstimator = Failure(() => ConvChain.Estimator(context).Fit(view));
            Exception byTransformer = Failure(() => fitted.Transform(view));
            Exception bySchema = Failure(() => fitted.GetOutputSchema(view.Schema));
            Assert.AreEqual(byTransformer.GetType(), byEstimator.GetType());
            Assert.AreEqual(bySchema.Message, byEstimator.Message);
            Assert.Contains("image", byEstimator.Message);
        }
    }

    [TestMethod]
    public void A_vector_of_unknown_size_is_refused_with_the_mend()
    {
        var context = new MLContext();
        IDataView view = context.Data.LoadFromEnumerable([new UnsizedRow { Image = new float[432] }]);
        Exception e = Failure(() => ConvChain.Estimator(context).Fit(view));
        Assert.Contains("image", e.Message);
    }

    [TestMethod]
    public void Fitting_twice_gives_the_same_model()
    {
        var context = new MLContext();
        OnnxAdaptationEstimator estimator = ConvChain.Estimator(context);
        using OnnxAdaptationTransformer first = estimator.Fit(ConvChain.View(context)), second = estimator.Fit(ConvChain.View(context));
        CollectionAssert.AreEqual(first.Model.ToBytes(), second.Model.ToBytes());
    }

    [TestMethod]
    public void Sparse_rows_give_what_dense_rows_give()
    {
        var context = new MLContext();
        ImageRow[] dense = [.. ConvChain.Rows.Select(row => new ImageRow { Image = [.. row.Image.Select(x => x > 0.5f ? x : 0)] })];
        SparseImageRow[] sparse = [.. dense.Select(row =>
        {
            int[] indices = [.. Enumerable.Range(0, 432).Where(i => row.Image[i] != 0)];
            return new SparseImageRow { Image = new VBuffer<float>(432, indices.Length, [.. indices.Select(i => row.Image[i])], indices) };
        })];
        IDataView denseView = context.Data.LoadFromEnumerable(dense), sparseView = context.Data.LoadFromEnumerable(sparse);
        using OnnxAdaptationTransformer fromDense = ConvChain.Estimator(context).Fit(denseView), fromSparse = ConvChain.Estimator(context).Fit(sparseView);
        CollectionAssert.AreEqual(fromDense.Model.ToBytes(), fromSparse.Model.ToBytes());
        float[][] expected = ConvChain.Logits(context, fromDense.Transform(denseView)), actual = ConvChain.Logits(context, fromSparse.Transform(sparseView));
        for (int i = 0; i < expected.Length; i++) CollectionAssert.AreEqual(expected[i], actual[i]);
    }

    [TestMethod]
    public void A_prediction_engine_predicts()
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        var chain = context.Transforms.CopyColumns("copy", "image").Append(ConvChain.Estimator(context)).Fit(view);
        float[][] expected = ConvChain.Logits(context, chain.Transform(view));
        using var engine = context.Model.CreatePredictionEngine<ImageRow, ScoredRow>(chain);
        for (int i = 0; i < expected.Length; i++) CollectionAssert.AreEqual(expected[i], engine.Predict(ConvChain.Rows[i]).Logits);
    }

    [TestMethod]
    public void Fit_makes_one_pass_over_the_input_columns_only()
    {
        var context = new MLContext();
        var watched = new WatchedView(ConvChain.View(context));
        using OnnxAdaptationTransformer step = ConvChain.Estimator(context).Fit(watched);
        CollectionAssert.AreEqual(new[] { "image" }, watched.Passes.Single());
    }

    [TestMethod]
    public void Adapting_equals_what_the_engine_does_with_the_same_samples()
    {
        var context = new MLContext();
        using OnnxAdaptationTransformer step = ConvChain.Estimator(context).Fit(ConvChain.View(context));
        AdaptationResult direct = BatchNormAdapter.Adapt(OnnxModel.Load(ConvChain.ModelFile), SampleSource.FromArrays(ConvChain.Rows.Select(row => row.Image), 3, 12, 12), PaperAdaBN.Options);
        CollectionAssert.AreEqual(direct.Model.ToBytes(), step.Model.ToBytes());
        Assert.AreEqual(direct.Report.ToJson(), step.Report.ToJson());
    }

    private static Exception Failure(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            return e;
        }
        throw new AssertFailedException("nothing failed");
    }

    private sealed class OtherRow
    {
        public float Unrelated { get; set; }
    }

    private sealed class DoubleRow
    {
        [ColumnName("image"), VectorType(432)]
        public double[] Image { get; set; } = [];
    }

    private sealed class ShortRow
    {
        [ColumnName("image"), VectorType(431)]
        public float[] Image { get; set; } = [];
    }

    private sealed class UnsizedRow
    {
        [ColumnName("image")]
        public float[] Image { get; set; } = [];
    }
}
