using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Tests;

[TestClass]
public sealed class StepTests
{
    [TestMethod]
    public void Disposing_removes_the_temporary_model_and_ends_scoring()
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        string[] before = TemporaryModels();
        OnnxAdaptationTransformer step = ConvChain.Estimator(context).Fit(view);
        string[] created = [.. TemporaryModels().Except(before)];
        Assert.IsGreaterThanOrEqualTo(1, created.Length);
        step.Dispose();
        step.Dispose();
        Assert.IsGreaterThanOrEqualTo(1, created.Count(folder => !Directory.Exists(folder)));
        Assert.ThrowsExactly<ObjectDisposedException>(() => step.Transform(view));
        Assert.ThrowsExactly<ObjectDisposedException>(() => step.GetOutputSchema(view.Schema));
    }

    [TestMethod]
    public void A_model_with_its_data_outside_scores_and_saves_as_its_twin_with_it_inside()
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        string outside = Path.Combine(Repository.Root, "tests", "ExternalData", "conv_chain", "model.onnx");
        using OnnxAdaptationTransformer twin = ConvChain.Estimator(context).Fit(view), step = context.Transforms.AdaptOnnxModel("logits", "image", outside, PaperAdaBN.Options).Fit(view);
        float[][] expected = ConvChain.Logits(context, twin.Transform(view));
        float[][] scored = ConvChain.Logits(context, step.Transform(view));
        for (int i = 0; i < expected.Length; i++) CollectionAssert.AreEqual(expected[i], scored[i]);

        using var folder = new TemporaryFolder(); // the pipeline holds all data, wherever it is loaded
        context.Model.Save(step, view.Schema, folder.File("pipeline.zip"));
        float[][] loaded = ConvChain.Logits(context, context.Model.Load(folder.File("pipeline.zip"), out _).Transform(view));
        for (int i = 0; i < expected.Length; i++) for (int c = 0; c < expected[i].Length; c++) Assert.AreEqual(expected[i][c], loaded[i][c], 1e-5);

        step.SaveOnnx(folder.File("adapted.onnx"));
        CollectionAssert.AreEquivalent(new[] { "adapted.onnx", "pipeline.zip", "weights.bin" }, Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public void A_failed_fit_leaves_no_temporary_model()
    {
        var context = new MLContext();
        string[] before = TemporaryModels();
        float[] withNaN = [.. ConvChain.Rows[0].Image];
        withNaN[7] = float.NaN;
        IDataView view = context.Data.LoadFromEnumerable([new ImageRow { Image = withNaN }]);
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => ConvChain.Estimator(context).Fit(view));
        Assert.AreEqual(AdaptationError.NonFinite, e.Error);
        Assert.IsEmpty(TemporaryModels().Except(before).Where(folder => File.Exists(Path.Combine(folder, "adapted.onnx"))));
    }

    [TestMethod]
    public void The_environment_hears_what_was_done_and_what_to_heed()
    {
        var context = new MLContext();
        var log = new List<string>();
        context.Log += (_, e) =>
        {
            lock (log) log.Add($"{e.Kind} {e.RawMessage}");
        };
        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, environment: context).Fit(ConvChain.View(context));
        string[] lines;
        lock (log) lines = [.. log];
        Assert.IsTrue(lines.Any(line => line.StartsWith("Info ", StringComparison.Ordinal) && line.Contains("3 layers measured on 37 rows", StringComparison.Ordinal)));
        Assert.IsTrue(lines.Any(line => line.StartsWith("Warning ", StringComparison.Ordinal) && line.Contains("Only 37 samples", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Options_progress_and_cancellation_reach_the_engine()
    {
        var context = new MLContext();
        var progress = new Recorder();
        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel(
            "logits", "image", ConvChain.ModelFile, PaperAdaBN.Options with { MaxSamples = 9, BatchSize = 3 }, progress: progress).Fit(ConvChain.View(context));
        Assert.AreEqual(9, step.Report.Samples);
        Assert.AreEqual(9, progress.Calls);

        Assert.ThrowsExactly<OperationCanceledException>(() => context.Transforms.AdaptOnnxModel(
            "logits", "image", ConvChain.ModelFile, cancellationToken: new CancellationToken(canceled: true)).Fit(ConvChain.View(context)));
        Assert.ThrowsExactly<ArgumentException>(() => context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, new AdaptationOptions { BatchSize = 0 }));
    }

    [TestMethod]
    public void Several_inputs_are_matched_by_name()
    {
        var context = new MLContext();
        string folder = Path.Combine(Repository.Golden, "two_inputs");
        (float[] color, int[] colorShape) = Npy.Read<float>(Path.Combine(folder, "color.npy"));
        (float[] depth, int[] depthShape) = Npy.Read<float>(Path.Combine(folder, "depth.npy"));
        int colorLength = color.Length / colorShape[0], depthLength = depth.Length / depthShape[0];
        SchemaDefinition schema = SchemaDefinition.Create(typeof(TwoImages));
        schema["color"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, colorLength);
        schema["depth"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, depthLength);
        IDataView view = context.Data.LoadFromEnumerable(
            Enumerable.Range(0, colorShape[0]).Select(i => new TwoImages { Color = color[(i * colorLength)..((i + 1) * colorLength)], Depth = depth[(i * depthLength)..((i + 1) * depthLength)] }).ToArray(), schema);

        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel(["logits"], ["depth", "color"], Path.Combine(folder, "model.onnx"), PaperAdaBN.Options).Fit(view);

        float[][] scored = ConvChain.Logits(context, step.Transform(view));
        (double[] expected, int[] shape) = Npy.Read<double>(Path.Combine(folder, "adapted_output.npy"));
        for (int i = 0; i < scored.Length; i++)
            for (int k = 0; k < shape[1]; k++) Assert.AreEqual(expected[(i * shape[1]) + k], scored[i][k], 1e-4);
    }

    [TestMethod]
    public void Fit_falls_back_to_the_source_model_where_that_is_the_verdict()
    {
        var context = new MLContext();
        var log = new List<string>();
        context.Log += (_, e) =>
        {
            lock (log) log.Add($"{e.Kind} {e.RawMessage}");
        };
        IDataView few = context.Data.LoadFromEnumerable(ShippedDigits.Scans.Images[..8].Select(image => new DigitRow { Image = image }).ToArray());
        string model = Repository.Model("digits-cnn.onnx");

        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", model, new AdaptationOptions { Policy = AdaptationPolicy.AdaBN, FallBackToSource = true }, environment: context).Fit(few);

        Assert.AreEqual(VerdictKind.NeedMoreImages, step.Report.Verdict.Kind);
        float[][] expected = ConvChain.Logits(context, context.Transforms.ApplyOnnxModel("logits", "image", model).Fit(few).Transform(few)), scored = ConvChain.Logits(context, step.Transform(few));
        for (int i = 0; i < expected.Length; i++) CollectionAssert.AreEqual(expected[i], scored[i]);
        lock (log) Assert.IsTrue(log.Any(line => line.StartsWith("Warning ", StringComparison.Ordinal) && line.Contains("Only 8 different images", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void A_model_file_that_is_missing_or_folded_is_said_so()
    {
        var context = new MLContext();
        string missing = Assert.Throws<Exception>(() => context.Transforms.AdaptOnnxModel("logits", "image", "no-such.onnx")).Message;
        Assert.Contains("no-such.onnx", missing);

        (float[] data, _) = Npy.Read<float>(Path.Combine(Repository.Golden, "conv_chain", "image.npy"));
        IDataView digits = context.Data.LoadFromEnumerable([new DigitRow { Image = data[..784] }]);
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => context.Transforms.AdaptOnnxModel("logits", "image", Repository.Model("digits-cnn-folded.onnx")).Fit(digits));
        Assert.AreEqual(AdaptationError.NoBatchNormalization, e.Error);
    }

    [TestMethod]
    public void A_folded_model_is_adapted_with_a_reference()
    {
        var context = new MLContext();
        string folder = Path.Combine(Repository.Root, "tests", "Folded", "small"), model = Path.Combine(folder, "folded.onnx");
        (float[] data, int[] shape) = Npy.Read<float>(Path.Combine(folder, "target.npy"));
        int length = data.Length / shape[0];
        SchemaDefinition schema = SchemaDefinition.Create(typeof(ImageRow));
        schema["image"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, length);
        IDataView view = context.Data.LoadFromEnumerable(data.Chunk(length).Select(image => new ImageRow { Image = image }).ToArray(), schema);
        AdaptationOptions options = PaperAdaBN.Options with { Reference = ReferenceStatistics.Measure(Onnx.OnnxModel.Load(model), NpyFile.Open(Path.Combine(folder, "source.npy"))) };

        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", model, options).Fit(view);

        float[] scored = [.. ConvChain.Logits(context, step.Transform(view)).SelectMany(logits => logits)];
        double[] expected = Npy.Read<double>(Path.Combine(folder, "expected.npy")).Data;
        Assert.HasCount(expected.Length, scored);
        for (int i = 0; i < expected.Length; i++) Assert.AreEqual(expected[i], scored[i], 1e-4);
        Assert.HasCount(7, step.Report.Layers);
    }

    [TestMethod]
    public void A_model_without_BatchNormalization_is_aligned_with_a_reference_of_pixels_and_loads_in_stock()
    {
        var context = new MLContext();
        string model = Repository.Model("digits-cnn-folded.onnx");
        float[][] digits = ShippedDigits.Mnist.Images[..200], faint = [.. ShippedDigits.Mnist.Images[200..300].Select(digit => digit.Select(pixel => (pixel * 0.2f) + 0.4f).ToArray())];
        IDataView view = context.Data.LoadFromEnumerable(faint.Select(image => new DigitRow { Image = image }).ToArray());
        AdaptationOptions options = PaperAdaBN.Options with { Reference = ReferenceStatistics.MeasurePixels(Onnx.OnnxModel.Load(model), SampleSource.FromArrays(digits, 1, 28, 28)) };
        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", model, options).Fit(view);
        Assert.AreEqual("image", step.Report.Layers.Single().Name);

        using var folder = new TemporaryFolder();
        step.SaveOnnx(folder.File("aligned.onnx"));
        context.Model.Save(step, view.Schema, folder.File("pipeline.zip"));
        float[][] scored = ConvChain.Logits(context, step.Transform(view)), plain = ConvChain.Logits(context, context.Transforms.ApplyOnnxModel("logits", "image", model).Fit(view).Transform(view));
        foreach (IDataView stock in (IDataView[])[context.Model.Load(folder.File("pipeline.zip"), out _).Transform(view), context.Transforms.ApplyOnnxModel("logits", "image", folder.File("aligned.onnx")).Fit(view).Transform(view)])
        {
            float[][] expected = ConvChain.Logits(context, stock);
            for (int i = 0; i < expected.Length; i++) for (int c = 0; c < expected[i].Length; c++) Assert.AreEqual(expected[i][c], scored[i][c], 1e-5f);
        }
        int Right(float[][] logits) => logits.Zip(ShippedDigits.Mnist.Labels[200..300]).Count(pair => Array.IndexOf(pair.First, pair.First.Max()) == pair.Second);
        Assert.IsGreaterThan(95, Right(scored));
        Assert.IsLessThan(40, Right(plain));
    }

    private static string[] TemporaryModels() => Directory.GetDirectories(Path.GetTempPath(), "adabn-*").Where(folder => !folder.Contains("adabn-test-", StringComparison.Ordinal)).ToArray();

    private sealed class Recorder : IProgress<AdaptationProgress>
    {
        private int _calls;

        public int Calls => _calls;

        public void Report(AdaptationProgress value) => Interlocked.Increment(ref _calls);
    }

    private sealed class TwoImages
    {
        [ColumnName("color")]
        public float[] Color { get; set; } = [];

        [ColumnName("depth")]
        public float[] Depth { get; set; } = [];
    }

    private sealed class DigitRow
    {
        [ColumnName("image"), VectorType(784)]
        public float[] Image { get; set; } = [];
    }
}
