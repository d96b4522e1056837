using AdaBN.MLNet.Scoring;
using AdaBN.Onnx;
using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Tests;

/// <summary>Rows of several domains: fitted in one pass, each row scored by its own, with one model.</summary>
[TestClass]
public sealed class DomainTests
{
    private const int Sites = 3;

    [TestMethod]
    public void Each_row_scores_as_with_the_model_adapted_to_its_domain_alone()
    {
        var context = new MLContext();
        SiteRow[] rows = Rows();
        var watched = new WatchedView(context.Data.LoadFromEnumerable(rows));
        using OnnxAdaptationTransformer step = Estimator(context).Fit(watched);
        CollectionAssert.AreEqual(new[] { "image", "site" }, watched.Passes.Single(), "one pass, no label");
        CollectionAssert.AreEqual(new long[] { 1, 2, 3 }, step.Domains!.Reports.Keys.Order().ToArray());

        IDataView scored = step.Transform(context.Data.LoadFromEnumerable(rows));
        Assert.IsInstanceOfType<BatchScoredView>(scored);
        float[][] logits = ConvChain.Logits(context, scored);
        for (long site = 1; site <= Sites; site++)
        {
            SiteRow[] own = [.. rows.Where(row => row.Site == site)];
            using OnnxAdaptationTransformer alone = ConvChain.Estimator(context).Fit(context.Data.LoadFromEnumerable(own));
            float[][] expected = ConvChain.Logits(context, alone.Transform(context.Data.LoadFromEnumerable(own)));
            int[] places = [.. Enumerable.Range(0, rows.Length).Where(i => rows[i].Site == site)];
            for (int i = 0; i < places.Length; i++) for (int c = 0; c < expected[i].Length; c++) Assert.AreEqual(expected[i][c], logits[places[i]][c], 1e-5, $"site {site}, row {i}");
        }
    }

    [TestMethod]
    public void Blocks_prediction_engines_and_the_saved_chain_in_stock_agree()
    {
        var context = new MLContext();
        SiteRow[] rows = Rows();
        IDataView view = context.Data.LoadFromEnumerable(rows);
        using OnnxAdaptationTransformer step = Estimator(context).Fit(view);
        float[][] expected = ConvChain.Logits(context, step.Transform(view));

        using var folder = new TemporaryFolder();
        context.Model.Save(step, view.Schema, folder.File("sites.zip"));
        float[][] stock = ConvChain.Logits(context, context.Model.Load(folder.File("sites.zip"), out _).Transform(view));
        step.SaveOnnx(folder.File("sites.onnx"));
        Assert.HasCount(Sites, DomainBank.Open(OnnxModel.Load(folder.File("sites.onnx"))).Domains);
        using PredictionEngine<SiteRow, ScoredRow> engine = context.Model.CreatePredictionEngine<SiteRow, ScoredRow>(step);
        for (int i = 0; i < rows.Length; i++)
        {
            float[] predicted = engine.Predict(rows[i]).Logits;
            for (int c = 0; c < expected[i].Length; c++)
            {
                Assert.AreEqual(expected[i][c], stock[i][c], 1e-5, $"row {i}");
                Assert.AreEqual(expected[i][c], predicted[c], 1e-5, $"row {i}");
            }
        }
    }

    [TestMethod]
    public void An_unknown_domain_scores_as_the_source_model_or_fails_as_chosen()
    {
        var context = new MLContext();
        IDataView view = context.Data.LoadFromEnumerable(Rows()), unknown = context.Data.LoadFromEnumerable(Rows().Select(row => new SiteRow { Image = row.Image, Site = 9 }));
        using OnnxAdaptationTransformer step = Estimator(context).Fit(view), strict = Estimator(context, UnknownDomain.Fails).Fit(view);
        float[][] source = ConvChain.Logits(context, context.Transforms.ApplyOnnxModel("logits", "image", ConvChain.ModelFile).Fit(view).Transform(view)), scored = ConvChain.Logits(context, step.Transform(unknown));
        for (int i = 0; i < source.Length; i++) for (int c = 0; c < source[i].Length; c++) Assert.AreEqual(source[i][c], scored[i][c], 1e-5);
        Exception e = Assert.Throws<Exception>(() => ConvChain.Logits(context, strict.Transform(unknown)));
        Assert.Contains("fails where the domain is unknown", e.ToString());
    }

