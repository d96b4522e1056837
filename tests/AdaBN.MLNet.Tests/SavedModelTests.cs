using System.IO.Compression;
using AdaBN.Onnx;
using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Tests;

/// <summary>Pipelines as ML.NET itself saves them, adapted in their files.</summary>
[TestClass]
public sealed class SavedModelTests
{
    [TestMethod]
    public void The_models_in_the_file_become_what_the_engine_makes_of_them_and_nothing_else_changes()
    {
        using var folder = new TemporaryFolder();
        (MLContext context, IDataView rows) = (new MLContext(), RawRows());
        string file = folder.File("pipeline.zip");
        Save(context, file, ConvChain.ModelFile);
        Dictionary<string, byte[]> before = Contents(file);
        OnnxModel source = OnnxModel.Load(ConvChain.ModelFile);
        AdaptationResult expected = BatchNormAdapter.Adapt(source, SampleSource.FromArrays(ConvChain.Rows.Select(row => row.Image), 3, 12, 12), PaperAdaBN.Options);

        SavedModelAdaptation done = context.Model.AdaptSavedModel(file, rows, PaperAdaBN.Options);

        Assert.IsTrue(done.IsWritten && done.Steps.Single().IsChanged);
        Assert.AreEqual(expected.Report.ToJson(), done.Steps[0].Result.Report.ToJson());
        CollectionAssert.AreEqual(expected.Model.ToBytes(), ModelIn(file).ToBytes());
        Dictionary<string, byte[]> after = Contents(file);
        CollectionAssert.AreEqual(before.Keys.ToArray(), after.Keys.ToArray());
        foreach (string entry in before.Keys.Where(entry => !entry.EndsWith("OnnxModel", StringComparison.Ordinal))) CollectionAssert.AreEqual(before[entry], after[entry], entry);

        var fresh = new MLContext(); // as any program that never heard of this library
        ITransformer loaded = fresh.Model.Load(file, out _);
        double[] logits = Npy.Read<double>(Path.Combine(Repository.Golden, "conv_chain", "adapted_output.npy")).Data;
        float[][] scored = ConvChain.Logits(fresh, loaded.Transform(RawRows()));
        for (int i = 0; i < logits.Length; i++) Assert.AreEqual(logits[i], scored[i / 5][i % 5], 1e-4);
        Assert.HasCount(1, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public void Adapted_again_it_starts_from_what_it_is_now()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext();
        string file = folder.File("pipeline.zip");
        Save(context, file, ConvChain.ModelFile);
        AdaptationOptions half = PaperAdaBN.Options with { Policy = AdaptationPolicy.Mix(0.5) };
        OnnxModel model = OnnxModel.Load(ConvChain.ModelFile);
        for (int time = 0; time < 2; time++)
        {
            context.Model.AdaptSavedModel(file, RawRows(), half);
            model = OnnxModel.FromBytes(BatchNormAdapter.Adapt(model, SampleSource.FromArrays(ConvChain.Rows.Select(row => row.Image), 3, 12, 12), half).Model.ToBytes());
            CollectionAssert.AreEqual(model.ToBytes(), ModelIn(file).ToBytes());
        }
    }

    [TestMethod]
    public void A_step_that_was_fitted_here_is_adapted_in_its_saved_chain()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext();
        string file = folder.File("pipeline.zip");
        using (var chain = context.Transforms.CopyColumns("image", "raw").Append(ConvChain.Estimator(context)).Fit(RawRows())) context.Model.Save(chain, RawRows().Schema, file);
        SavedModelAdaptation done = context.Model.AdaptSavedModel(file, context.Data.TakeRows(RawRows(), 20), PaperAdaBN.Options);
        Assert.AreEqual(20, done.Steps.Single().Result.Report.Samples);
        CollectionAssert.AreEqual(done.Steps[0].Result.Model.ToBytes(), ModelIn(file).ToBytes());
    }

    [TestMethod]
    public void The_file_is_untouched_where_nothing_shall_change_or_anything_fails()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext();
        string file = folder.File("pipeline.zip");
        Save(context, file, ConvChain.ModelFile);
        byte[] before = File.ReadAllBytes(file);
        DateTime written = File.GetLastWriteTimeUtc(file);
        IDataView rows = RawRows();

