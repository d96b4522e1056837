using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Tests;

/// <summary>The engine's own tests say how near parts come to the whole (AdaptMoreTests); here, that the step hands all on.</summary>
[TestClass]
public sealed class FitMoreTests
{
    [TestMethod]
    public void It_is_what_the_engine_makes_of_moments_and_further_rows_and_the_first_step_stays()
    {
        var context = new MLContext();
        ImageRow[] rows = [.. ConvChain.Rows];
        IDataView first = context.Data.LoadFromEnumerable(rows[..20]), more = context.Data.LoadFromEnumerable(rows[20..]);
        using OnnxAdaptationTransformer step = ConvChain.Estimator(context).Fit(first);
        byte[] before = step.Model.ToBytes();
        float[][] scored = ConvChain.Logits(context, step.Transform(first));
        var watched = new WatchedView(more);

        using OnnxAdaptationTransformer further = step.FitMore(watched);

        Onnx.OnnxModel source = Onnx.OnnxModel.Load(ConvChain.ModelFile);
        ISampleSource Samples(ImageRow[] part) => SampleSource.FromArrays(part.Select(row => row.Image), 3, 12, 12);
        AdaptationResult expected = BatchNormAdapter.AdaptMore(source, BatchNormAdapter.Adapt(source, Samples(rows[..20]), PaperAdaBN.Options).Moments, Samples(rows[20..]), PaperAdaBN.Options);
        CollectionAssert.AreEqual(expected.Model.ToBytes(), further.Model.ToBytes());
        Assert.AreEqual(expected.Report.ToJson(), further.Report.ToJson());
        CollectionAssert.AreEqual(new[] { "image" }, watched.Passes.Single());
        CollectionAssert.AreEqual(before, step.Model.ToBytes());
        float[][] again = ConvChain.Logits(context, step.Transform(first));
        for (int i = 0; i < scored.Length; i++) CollectionAssert.AreEqual(scored[i], again[i]);

        using OnnxAdaptationTransformer whole = ConvChain.Estimator(context).Fit(ConvChain.View(context));
        (LayerReport all, LayerReport merged) = (whole.Report.Layers[0], further.Report.Layers[0]);
        for (int c = 0; c < all.Channels; c++)
        {
            Assert.AreEqual(all.AdaptedMean[c], merged.AdaptedMean[c], 1e-6 * Math.Sqrt(all.TargetVariance[c]));
            Assert.AreEqual(all.AdaptedVariance[c], merged.AdaptedVariance[c], 1e-6 * all.TargetVariance[c]);
        }
    }

    [TestMethod]
    public void It_goes_on_and_on_and_serves_in_chains()
    {
        var context = new MLContext();
        OnnxAdaptationTransformer step = ConvChain.Estimator(context).Fit(context.Data.TakeRows(ConvChain.View(context), 10));
        for (int part = 1; part < 3; part++)
        {
            OnnxAdaptationTransformer next = step.FitMore(context.Data.TakeRows(context.Data.SkipRows(ConvChain.View(context), 10 * part), 10));
            step.Dispose();
            step = next;
        }
        Assert.AreEqual(30, step.Report.Samples);
        using var folder = new TemporaryFolder();
        context.Model.Save(step, ConvChain.View(context).Schema, folder.File("step.zip"));
        float[][] expected = ConvChain.Logits(context, step.Transform(ConvChain.View(context))), loaded = ConvChain.Logits(context, context.Model.Load(folder.File("step.zip"), out _).Transform(ConvChain.View(context)));
        for (int i = 0; i < expected.Length; i++) for (int c = 0; c < 5; c++) Assert.AreEqual(expected[i][c], loaded[i][c], 1e-5f);
        step.Dispose();
    }

    [TestMethod]
    public void What_cannot_go_on_says_why()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext();
        string file = folder.File("model.onnx");
        File.Copy(ConvChain.ModelFile, file);
        IDataView view = ConvChain.View(context);
        OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", file, PaperAdaBN.Options).Fit(view);
        Assert.ThrowsExactly<OperationCanceledException>(() => step.FitMore(view, new CancellationToken(canceled: true)));
        Assert.ThrowsExactly<ArgumentNullException>(() => step.FitMore(null!));
        step.SaveOnnx(file); // over the source
        Assert.Contains("moments are of another model", Assert.ThrowsExactly<AdaptationException>(() => step.FitMore(view)).Message);
        step.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => step.FitMore(view));

        using OnnxAdaptationTransformer trimmed = context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, PaperAdaBN.Options with { Policy = AdaptationPolicy.AdaBN.Trimmed() }).Fit(view);
        Assert.Contains(nameof(AdaptationOptions.KeepImageMoments), Assert.ThrowsExactly<AdaptationException>(() => trimmed.FitMore(view)).Message);
        IDataView sites = context.Data.LoadFromEnumerable(ConvChain.Rows.Select((row, i) => new SiteRow { Image = row.Image, Site = 1 + (i % 2) }).ToArray());
        using OnnxAdaptationTransformer bank = context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, PaperAdaBN.Options, domainColumnName: "site").Fit(sites);
        Assert.Contains("fitted to 2 domains", Assert.ThrowsExactly<InvalidOperationException>(() => bank.FitMore(sites)).Message);
    }

    private sealed class SiteRow
    {
        [ColumnName("image"), VectorType(432)]
        public float[] Image { get; set; } = [];

        [ColumnName("site")]
        public long Site { get; set; }
    }
}