    [TestMethod]
    public void The_log_speaks_of_each_domain_and_a_report_for_all_there_is_not()
    {
        var context = new MLContext();
        var log = new List<string>();
        context.Log += (_, e) =>
        {
            lock (log) log.Add(e.RawMessage);
        };
        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, environment: context, domainColumnName: "site").Fit(context.Data.LoadFromEnumerable(Rows()));
        lock (log) for (int site = 1; site <= Sites; site++) Assert.IsTrue(log.Any(line => line.StartsWith($"Domain {site}: ", StringComparison.Ordinal) && line.Contains("3 layers measured on 37 rows", StringComparison.Ordinal)));
        Assert.Contains("fitted to 3 domains", Assert.ThrowsExactly<InvalidOperationException>(() => step.Report.ToString()).Message);
        using OnnxAdaptationTransformer single = ConvChain.Estimator(context).Fit(ConvChain.View(context));
        Assert.IsNull(single.Domains);
    }

    [TestMethod]
    public void Columns_that_are_no_ids_are_refused_with_the_mend()
    {
        var context = new MLContext();
        IDataView view = ConvChain.View(context);
        string Refused(string column) => Assert.ThrowsExactly<AdaptationException>(() => context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, domainColumnName: column).Fit(view)).Message;
        Assert.Contains("no column 'site' for the ids of domains; they have 'image', 'Label'", Refused("site"));
        Assert.Contains("Column 'Label' is Int32, expected Int64", Refused("Label"));
        Assert.Contains("Conversion.ConvertType", Refused("Label"));
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => new EstimatorChain<ITransformer>().Append(context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, domainColumnName: "site")).Append(context.Transforms.ApplyOnnxModel("logits", "image", ConvChain.ModelFile)).Fit(view));
        Assert.AreEqual(AdaptationError.InputMismatch, e.Error);
        e = Assert.ThrowsExactly<AdaptationException>(() => Estimator(context).Fit(context.Data.LoadFromEnumerable(Rows().Select(row => new SiteRow { Image = row.Image, Site = row.Site - 1 }))));
        Assert.Contains("is of domain 0, expected 1 or more", e.Message);
    }

    [TestMethod]
    public void Domains_that_no_column_tells_are_found_and_told_from_the_picture()
    {
        var context = new MLContext();
        var random = new Random(1);
        float[][] digits = ShippedDigits.Mnist.Images[..400];
        DigitRow[] rows = [.. digits.Select((digit, i) => new DigitRow { Image = [.. digit.Select(pixel => i % 2 == 0 ? (0.25f * pixel) + 0.3f : Math.Clamp(pixel + random.NextSingle() - 0.5f, 0, 1))] })];
        IDataView view = context.Data.LoadFromEnumerable(rows);
        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", Repository.Model("digits-cnn.onnx"), PaperAdaBN.Options, findDomains: true).Fit(view);
        Assert.HasCount(2, step.Domains!.Bank.Domains);
        Assert.IsTrue(step.Domains.Assigned.Index().All(at => (at.Item == step.Domains.Assigned[0]) == (at.Index % 2 == 0)));
        IDataView scored = step.Transform(view);
        Assert.IsInstanceOfType<BatchScoredView>(scored);
        float[][] expected = ConvChain.Logits(context, scored);
        using var folder = new TemporaryFolder();
        step.SaveOnnx(folder.File("mixed.onnx"));
        float[][] stock = ConvChain.Logits(context, context.Transforms.ApplyOnnxModel("logits", "image", folder.File("mixed.onnx")).Fit(view).Transform(view));
        for (int i = 0; i < rows.Length; i++) for (int c = 0; c < 10; c++) Assert.AreEqual(expected[i][c], stock[i][c], 1e-4, $"row {i}");
        Assert.ThrowsExactly<ArgumentException>(() => context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, domainColumnName: "site", findDomains: true));
    }

    private static OnnxAdaptationEstimator Estimator(MLContext context, UnknownDomain unknown = UnknownDomain.UsesSource) =>
        context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, PaperAdaBN.Options, domainColumnName: "site", unknownDomain: unknown);

    /// <summary>The same images in three contrasts, one after another in turn.</summary>
    private static SiteRow[] Rows() =>
        [.. ConvChain.Rows.SelectMany(row => Enumerable.Range(1, Sites).Select(site => new SiteRow { Image = [.. row.Image.Select(pixel => pixel * site)], Site = site }))];

    private sealed class DigitRow
    {
        [ColumnName("image"), VectorType(784)]
        public float[] Image { get; set; } = [];
    }

    private sealed class SiteRow
    {
        [ColumnName("image"), VectorType(432)]
        public float[] Image { get; set; } = [];

        [ColumnName("site")]
        public long Site { get; set; }

        public int Label { get; set; }
    }
}