        Assert.IsFalse(context.Model.AdaptSavedModel(file, rows, PaperAdaBN.Options with { Policy = AdaptationPolicy.KeepSource }).IsWritten);
        SavedModelAdaptation few = context.Model.AdaptSavedModel(file, context.Data.TakeRows(rows, 8), new AdaptationOptions { Policy = AdaptationPolicy.AdaBN, FallBackToSource = true });
        Assert.AreEqual(VerdictKind.NeedMoreImages, few.Steps.Single().Result.Report.Verdict.Kind);
        Assert.IsFalse(few.IsWritten);

        Assert.ThrowsExactly<OperationCanceledException>(() => context.Model.AdaptSavedModel(file, rows, cancellationToken: new CancellationToken(canceled: true)));
        using var stop = new CancellationTokenSource();
        var late = new Stopper(stop);
        Assert.ThrowsExactly<OperationCanceledException>(() => context.Model.AdaptSavedModel(file, rows, PaperAdaBN.Options with { BatchSize = 4 }, progress: late, cancellationToken: stop.Token));
        float[] withNaN = [.. ConvChain.Rows[0].Image];
        withNaN[3] = float.NaN;
        Assert.AreEqual(AdaptationError.NonFinite, Assert.ThrowsExactly<AdaptationException>(() => context.Model.AdaptSavedModel(file, context.Data.LoadFromEnumerable([new RawRow { Raw = withNaN }]))).Error);
        Assert.Contains("raw", Assert.Throws<Exception>(() => context.Model.AdaptSavedModel(file, ConvChain.View(context))).Message);
        Assert.ThrowsExactly<ArgumentException>(() => context.Model.AdaptSavedModel(file, rows, new AdaptationOptions { BatchSize = 0 }));
        Assert.Contains("no ONNX step 1", Assert.ThrowsExactly<ArgumentException>(() => context.Model.AdaptSavedModel(file, rows, step: 1)).Message);

        CollectionAssert.AreEqual(before, File.ReadAllBytes(file));
        Assert.AreEqual(written, File.GetLastWriteTimeUtc(file));
        Assert.HasCount(1, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public void Of_several_ONNX_steps_each_is_adapted_on_what_the_adapted_ones_before_give()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext();
        string file = folder.File("pipeline.zip"), second = folder.File("second.zip");
        Save(context, file, ConvChain.ModelFile, Small("behind"));
        File.Copy(file, second);

        SavedModelAdaptation both = context.Model.AdaptSavedModel(file, RawRows(), PaperAdaBN.Options);
        SavedModelAdaptation one = context.Model.AdaptSavedModel(second, RawRows(), PaperAdaBN.Options, step: 1);

        CollectionAssert.AreEqual(new[] { 0, 1 }, both.Steps.Select(step => step.Index).ToArray());
        CollectionAssert.AreEqual(new[] { 1 }, one.Steps.Select(step => step.Index).ToArray());
        double[] adapted = Npy.Read<double>(Path.Combine(Repository.Golden, "conv_chain", "adapted_output.npy")).Data;
        double[] asTheyWere = [.. ConvChain.Logits(context, context.Transforms.ApplyOnnxModel("logits", "image", ConvChain.ModelFile).Fit(ConvChain.View(context)).Transform(ConvChain.View(context))).SelectMany(row => row).Select(x => (double)x)];
        AssertMeans(adapted, both.Steps[1].Result.Report.Layers.Single());
        AssertMeans(asTheyWere, one.Steps[0].Result.Report.Layers.Single());
        CollectionAssert.AreEqual(both.Steps[1].Result.Model.ToBytes(), ModelIn(file, 1).ToBytes());
        CollectionAssert.AreEqual(File.ReadAllBytes(ConvChain.ModelFile), ModelIn(second, 0).ToBytes());

        static void AssertMeans(double[] logits, LayerReport layer)
        {
            for (int c = 0; c < 5; c++) Assert.AreEqual(logits.Where((_, i) => i % 5 == c).Average(), layer.TargetMean[c], 1e-4);
        }
    }

