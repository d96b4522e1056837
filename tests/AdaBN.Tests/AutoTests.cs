using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>The default policy and the verdict, on real digits.</summary>
[TestClass]
public sealed class AutoTests
{
    private static readonly OnnxModel Digits = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));

    private static readonly Lazy<AdaptationResult> Scanned = new(() => Adapt(ShippedDigits.Scans.Images));

    [TestMethod]
    public void Another_scanner_s_digits_are_adapted_to()
    {
        (float[][] scans, int[] labels) = ShippedDigits.Scans;
        AdaptationResult result = Scanned.Value;
        Assert.AreEqual(VerdictKind.Adapt, result.Report.Verdict.Kind, string.Join(" ", result.Report.Verdict.Reasons));
        int before = Right(Digits, scans, labels), after = Right(result.Model, scans, labels), paper = Right(Adapt(scans, PaperAdaBN.Options).Model, scans, labels);
        Console.WriteLine($"of {labels.Length}: {before} right before, {after} with auto, {paper} with AdaBN");
        Assert.IsGreaterThan(before + (0.95 * (paper - before)), after);
        Assert.AreEqual(80, result.Report.Verdict.Adapted!.Images);
        Assert.AreEqual(80, result.Report.Verdict.Source!.Histogram.Sum());
        Assert.IsTrue(result.Model.Metadata.Any(entry => entry is { Key: "adabn.verdict", Value: "Adapt" }));
        Assert.Contains("\"kind\": \"adapt\"", result.Report.ToJson());
    }

    [TestMethod]
    public void Where_nothing_shifted_the_source_model_stays()
    {
        AdaptationResult result = Adapt(ShippedDigits.Mnist.Images);
        Assert.AreEqual(VerdictKind.KeepSource, result.Report.Verdict.Kind, string.Join(" ", result.Report.Verdict.Reasons));
        AssertIsSource(result.Model);
    }

    [TestMethod]
    public void A_set_of_one_class_is_seen_and_does_next_to_no_harm()
    {
        (float[][] digits, int[] labels) = ShippedDigits.Mnist;
        foreach (int label in (int[])[0, 3, 8])
        {
            float[][] one = [.. digits.Where((_, i) => labels[i] == label)];
            int[] same = [.. one.Select(_ => label)];
            AdaptationResult result = Adapt(one);
            Assert.AreEqual(VerdictKind.AdaptPartly, result.Report.Verdict.Kind, string.Join(" ", result.Report.Verdict.Reasons));
            Assert.IsGreaterThanOrEqualTo(Right(Digits, one, same) - (0.05 * one.Length), Right(result.Model, one, same), $"class {label}");
            Assert.IsLessThan(0.5 * one.Length, Right(Adapt(one, PaperAdaBN.Options).Model, one, same)); // what it is spared
        }
    }

    [TestMethod]
    public void Few_images_are_said_to_be_few()
    {
        float[][] few = ShippedDigits.Scans.Images[..8];
        AdaptationResult result = Adapt(few), careful = Adapt(few, new AdaptationOptions { FallBackToSource = true });
        Assert.AreEqual(VerdictKind.NeedMoreImages, result.Report.Verdict.Kind);
        Assert.Contains("Only 8 different images", result.Report.Verdict.Reasons[0]);
        AssertIsSource(careful.Model);
        Assert.Contains("fell back to the source", careful.Report.Method);
        Assert.AreEqual(8, careful.Report.Samples);
    }

    [TestMethod]
    public void The_choice_does_not_depend_on_workers_batches_or_order()
    {
        float[][] scans = ShippedDigits.Scans.Images;
        AdaptationReport expected = Scanned.Value.Report;
        CollectionAssert.AreEqual(Adapt(scans, new AdaptationOptions { Workers = 1 }).Model.ToBytes(), Adapt(scans, new AdaptationOptions { Workers = 3 }).Model.ToBytes());
        foreach (AdaptationReport other in (AdaptationReport[])[Adapt(scans, new AdaptationOptions { BatchSize = 7 }).Report, Adapt([.. scans.Reverse()]).Report])
        {
            Assert.AreEqual(expected.Method, other.Method);
            Assert.AreEqual(expected.Verdict.Kind, other.Verdict.Kind);
            Assert.AreEqual(expected.Verdict.Adapted!.Entropy, other.Verdict.Adapted!.Entropy, 1e-5);
            foreach ((LayerReport one, LayerReport two) in expected.Layers.Zip(other.Layers))
                for (int c = 0; c < one.Channels; c++) Assert.AreEqual(one.AdaptedMean[c], two.AdaptedMean[c], 1e-5 * Math.Sqrt(one.SourceVariance[c] + 1e-5));
        }
    }

    [TestMethod]
    public void Outliers_are_told_and_left_out()
    {
        (float[][] scans, int[] labels) = ShippedDigits.Scans;
        var random = new Random(3);
        float[][] garbage = [.. Enumerable.Range(0, scans.Length / 12).Select(_ => Enumerable.Range(0, 784).Select(_ => (float)random.Next(2)).ToArray())];
        float[][] spoilt = [.. scans, .. garbage];
        AdaptationResult result = Adapt(spoilt), careless = Adapt(spoilt, new AdaptationOptions { Policy = AdaptationPolicy.SourcePrior(4) });
        Assert.IsTrue(result.Report.Verdict.Reasons.Any(reason => reason.Contains("unlike the others", StringComparison.Ordinal)), string.Join(" ", result.Report.Verdict.Reasons));
        Assert.Contains("without the farthest", result.Report.Method);
        int right = Right(result.Model, scans, labels), without = Right(careless.Model, scans, labels), clean = Right(Scanned.Value.Model, scans, labels);
        Console.WriteLine($"of {scans.Length}: {clean} right without garbage, {right} with it, {without} with it and no eye for it");
        Assert.IsGreaterThan(without + (0.5 * (clean - without)), right);
        foreach (AdaptationResult one in (AdaptationResult[])[Scanned.Value, Adapt(ShippedDigits.Mnist.Images)]) Assert.DoesNotContain("without the farthest", one.Report.Method);
    }

    [TestMethod]
    public void Two_domains_mixed_are_told_where_pixels_tell_them()
    {
        float[][] digits = ShippedDigits.Mnist.Images;
        float[][] mixed = [.. digits.Select((digit, i) => i % 2 == 0 ? digit : digit.Select(pixel => 0.5f + (0.2f * pixel)).ToArray())];
        Assert.IsTrue(Adapt(mixed).Report.Verdict.Reasons.Any(reason => reason.Contains("two groups", StringComparison.Ordinal)));
        float[][][] single = [digits, ShippedDigits.Scans.Images, [.. digits.Select(digit => digit.Select(pixel => 0.5f + (0.2f * pixel)).ToArray())], [.. digits.Where((_, i) => ShippedDigits.Mnist.Labels[i] is 0 or 1)]];
        foreach (float[][] one in single) Assert.IsFalse(Adapt(one).Report.Verdict.Reasons.Any(reason => reason.Contains("two groups", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Labelled_samples_decide_by_measured_accuracy()
    {
        (float[][] scans, int[] labels) = ShippedDigits.Scans;
        var some = new LabelledSamples(SampleSource.FromArrays(scans[..200], 1, 28, 28), labels[..200]);
        AdaptationResult result = Adapt(scans, new AdaptationOptions { Labelled = some });
        MeasuredAccuracy measured = result.Report.Verdict.Measured!;
        Assert.AreEqual(Right(Digits, scans[..200], labels[..200]) / 200.0, measured.Source.Value, 1e-12);
        Assert.AreEqual(Right(result.Model, scans[..200], labels[..200]) / 200.0, measured.Adapted.Value, 1e-12);
        Assert.IsTrue(measured.Change.Low > 0 && measured.Source.Low < measured.Source.Value && measured.Adapted.High > measured.Adapted.Value);
        Assert.AreEqual(VerdictKind.Adapt, result.Report.Verdict.Kind);

        // One class adapted to all the way, judged on all classes: worse, and the labels say so.
        float[][] one = [.. scans.Where((_, i) => labels[i] == 3)];
        AdaptationResult worse = Adapt(one, new AdaptationOptions { Policy = AdaptationPolicy.AdaBN, Labelled = new LabelledSamples(SampleSource.FromArrays(ShippedDigits.Mnist.Images[..300], 1, 28, 28), ShippedDigits.Mnist.Labels[..300]), FallBackToSource = true });
        Assert.AreEqual(VerdictKind.KeepSource, worse.Report.Verdict.Kind);
        AssertIsSource(worse.Model);
    }

    [TestMethod]
    public void Labels_that_do_not_fit_are_refused()
    {
        float[][] scans = ShippedDigits.Scans.Images[..40];
        ISampleSource two = SampleSource.FromArrays(scans[..2], 1, 28, 28);
        ISampleSource uncounted = SampleSource.FromArrays(scans[..2].Where(_ => true), 1, 28, 28);
        Assert.Contains("2 samples and 3 labels", Assert.ThrowsExactly<ArgumentException>(() => Adapt(scans, new AdaptationOptions { Labelled = new LabelledSamples(two, [1, 2, 3]) })).Message);
        Assert.Contains("2 labelled samples and 3 labels", Assert.ThrowsExactly<AdaptationException>(() => Adapt(scans, new AdaptationOptions { Labelled = new LabelledSamples(uncounted, [1, 2, 3]) })).Message);
        Assert.Contains("A label is 10, but the model has 10 classes", Assert.ThrowsExactly<AdaptationException>(() => Adapt(scans, new AdaptationOptions { Labelled = new LabelledSamples(two, [1, 10]) })).Message);
        Assert.Contains("nothing is judged", Assert.ThrowsExactly<ArgumentException>(() => Adapt(scans, new AdaptationOptions { JudgementImages = 0, Labelled = new LabelledSamples(two, [1, 2]) })).Message);
        Assert.Contains("JudgementImages is -1", Assert.ThrowsExactly<ArgumentException>(() => Adapt(scans, new AdaptationOptions { JudgementImages = -1 })).Message);
    }

    [TestMethod]
    public void Without_judgement_auto_is_its_gate()
    {
        float[][] scans = ShippedDigits.Scans.Images;
        AdaptationResult auto = Adapt(scans, new AdaptationOptions { JudgementImages = 0 }), gate = Adapt(scans, new AdaptationOptions { JudgementImages = 0, Policy = AdaptationPolicy.Gate() });
        Assert.AreEqual(VerdictKind.NotJudged, auto.Report.Verdict.Kind);
        foreach ((LayerReport one, LayerReport two) in auto.Report.Layers.Zip(gate.Report.Layers)) CollectionAssert.AreEqual(one.AdaptedMean.ToArray(), two.AdaptedMean.ToArray());
    }

    [TestMethod]
    public void A_model_without_class_scores_is_adapted_unjudged()
    {
        // The last layer's own output, 5 maps of 2x2: no score a class.
        ModelBuilder maps = Twin.Plain();
        maps.Graph.Output.Clear();
        maps.Output("n2", -1, 5, 2, 2);
        AdaptationReport report = BatchNormAdapter.Adapt(maps.Build(), Twin.Source).Report;
        Assert.AreEqual(VerdictKind.NotJudged, report.Verdict.Kind);
        Assert.Contains("no output of one score a class", report.Verdict.Reasons.Single());
        Assert.IsTrue(report.Layers.Any(layer => layer.AdaptedMean[0] != layer.SourceMean[0]));
    }

    [TestMethod]
    public void Scores_that_overflow_under_source_statistics_leave_the_model_unjudged()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 3).BatchNorm("x", "n", 3).Floats("large", [1], 1e36f).Node("Mul", ["n", "large"], ["y"]).Output("y", -1, 3).Build();
        float[][] rows = [.. Enumerable.Range(0, 40).Select(i => Twin.Numbers(i, 3, 1000, 1003))];
        AdaptationReport report = BatchNormAdapter.Adapt(model, SampleSource.FromArrays(rows, 3), new AdaptationOptions { Policy = AdaptationPolicy.AdaBN }).Report;
        Assert.AreEqual(VerdictKind.NotJudged, report.Verdict.Kind);
        Assert.Contains("not finite", report.Verdict.Reasons.Single());
    }

    [TestMethod]
    public void Progress_goes_through_all_passes_to_their_end()
    {
        var reports = new List<AdaptationProgress>();
        BatchNormAdapter.Adapt(Digits, SampleSource.FromArrays(ShippedDigits.Scans.Images[..300], 1, 28, 28), progress: new Collector(reports));
        int stages = reports[0].StageCount;
        Assert.IsTrue(reports.All(report => report.StageCount == stages && report.SamplesDone <= report.SampleCount));
        Assert.IsTrue(reports.Select(report => report.Stage).SequenceEqual(reports.Select(report => report.Stage).Order()));
        Assert.AreEqual(stages - 1, reports[^1].Stage);
        Assert.AreEqual(0, stages % 5); // the source and up to three policies on drawn images, then the whole set
    }

    private static AdaptationResult Adapt(float[][] digits, AdaptationOptions? options = null) => BatchNormAdapter.Adapt(Digits, SampleSource.FromArrays(digits, 1, 28, 28), options);

    private static void AssertIsSource(OnnxModel model)
    {
        foreach ((Initializer one, Initializer two) in Digits.Graph.Initializers.Zip(model.Graph.Initializers)) CollectionAssert.AreEqual(one.ToFloatArray(), two.ToFloatArray(), one.Name);
    }

    private static int Right(OnnxModel model, float[][] images, int[] labels)
    {
        float[] logits = Scoring.Run(model, new Dictionary<string, (float[], int[])> { ["image"] = ([.. images.SelectMany(digit => digit)], [images.Length, 1, 28, 28]) });
        return logits.Chunk(10).Zip(labels).Count(pair => Array.IndexOf(pair.First, pair.First.Max()) == pair.Second);
    }

    private sealed class Collector(List<AdaptationProgress> reports) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value)
        {
            lock (reports) reports.Add(value);
        }
    }
}
