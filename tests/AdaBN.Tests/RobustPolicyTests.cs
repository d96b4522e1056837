using System.Text.Json;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Trimming and the median of batches: against float64, against garbage among real digits, and what must not matter.</summary>
[TestClass]
public sealed class RobustPolicyTests
{
    public static IEnumerable<object[]> Cases => GoldenCase.Names.Where(name => File.Exists(Path.Combine(Repository.Golden, (string)name[0], "robust.json")));

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Decisions_equal_the_float64_reference_for_any_batch_size_and_number_of_workers(string name)
    {
        var golden = new GoldenCase(name);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden.Folder, "robust.json")));
        IAdaptationPolicy trimmed = AdaptationPolicy.AdaBN.Trimmed(json.RootElement.GetProperty("share").GetDouble());
        IAdaptationPolicy median = AdaptationPolicy.AdaBN.MedianOfBatches(json.RootElement.GetProperty("groups").GetInt32());
        foreach ((IAdaptationPolicy policy, string key) in (ReadOnlySpan<(IAdaptationPolicy, string)>)[(trimmed, "trimmed"), (median, "median")])
        {
            foreach ((int? batch, int workers) in (ReadOnlySpan<(int?, int)>)[(null, 2), (1, 3), (5, 2)])
            {
                AdaptationReport report = BatchNormAdapter.Adapt(golden.Model, Spoiled(golden), PaperAdaBN.Options with { Policy = policy, BatchSize = batch, Workers = workers }).Report;
                foreach (GoldenLayer expected in GoldenCase.LayersOf(json.RootElement.GetProperty(key)))
                {
                    LayerReport actual = golden.Match(expected, report);
                    for (int c = 0; c < actual.Channels; c++)
                    {
                        Assert.AreEqual(expected.Mean[c], actual.AdaptedMean[c], 1e-6 * Math.Sqrt(expected.Variance[c]), $"{key}, {actual.Name}, mean {c}");
                        Assert.AreEqual(expected.Variance[c], actual.AdaptedVariance[c], 2e-6 * expected.Variance[c], $"{key}, {actual.Name}, variance {c}");
                    }
                }
            }
        }
    }

    [TestMethod]
    [DataRow("residual_downsample")]
    [DataRow("concat_branch")]
    public void Any_number_of_workers_gives_the_same_bytes(string name)
    {
        var golden = new GoldenCase(name);
        foreach (IAdaptationPolicy policy in (IAdaptationPolicy[])[AdaptationPolicy.Gate().Trimmed(0.2), AdaptationPolicy.Gate().MedianOfBatches(5)])
        {
            byte[] Adapted(int workers) => BatchNormAdapter.Adapt(golden.Model, Spoiled(golden), PaperAdaBN.Options with { Policy = policy, BatchSize = 3, Workers = workers }).Model.ToBytes();
            byte[] one = Adapted(1);
            foreach (int workers in (int[])[2, 5]) CollectionAssert.AreEqual(one, Adapted(workers), $"{policy.Description}, {workers} workers");
        }
    }

    [TestMethod]
    public void Trimming_does_not_depend_on_the_order_of_images_nor_the_median_on_the_order_in_a_group()
    {
        var golden = new GoldenCase("conv_chain");
        int[] all = [.. Enumerable.Range(0, golden.Samples)], shuffled = [.. all];
        new Random(4).Shuffle(shuffled);
        const int groups = 5;
        int whole = golden.Samples / groups * groups;
        int[] swapped = [.. all.Select(i => i < whole ? whole - groups - (i / groups * groups) + (i % groups) : i)]; // each image stays in its group
        AssertSame(AdaptationPolicy.AdaBN.Trimmed(0.2), shuffled);
        AssertSame(AdaptationPolicy.AdaBN.MedianOfBatches(groups), swapped);

        void AssertSame(IAdaptationPolicy policy, int[] order)
        {
            AdaptationReport Report(int[] of) => BatchNormAdapter.Adapt(golden.Model, Spoiled(golden, of), PaperAdaBN.Options with { Policy = policy }).Report;
            foreach ((LayerReport expected, LayerReport actual) in Report(all).Layers.Zip(Report(order).Layers))
            {
                for (int c = 0; c < expected.Channels; c++)
                {
                    Assert.AreEqual(expected.AdaptedMean[c], actual.AdaptedMean[c], 1e-6 * Math.Sqrt(expected.AdaptedVariance[c]), policy.Description);
                    Assert.AreEqual(expected.AdaptedVariance[c], actual.AdaptedVariance[c], 2e-6 * expected.AdaptedVariance[c], policy.Description);
                }
            }
        }
    }

    /// <summary>A tenth of garbage: pixels black or white at random, as a broken cable would give. Another tenth of unharmed images leave with it.</summary>
    [TestMethod]
    public void Trimming_saves_the_digits_from_a_tenth_of_garbage_images()
    {
        (float[][] digits, int[] labels) = ShippedDigits.Scans;
        var random = new Random(1);
        float[][] spoiled = [.. digits, .. Enumerable.Range(0, digits.Length / 9).Select(_ => Enumerable.Range(0, 784).Select(_ => (float)random.Next(2)).ToArray())];
        random.Shuffle(spoiled);
        (int plain, int trimmed) = (Right(AdaptationPolicy.AdaBN, spoiled), Right(AdaptationPolicy.AdaBN.Trimmed(0.1), spoiled));
        (int clean, int trimmedClean) = (Right(AdaptationPolicy.AdaBN, digits), Right(AdaptationPolicy.AdaBN.Trimmed(0.1), digits));
        Console.WriteLine($"of {digits.Length} digits: clean {clean}, trimmed {trimmedClean}; with garbage {plain}, trimmed {trimmed}");
        Assert.IsGreaterThanOrEqualTo(plain + 30, trimmed);
        Assert.AreEqual(clean, trimmed, digits.Length / 100);
        Assert.AreEqual(clean, trimmedClean, digits.Length / 100);

        int Right(IAdaptationPolicy policy, float[][] images) =>
            ShippedModelTests.Right(BatchNormAdapter.Adapt(OnnxModel.Load(Repository.Model("digits-cnn.onnx")), SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options with { Policy = policy }).Model, digits, labels);
    }

    /// <summary>Lugosi and Mendelson's point: a few images, however bad, spoil fewer than half of the groups.</summary>
    [TestMethod]
    public void The_median_stands_images_a_million_times_too_strong_in_fewer_than_half_of_the_groups()
    {
        var golden = new GoldenCase("conv_chain");
        LayerReport First(IAdaptationPolicy policy, Func<int, float> factorOf) =>
            BatchNormAdapter.Adapt(golden.Model, golden.Source(factorOf: factorOf), PaperAdaBN.Options with { Policy = policy }).Report.Layers[0];
        LayerReport clean = First(AdaptationPolicy.AdaBN, _ => 1);
        float Three(int image) => image is 3 or 20 or 33 ? 1e6f : 1;
        LayerReport median = First(AdaptationPolicy.AdaBN.MedianOfBatches(8), Three), plain = First(AdaptationPolicy.AdaBN, Three);
        for (int c = 0; c < clean.Channels; c++)
        {
            Assert.IsGreaterThan(1e8, plain.AdaptedVariance[c] / clean.AdaptedVariance[c]);
            Assert.AreEqual(clean.AdaptedMean[c], median.AdaptedMean[c], 4 * clean.MeanStandardError[c]);
            Assert.AreEqual(1, median.AdaptedVariance[c] / clean.AdaptedVariance[c], 0.6);
        }
    }

    [TestMethod]
    public void Nothing_left_out_and_two_equal_groups_are_plain_AdaBN()
    {
        var golden = new GoldenCase("conv_chain");
        byte[] Statistics(IAdaptationPolicy policy, params int[] order) => [.. BatchNormAdapter.Adapt(golden.Model, golden.Source(order.Length > 0 ? order : null), PaperAdaBN.Options with { Policy = policy }).Model.Graph.Initializers.SelectMany(tensor => tensor.ToSerializedBytes())];
        CollectionAssert.AreEqual(Statistics(AdaptationPolicy.AdaBN), Statistics(AdaptationPolicy.AdaBN.Trimmed(0.02)), "no whole image of 37");
        CollectionAssert.AreEqual(Statistics(AdaptationPolicy.AdaBN, 5, 6, 7), Statistics(AdaptationPolicy.AdaBN.MedianOfBatches(8), 5, 6, 7), "no two groups of two");

        AdaptationReport plain = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Variance = VarianceKind.Sample }).Report;
        AdaptationReport doubled = BatchNormAdapter.Adapt(golden.Model, golden.Source([.. Enumerable.Range(0, golden.Samples).SelectMany(i => (int[])[i, i])]),
            PaperAdaBN.Options with { Variance = VarianceKind.Sample, Policy = AdaptationPolicy.AdaBN.MedianOfBatches(2) }).Report;
        for (int c = 0; c < plain.Layers[0].Channels; c++)
        {
            double n = plain.Layers[0].ValuesPerChannel;
            Assert.AreEqual(plain.Layers[0].TargetMean[c], doubled.Layers[0].AdaptedMean[c], 1e-6);
            Assert.AreEqual(plain.Layers[0].TargetVariance[c] * (n - 1) / n * 2 * n / ((2 * n) - 1), doubled.Layers[0].AdaptedVariance[c], 2e-6 * plain.Layers[0].TargetVariance[c]);
        }
    }

    [TestMethod]
    public void Wrappers_compose_in_the_order_that_means_something()
    {
        var golden = new GoldenCase("conv_chain");
        IAdaptationPolicy both = AdaptationPolicy.AdaBN.MeanOnly().MedianOfBatches(8).Trimmed(0.2);
        Assert.AreEqual("full replacement, means only, median of 8 batches, without the farthest 20 % of the images", both.Description);
        LayerReport layer = BatchNormAdapter.Adapt(golden.Model, Spoiled(golden), PaperAdaBN.Options with { Policy = both }).Report.Layers[0];
        CollectionAssert.AreEqual(layer.SourceVariance.ToArray(), layer.AdaptedVariance.ToArray());
        Assert.IsTrue(AdaptationPolicy.AdaBN.Trimmed().MeanOnly().NeedsImages);
        Assert.Contains("policy.MedianOfBatches(8).Trimmed(0.1)", Assert.ThrowsExactly<ArgumentException>(() => AdaptationPolicy.AdaBN.Trimmed().MedianOfBatches()).Message);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AdaptationPolicy.AdaBN.Trimmed(0.5));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AdaptationPolicy.AdaBN.Trimmed(double.NaN));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AdaptationPolicy.AdaBN.MedianOfBatches(1));
    }

    [TestMethod]
    public void Each_policy_that_Auto_chooses_among_is_made_robust()
    {
        IAdaptationPolicy auto = AdaptationPolicy.Auto().MedianOfBatches(6).Trimmed(0.2);
        Assert.IsTrue(auto.NeedsImages);
        var golden = new GoldenCase("conv_chain");
        AdaptationOptions Options(IAdaptationPolicy policy, int judged = 0) => new() { Policy = policy, JudgementImages = judged };
        AdaptationResult unjudged = BatchNormAdapter.Adapt(golden.Model, Spoiled(golden), Options(auto)), gate = BatchNormAdapter.Adapt(golden.Model, Spoiled(golden), Options(AdaptationPolicy.Gate().MedianOfBatches(6).Trimmed(0.2)));
        foreach ((LayerReport expected, LayerReport actual) in gate.Report.Layers.Zip(unjudged.Report.Layers)) CollectionAssert.AreEqual(expected.AdaptedVariance.ToArray(), actual.AdaptedVariance.ToArray());
        string method = BatchNormAdapter.Adapt(golden.Model, Spoiled(golden), Options(auto, judged: 32)).Report.Method;
        Assert.Contains("auto: ", method);
        Assert.IsTrue(method.Contains("median of 6 batches, without the farthest 20 % of the images", StringComparison.Ordinal) || method.Contains("kept", StringComparison.Ordinal), method);
    }

    private static ISampleSource Spoiled(GoldenCase golden, IEnumerable<int>? order = null) => golden.Source(order, image => image % 9 == 4 ? 8 : 1);
}
