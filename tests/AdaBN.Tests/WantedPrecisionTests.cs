using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Reading until precise enough: what is foretold, read and reached.</summary>
[TestClass]
public sealed class WantedPrecisionTests
{
    private static readonly (float[][] Images, int[] Labels) Digits = ShippedDigits.Scans;
    private static readonly OnnxModel Model = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));

    [TestMethod]
    public void The_precision_reached_on_real_digits_is_the_one_wanted()
    {
        var random = new Random(8);
        List<double> ratios = [];
        foreach (double wanted in (double[])[0.08, 0.06, 0.05, 0.04])
        {
            for (int draw = 0; draw < 4; draw++)
            {
                float[][] images = [.. Digits.Images];
                random.Shuffle(images);
                SamplingPrecision precision = Adapt(SampleSource.FromArrays(images, 1, 28, 28), wanted).Report.Precision;
                Assert.AreEqual(wanted, precision.Wanted);
                Assert.IsLessThan(images.Length, precision.Foretold!.Value);
                ratios.Add(precision.Reached / wanted);
            }
        }
        Console.WriteLine($"reached over wanted: {ratios.Min():0.000} to {ratios.Max():0.000}, {ratios.Average():0.000} on average");
        Assert.AreEqual(1, ratios.Average(), 0.03);
        foreach (double ratio in ratios) Assert.AreEqual(1, ratio, 0.1);
    }

    [TestMethod]
    public void No_more_is_read_than_foretold_only_once_and_the_result_is_that_of_so_many_samples()
    {
        foreach (double wanted in (double[])[0.05, 0.3])
        {
            var source = new CountingSource(SampleSource.FromArrays(Digits.Images, 1, 28, 28));
            AdaptationResult result = Adapt(source, wanted);
            Assert.AreEqual(result.Report.Precision.Foretold, result.Report.Samples);
            Assert.AreEqual(result.Report.Samples, source.SamplesRead);
            Assert.AreEqual(1, source.ReadersOpened);
            Assert.AreEqual(1, source.ReadersDisposed);
            AdaptationResult limited = BatchNormAdapter.Adapt(Model, SampleSource.FromArrays(Digits.Images, 1, 28, 28), PaperAdaBN.Options with { MaxSamples = result.Report.Samples });
            CollectionAssert.AreEqual(limited.Model.ToBytes(), result.Model.ToBytes());
            Assert.AreEqual(limited.Report.EffectiveImages, result.Report.EffectiveImages);
        }
        Assert.AreEqual(64, Adapt(SampleSource.FromArrays(Digits.Images, 1, 28, 28), 10).Report.Samples, "the first 64 are read in any case");
    }

    [TestMethod]
    public void It_equals_its_definition()
    {
        var golden = new GoldenCase("residual_downsample");
        AdaptationReport report = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Report;
        double[] epsilons = [.. report.Layers.Select(layer => (double)golden.Model.Graph.Nodes.Single(node => node.DisplayName == layer.Name).GetFloat("epsilon", 1e-5f))];
        double expected = report.Layers.Zip(epsilons).Max(layer => Math.Sqrt(layer.First.MeanStandardError.Zip(layer.First.SourceVariance, (error, variance) => error * error / (variance + layer.Second)).Average()));
        Assert.AreEqual(expected, report.Precision.Reached, 1e-12);
        Assert.IsNull(report.Precision.Wanted);
        Assert.IsNull(report.Precision.Foretold);
    }

    [TestMethod]
    public void Where_the_data_ends_before_it_is_said()
    {
        var source = new CountingSource(SampleSource.FromArrays(Digits.Images.Take(150).Where(_ => true), 1, 28, 28)); // of unknown number
        AdaptationReport report = Adapt(source, 0.01).Report;
        Assert.AreEqual(150, report.Samples);
        Assert.AreEqual(150, source.SamplesRead);
        Assert.Contains($"foretold to take {report.Precision.Foretold} samples, and there were 150 to read", string.Join(' ', report.Findings));
        Assert.AreEqual(100, BatchNormAdapter.Adapt(Model, SampleSource.FromArrays(Digits.Images, 1, 28, 28), PaperAdaBN.Options with { WantedStandardError = 0.01, MaxSamples = 100 }).Report.Samples);
        Assert.AreEqual(20, Adapt(SampleSource.FromArrays(Digits.Images[..20], 1, 28, 28), 10).Report.Samples);
        AdaptationReport single = Adapt(SampleSource.FromArrays(Digits.Images[..1], 1, 28, 28), 10).Report;
        Assert.AreEqual(long.MaxValue, single.Precision.Foretold);
        Assert.AreEqual(AdaptationError.EmptyData, Assert.ThrowsExactly<AdaptationException>(() => Adapt(SampleSource.FromArrays([], 1, 28, 28), 0.1)).Error);
        foreach (double nonsense in (double[])[0, -1, double.NaN, double.PositiveInfinity])
            Assert.Contains("WantedStandardError", Assert.ThrowsExactly<ArgumentException>(() => Adapt(source, nonsense)).Message);
    }

    [TestMethod]
    public void Where_the_first_samples_do_not_stand_for_the_rest_it_is_said()
    {
        float[][] sorted = [.. Digits.Images.Zip(Digits.Labels).OrderBy(digit => digit.Second != 1).Select(digit => digit.First)]; // all ones first
        AdaptationReport report = Adapt(SampleSource.FromArrays(sorted, 1, 28, 28), 0.02).Report;
        Assert.AreEqual(report.Precision.Foretold, report.Samples);
        Assert.Contains("the first 64 samples differ less among themselves than", string.Join(' ', report.Findings));
    }

    [TestMethod]
    public void A_reference_is_measured_on_no_more_than_it_takes()
    {
        var source = new CountingSource(SampleSource.FromArrays(Digits.Images, 1, 28, 28));
        ReferenceStatistics reference = ReferenceStatistics.Measure(OnnxModel.Load(Repository.Model("digits-cnn-folded.onnx")), source, new AdaptationOptions { WantedStandardError = 0.1 });
        Assert.AreEqual(reference.Samples, source.SamplesRead);
        Assert.IsTrue(reference.Samples is >= 64 and < 1000, $"{reference.Samples} samples");
    }

    [TestMethod]
    public void A_reader_is_closed_whatever_goes_wrong_and_the_sample_at_fault_is_named()
    {
        foreach (int fault in (int[])[5, 100])
        {
            float[][] images = [.. Digits.Images[..200]];
            images[fault] = [.. images[fault][1..], float.NaN];
            var source = new CountingSource(SampleSource.FromArrays(images, 1, 28, 28));
            AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => Adapt(source, 0.01));
            Assert.Contains($"Sample {fault} (counting from 0)", e.Message);
            Assert.AreEqual(1, source.ReadersDisposed);
        }
    }

    [TestMethod]
    public void It_goes_with_robust_and_judged_policies_and_several_inputs()
    {
        AdaptationResult judged = BatchNormAdapter.Adapt(Model, SampleSource.FromArrays(Digits.Images, 1, 28, 28), new AdaptationOptions { WantedStandardError = 0.08, Policy = AdaptationPolicy.Auto().Trimmed() });
        Assert.AreEqual(judged.Report.Precision.Foretold, judged.Report.Samples);
        Assert.AreNotEqual(VerdictKind.NotJudged, judged.Report.Verdict.Kind);
        var golden = new GoldenCase("two_inputs");
        AdaptationReport all = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Report, wanted = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { WantedStandardError = 0.001 }).Report;
        CollectionAssert.AreEqual(all.Layers[^1].TargetMean.ToArray(), wanted.Layers[^1].TargetMean.ToArray());
    }

    private static AdaptationResult Adapt(ISampleSource source, double wanted) => BatchNormAdapter.Adapt(Model, source, PaperAdaBN.Options with { WantedStandardError = wanted });
}