    [TestMethod]
    public void Steps_without_BatchNormalization_stay_and_one_that_has_none_alone_is_refused()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext();
        var log = new List<(string Source, string Kind, string Text)>();
        context.Log += (_, e) =>
        {
            lock (log) log.Add((e.Source, e.Kind.ToString(), e.RawMessage));
        };
        string file = folder.File("pipeline.zip"), none = folder.File("none.zip");
        Save(context, file, ConvChain.ModelFile, Small("behind_unnormalized"));
        SavedModelAdaptation done = context.Model.AdaptSavedModel(file, RawRows(), PaperAdaBN.Options, environment: context);
        Assert.AreEqual(0, done.Steps.Single().Index);
        CollectionAssert.AreEqual(File.ReadAllBytes(Small("behind_unnormalized")), ModelIn(file, 1).ToBytes());
        lock (log)
        {
            Assert.IsTrue(log.Any(line => line is (nameof(SavedModelCatalog.AdaptSavedModel), "Info", var text) && text.Contains("Transform_002: left as it is", StringComparison.Ordinal)));
            Assert.IsTrue(log.Any(line => line is (nameof(SavedModelCatalog.AdaptSavedModel), "Info", var text) && text.Contains("Transform_001: AdaBN", StringComparison.Ordinal)));
            Assert.IsTrue(log.Any(line => line is (_, "Warning", var text) && text.Contains("Only 37 samples", StringComparison.Ordinal)));
            Assert.IsTrue(log.Any(line => line is (_, "Info", var text) && text.EndsWith("pipeline.zip was written.", StringComparison.Ordinal)));
        }
        Assert.AreEqual(AdaptationError.NoBatchNormalization, Assert.ThrowsExactly<AdaptationException>(() => context.Model.AdaptSavedModel(file, RawRows(), step: 1)).Error);

        context.Model.Save(context.Transforms.CopyColumns("image", "raw").Fit(RawRows()), RawRows().Schema, none);
        Assert.Contains("no ONNX model in it", Assert.ThrowsExactly<OnnxModelException>(() => context.Model.AdaptSavedModel(none, RawRows())).Message);
        Assert.ThrowsExactly<FileNotFoundException>(() => context.Model.AdaptSavedModel(folder.File("missing.zip"), RawRows()));
    }

    [TestMethod]
    public void Chains_in_chains_and_steps_for_training_only_are_seen_through()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext();
        string file = folder.File("pipeline.zip");
        IDataView rows = RawRows();
        ITransformer copy = context.Transforms.CopyColumns("image", "raw").Fit(rows), label = context.Transforms.CopyColumns("copy", "Label").Fit(context.Data.LoadFromEnumerable([new LabelledRow()]));
        ITransformer model = context.Transforms.ApplyOnnxModel("logits", "image", ConvChain.ModelFile).Fit(copy.Transform(rows));
        var inner = new TransformerChain<ITransformer>([copy, label], [TransformerScope.Everything, TransformerScope.TrainTest]);
        context.Model.Save(new TransformerChain<ITransformer>(inner, new TransformerChain<ITransformer>(model)), rows.Schema, file);
        SavedModelAdaptation done = context.Model.AdaptSavedModel(file, rows, PaperAdaBN.Options);
        Assert.AreEqual(37, done.Steps.Single().Result.Report.Samples);
        CollectionAssert.AreEqual(done.Steps[0].Result.Model.ToBytes(), ModelIn(file).ToBytes());
    }

    private static string Small(string model) => Path.Combine(Repository.Root, "tests", "AdaBN.MLNet.Tests", "Models", $"{model}.onnx");

    private static IDataView RawRows() => new MLContext().Data.LoadFromEnumerable(ConvChain.Rows.Select(row => new RawRow { Raw = row.Image }).ToArray());

    private static void Save(MLContext context, string file, string model, string? behind = null)
    {
        IDataView rows = RawRows();
        var estimator = context.Transforms.CopyColumns("image", "raw").Append(context.Transforms.ApplyOnnxModel("logits", "image", model));
        ITransformer chain = behind is null ? estimator.Fit(rows) : estimator.Append(context.Transforms.ApplyOnnxModel("calibrated", "logits", behind)).Fit(rows);
        context.Model.Save(chain, rows.Schema, file);
        ((IDisposable)chain).Dispose();
    }

    private static OnnxModel ModelIn(string file, int? index = null)
    {
        SavedPipeline pipeline = SavedPipeline.Open(file);
        return pipeline.Load(pipeline.Choose(index));
    }

    private static Dictionary<string, byte[]> Contents(string file)
    {
        using ZipArchive zip = ZipFile.OpenRead(file);
        return zip.Entries.ToDictionary(entry => entry.FullName, entry =>
        {
            using Stream stream = entry.Open();
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            return bytes.ToArray();
        });
    }

    private sealed class Stopper(CancellationTokenSource source) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value)
        {
            if (value.Stage > 0) source.Cancel();
        }
    }

    private sealed class RawRow
    {
        [ColumnName("raw"), VectorType(432)]
        public float[] Raw { get; set; } = [];
    }

    private sealed class LabelledRow
    {
        public float Label { get; set; }
    }
}
