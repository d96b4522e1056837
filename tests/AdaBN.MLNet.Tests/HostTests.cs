using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Onnx;

namespace AdaBN.MLNet.Tests;

/// <summary>The step in its program: devices, threads, log, several users at a time, the end of its life.</summary>
[TestClass]
public sealed class HostTests
{
    private static readonly bool HasGpu = OperatingSystem.IsLinux() ? File.Exists("/dev/nvidia0") : Environment.GetEnvironmentVariable("CUDA_PATH") is not null;

    [TestMethod]
    public void Without_a_GPU_the_CPU_takes_over_with_a_warning_or_an_error_tells_the_mend()
    {
        if (HasGpu) Assert.Inconclusive("this machine has a GPU");
        var context = new MLContext();
        List<LoggingEventArgs> log = Listen(context);
        IDataView view = ConvChain.View(context);
        using OnnxAdaptationTransformer cpu = ConvChain.Estimator(context).Fit(view);
        float[][] expected = ConvChain.Logits(context, cpu.Transform(view));

        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, PaperAdaBN.Options, context, gpuDeviceId: 0, fallbackToCpu: true).Fit(view);
        AssertEqual(expected, ConvChain.Logits(context, step.Transform(view)));
        lock (log) Assert.HasCount(1, log.Where(line => line.Kind == ChannelMessageKind.Warning && line.Source == "AdaptOnnxModel" && line.RawMessage.StartsWith("GPU 0 cannot be used", StringComparison.Ordinal)));

        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, gpuDeviceId: 0));
        Assert.AreEqual(AdaptationError.ModelRefused, e.Error);
        Assert.Contains("Microsoft.ML.OnnxRuntime.Gpu", e.Message);
        Assert.Contains("fallbackToCpu", e.Message);
    }

    [TestMethod]
    public void The_MLContext_s_own_GPU_settings_hold_where_the_step_has_none()
    {
        if (HasGpu) Assert.Inconclusive("this machine has a GPU");
        var context = new MLContext { GpuDeviceId = 1, FallbackToCpu = true };
        IDataView view = ConvChain.View(context);
        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, PaperAdaBN.Options, context).Fit(view);
        using OnnxAdaptationTransformer cpu = ConvChain.Estimator(new MLContext()).Fit(view);
        AssertEqual(ConvChain.Logits(context, cpu.Transform(view)), ConvChain.Logits(context, step.Transform(view)));
        context.FallbackToCpu = false;
        Assert.Contains("GPU 1 cannot be used", Assert.ThrowsExactly<AdaptationException>(() => context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, environment: context)).Message);
        Assert.Contains("give it as environment", Assert.ThrowsExactly<AdaptationException>(() => context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile)).Message);
    }

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(3, 2)]
    [DataRow(null, null)]
    public void Thread_settings_and_columns_left_out_change_no_score(int? intraOp, int? interOp)
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        using OnnxAdaptationTransformer plain = ConvChain.Estimator(context).Fit(view);
        var options = new OnnxOptions { ModelFile = ConvChain.ModelFile, InputColumns = [], OutputColumns = [], IntraOpNumThreads = intraOp, InterOpNumThreads = interOp };
        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel(options, PaperAdaBN.Options).Fit(view);
        options.ModelFile = "read once";
        CollectionAssert.AreEqual(plain.Model.ToBytes(), step.Model.ToBytes());
        AssertEqual(ConvChain.Logits(context, plain.Transform(view)), ConvChain.Logits(context, step.Transform(view)));
        using var engine = context.Model.CreatePredictionEngine<ImageRow, ScoredRow>(step);
        float[] expected = ConvChain.Logits(context, plain.Transform(view))[3], predicted = engine.Predict(ConvChain.Rows[3]).Logits;
        for (int i = 0; i < expected.Length; i++) Assert.AreEqual(expected[i], predicted[i], 1e-5f);
        Assert.ThrowsExactly<ArgumentNullException>(() => context.Transforms.AdaptOnnxModel(new OnnxOptions()));
    }

    [TestMethod]
    public void The_log_tells_stages_outcome_and_what_to_heed_each_in_its_kind()
    {
        var context = new MLContext();
        List<LoggingEventArgs> log = Listen(context);
        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, PaperAdaBN.Options, context).Fit(ConvChain.View(context));
        (ChannelMessageKind, string)[] said;
        lock (log) said = [.. log.Where(line => line.Source == "AdaptOnnxModel").Select(line => (line.Kind, line.RawMessage))];
        CollectionAssert.IsSubsetOf(new[] { (ChannelMessageKind.Trace, "stage 1 of 3"), (ChannelMessageKind.Trace, "stage 2 of 3"), (ChannelMessageKind.Trace, "stage 3 of 3") }, said);
        Assert.IsTrue(said.Any(line => line.Item1 == ChannelMessageKind.Info && line.Item2.Contains("3 layers measured on 37 rows", StringComparison.Ordinal)));
        Assert.IsTrue(said.Any(line => line.Item1 == ChannelMessageKind.Warning && line.Item2.Contains("Only 37 samples", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void After_Dispose_everything_says_so()
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        using var folder = new TemporaryFolder();
        string fixedBatch = Path.Combine(Repository.Root, "tests", "AdaBN.MLNet.Tests", "Models", "fixed_batch1.onnx");
        OnnxAdaptationTransformer step = ConvChain.Estimator(context).Fit(view), stock = context.Transforms.AdaptOnnxModel("y", "x", fixedBatch, PaperAdaBN.Options).Fit(Scored.Rows(8)); // scored row by row by ML.NET itself
        IDataView scored = step.Transform(view), scoredByStock = stock.Transform(Scored.Rows(8));
        var engine = context.Model.CreatePredictionEngine<ImageRow, ScoredRow>(step);
        Assert.HasCount(5, engine.Predict(ConvChain.Rows[0]).Logits);
        foreach (OnnxAdaptationTransformer one in (OnnxAdaptationTransformer[])[step, stock])
        {
            one.Dispose();
            one.Dispose();
        }

        void Gone(Action action) => Assert.ThrowsExactly<ObjectDisposedException>(action);
        Gone(() => step.Transform(view));
        Gone(() => step.GetOutputSchema(view.Schema));
        Gone(() => step.SaveOnnx(folder.File("gone.onnx")));
        Gone(() => step.FitMore(view));
        Gone(() => _ = ((ITransformer)step).IsRowToRowMapper);
        Gone(() => ((ITransformer)step).GetRowToRowMapper(view.Schema));
        Gone(() => context.Model.Save(step, view.Schema, folder.File("gone.zip")));
        Gone(() => ConvChain.Logits(context, scored));
        Gone(() => scored.GetRowCursorSet(scored.Schema, 2));
        Gone(() => scoredByStock.GetRowCursor(scoredByStock.Schema));
        Gone(() => scoredByStock.GetRowCursorSet(scoredByStock.Schema, 2));
        Gone(() => engine.Predict(ConvChain.Rows[0]));
        Gone(() => context.Model.CreatePredictionEngine<ImageRow, ScoredRow>(step));
        Assert.AreEqual(37, step.Report.Samples);
        Assert.IsNotEmpty(step.Model.ToBytes());
        Assert.IsFalse(File.Exists(folder.File("gone.onnx")));
    }

    [TestMethod]
    public void Any_number_of_threads_share_a_step_and_an_estimator()
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        OnnxAdaptationEstimator estimator = ConvChain.Estimator(context);
        using OnnxAdaptationTransformer step = estimator.Fit(view);
        float[][] expected = ConvChain.Logits(context, step.Transform(view));
        byte[] model = step.Model.ToBytes();
        using var folder = new TemporaryFolder();
        Parallel.For(0, 24, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            switch (i % 6)
            {
                case 0:
                case 1:
                    AssertEqual(expected, ConvChain.Logits(context, step.Transform(ConvChain.View(context))));
                    break;
                case 2:
#if OFFLINE_DEPENDENCIES
                    AssertEqual(expected[..9], ConvChain.Logits(context, context.Data.TakeRows(step.Transform(view), 9)));
#else
                    DataDebuggerPreview preview = step.Transform(view).Preview(maxRows: 9);
                    for (int row = 0; row < 9; row++) AssertEqual([expected[row]], [[.. ((VBuffer<float>)preview.RowView[row].Values.Single(value => value.Key == "logits").Value).DenseValues()]]);
#endif
                    break;
                case 3: // an engine a thread; it must not take the step with it
                    var engine = context.Model.CreatePredictionEngine<ImageRow, ScoredRow>(new Kept(step));
                    for (int row = 0; row < 20; row++) AssertEqual([expected[row]], [engine.Predict(ConvChain.Rows[row]).Logits]);
                    break;
                case 4:
                    using (OnnxAdaptationTransformer other = estimator.Fit(ConvChain.View(context))) CollectionAssert.AreEqual(model, other.Model.ToBytes());
                    break;
                default:
                    context.Model.Save(step, view.Schema, folder.File($"{i}.zip"));
                    using (OnnxAdaptationTransformer more = step.FitMore(view)) Assert.AreEqual(74, more.Report.Samples);
                    break;
            }
        });
    }

    private static void AssertEqual(float[][] expected, float[][] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++) for (int c = 0; c < expected[i].Length; c++) Assert.AreEqual(expected[i][c], actual[i][c], 1e-5f);
    }

    private static List<LoggingEventArgs> Listen(MLContext context)
    {
        var log = new List<LoggingEventArgs>();
        context.Log += (_, e) =>
        {
            lock (log) log.Add(e);
        };
        return log;
    }

    /// <summary>A step that an engine cannot dispose.</summary>
    private sealed class Kept(ITransformer inner) : ITransformer
    {
        public bool IsRowToRowMapper => inner.IsRowToRowMapper;

        public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => inner.GetOutputSchema(inputSchema);

        public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => inner.GetRowToRowMapper(inputSchema);

        public IDataView Transform(IDataView input) => inner.Transform(input);

        public void Save(ModelSaveContext ctx) => inner.Save(ctx);
    }
}
