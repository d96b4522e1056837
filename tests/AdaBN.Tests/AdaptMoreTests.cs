using AdaBN.Forms;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Going on with further samples: against all samples at once.</summary>
[TestClass]
public sealed class AdaptMoreTests
{
    private static readonly Lazy<OnnxModel> Digits = new(() => OnnxModel.Load(Repository.Model("digits-cnn.onnx")));

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DynamicData(nameof(GoldenCase.Names), typeof(GoldenCase))]
    public void Halves_give_the_shallowest_layers_of_the_whole_exactly_and_deeper_ones_more_nearly_than_one_half(string name)
    {
        var golden = new GoldenCase(name);
        int half = golden.Samples / 2;
        AdaptationResult whole = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options);
        AdaptationResult first = BatchNormAdapter.Adapt(golden.Model, golden.Source(Enumerable.Range(0, half)), PaperAdaBN.Options);
        AdaptationResult both = BatchNormAdapter.AdaptMore(golden.Model, first.Moments, golden.Source(Enumerable.Range(half, golden.Samples - half)), PaperAdaBN.Options);

        Assert.AreEqual(golden.Samples, both.Report.Samples);
        Assert.AreEqual(golden.Samples, both.Moments.Samples);
        foreach ((LayerReport all, LayerReport merged, LayerReport one) in whole.Report.Layers.Zip(both.Report.Layers, first.Report.Layers))
        {
            Assert.AreEqual(all.Images, merged.Images, all.Name);
            if (all.Depth == 0) AssertSame(all, merged);
            else Assert.IsLessThan(Sum(Distance(all, one)), Sum(Distance(all, merged)), all.Name);
        }

        static double Sum((double Mean, double Variance) distance) => distance.Mean + distance.Variance;
    }

    /// <summary>docs/mlnet.md quotes what this prints.</summary>
    [TestMethod]
    public void On_the_shipped_digits_deeper_layers_come_near_the_whole()
    {
        foreach ((int[] ends, double mean, double variance) in ((int[], double, double)[])[([900, 1797], 1e-3, 2e-3), ([180, 1797], 1e-3, 2e-3), ([.. Enumerable.Range(1, 17).Select(i => i * 100), 1797], 5e-3, 6e-3)])
        {
            AdaptationResult whole = BatchNormAdapter.Adapt(Digits.Value, Scans(0, 1797), PaperAdaBN.Options), first = BatchNormAdapter.Adapt(Digits.Value, Scans(0, ends[0]), PaperAdaBN.Options), parts = first;
            AdaptedLayers? naive = null;
            for (int i = 1; i < ends.Length; i++)
            {
                if (ends.Length == 2) naive = MergedAsTheyAre(parts.Moments, Scans(ends[0], ends[1]));
                parts = BatchNormAdapter.AdaptMore(Digits.Value, parts.Moments, Scans(ends[i - 1], ends[i]), PaperAdaBN.Options);
            }
            AssertSame(whole.Report.Layers[0], parts.Report.Layers[0]);
            LayerReport[] deeper = [.. whole.Report.Layers.Skip(1)];
            (double Mean, double Variance) moved = Worst(deeper, parts.Report.Layers.Skip(1).Select(TargetOf));
            (double Mean, double Variance) alone = Worst(deeper, first.Report.Layers.Skip(1).Select(TargetOf));
            TestContext.WriteLine($"{ends.Length} parts, the first of {ends[0]}, against all 1797 at once: means within {moved.Mean:0.0000} standard deviations, variances within {moved.Variance:0.00%}; the first part alone {alone.Mean:0.000} and {alone.Variance:0.0%}");
            Assert.IsLessThan(mean, moved.Mean);
            Assert.IsLessThan(variance, moved.Variance);
            if (naive is null) continue;
            (double Mean, double Variance) asTheyAre = Worst(deeper, naive.Layers.Skip(1).Select(layer => layer.Evidence.Target));
            TestContext.WriteLine($"  merged without regard to that: {asTheyAre.Mean:0.0000} and {asTheyAre.Variance:0.00%}");
            Assert.IsLessThan(asTheyAre.Mean / 3, moved.Mean);
            Assert.IsLessThan(asTheyAre.Variance / 2, moved.Variance);
        }
    }

    [TestMethod]
    public void Policies_see_the_evidence_of_all_samples()
    {
        foreach (IAdaptationPolicy policy in (IAdaptationPolicy[])[AdaptationPolicy.Gate(), AdaptationPolicy.SourcePrior(16), AdaptationPolicy.AdaBN.Trimmed(0.1), AdaptationPolicy.Gate().MedianOfBatches(4)])
        {
            AdaptationOptions options = PaperAdaBN.Options with { Policy = policy, KeepImageMoments = true };
            LayerReport whole = BatchNormAdapter.Adapt(Digits.Value, Scans(0, 200), options).Report.Layers[0];
            AdaptationResult parts = BatchNormAdapter.Adapt(Digits.Value, Scans(0, 80), options);
            Assert.IsTrue(parts.Moments.HasImages);
            parts = BatchNormAdapter.AdaptMore(Digits.Value, parts.Moments, Scans(80, 200), options);
            LayerReport merged = parts.Report.Layers[0];
            AssertSame(whole, merged);
            for (int c = 0; c < whole.Channels; c++)
            {
                Assert.AreEqual(whole.AdaptedMean[c], merged.AdaptedMean[c], 1e-6 * Math.Sqrt(whole.TargetVariance[c]), policy.Description);
                Assert.AreEqual(whole.AdaptedVariance[c], merged.AdaptedVariance[c], 1e-6 * whole.AdaptedVariance[c], policy.Description);
                Assert.AreEqual(whole.MeanStandardError[c], merged.MeanStandardError[c], 1e-6 * whole.MeanStandardError[c], policy.Description);
                Assert.AreEqual(whole.VarianceStandardError[c], merged.VarianceStandardError[c], 1e-6 * whole.VarianceStandardError[c], policy.Description);
            }
            Assert.IsTrue(parts.Moments.HasImages);
        }
    }

    [TestMethod]
    public void Moments_survive_a_fall_back_to_the_source_and_another_policy()
    {
        var keep = new AdaptationOptions { Policy = AdaptationPolicy.AdaBN, FallBackToSource = true };
        AdaptationResult few = BatchNormAdapter.Adapt(Digits.Value, Scans(0, 8), keep);
        Assert.AreEqual(Digits.Value.ComputationSha256(), few.Model.ComputationSha256());
        AdaptationResult more = BatchNormAdapter.AdaptMore(Digits.Value, few.Moments, Scans(8, 400), keep);
        Assert.AreEqual(VerdictKind.Adapt, more.Report.Verdict.Kind);
        AssertNear(BatchNormAdapter.Adapt(Digits.Value, Scans(0, 400), keep).Report, more.Report, 1e-3);

        // Measured behind the source's own statistics, then decided otherwise: a far way.
        AdaptationResult kept = BatchNormAdapter.Adapt(Digits.Value, Scans(0, 200), PaperAdaBN.Options with { Policy = AdaptationPolicy.KeepSource });
        AdaptationReport moved = BatchNormAdapter.AdaptMore(Digits.Value, kept.Moments, Scans(200, 400), PaperAdaBN.Options).Report;
        AdaptedLayers asTheyAre = MergedAsTheyAre(kept.Moments, Scans(200, 400));
        LayerReport[] whole = [.. BatchNormAdapter.Adapt(Digits.Value, Scans(0, 400), PaperAdaBN.Options).Report.Layers];
        (double mean, double variance) = Worst(whole, moved.Layers.Select(TargetOf));
        (double Mean, double Variance) unmoved = Worst(whole, asTheyAre.Layers.Select(layer => layer.Evidence.Target));
        TestContext.WriteLine($"200 samples measured behind the source's statistics, 200 more adapted to: means within {mean:0.000} standard deviations, variances within {variance:0.0%}; merged without regard to that {unmoved.Mean:0.00} and {unmoved.Variance:0%}");
        Assert.IsLessThan(unmoved.Mean / 5, mean);
        Assert.IsLessThan(unmoved.Variance / 5, variance);
    }

    [TestMethod]
    public void Auto_chooses_and_judges_with_all_that_was_measured()
    {
        AdaptationResult first = BatchNormAdapter.Adapt(Digits.Value, Scans(0, 600));
        var progress = new Steps();
        AdaptationResult more = BatchNormAdapter.AdaptMore(Digits.Value, first.Moments, Scans(600, 1200), progress: progress);
        Assert.AreEqual(VerdictKind.Adapt, more.Report.Verdict.Kind);
        Assert.AreEqual(1200, more.Report.Samples);
        AssertNear(BatchNormAdapter.Adapt(Digits.Value, Scans(0, 1200)).Report, more.Report, 0.01);
        Assert.AreEqual(1, progress.Counts.Distinct().Count());
        Assert.IsTrue(progress.Stages.All(stage => stage >= 0 && stage < progress.Counts[0]));
        Assert.IsTrue(progress.Stages.Zip(progress.Stages.Skip(1)).All(pair => pair.First <= pair.Second));
    }

    [TestMethod]
    public void The_same_bytes_for_any_number_of_workers_and_batch_sizes_to_rounding()
    {
        AdaptationResult Parts(int workers, int? batch)
        {
            AdaptationOptions options = PaperAdaBN.Options with { Workers = workers, BatchSize = batch };
            return BatchNormAdapter.AdaptMore(Digits.Value, BatchNormAdapter.Adapt(Digits.Value, Scans(0, 100), options).Moments, Scans(100, 250), options);
        }
        AdaptationResult one = Parts(1, null);
        CollectionAssert.AreEqual(one.Model.ToBytes(), Parts(3, null).Model.ToBytes());
        AssertNear(one.Report, Parts(2, 7).Report, 1e-5);
    }

    [TestMethod]
    public void A_wanted_precision_counts_the_samples_before()
    {
        AdaptationOptions wanted = PaperAdaBN.Options with { WantedStandardError = 0.03 };
        long alone = BatchNormAdapter.Adapt(Digits.Value, Scans(0, 1797), wanted).Report.Samples;
        AdaptationResult before = BatchNormAdapter.Adapt(Digits.Value, Scans(0, 300), PaperAdaBN.Options);
        AdaptationResult more = BatchNormAdapter.AdaptMore(Digits.Value, before.Moments, Scans(300, 1797), wanted);
        Assert.IsLessThan(alone, more.Report.Samples - 300, $"{alone} alone, {more.Report.Samples} with the 300 before");
        Assert.AreEqual(0.03, more.Report.Precision.Reached, 0.006);
    }

    [TestMethod]
    public void Moments_of_another_model_other_layers_or_without_images_are_refused()
    {
        AdaptationMoments moments = BatchNormAdapter.Adapt(Digits.Value, Scans(0, 20), PaperAdaBN.Options).Moments;
        var golden = new GoldenCase("conv_chain");
        AdaptationException Refused(Action action) => Assert.ThrowsExactly<AdaptationException>(action);
        Assert.Contains("moments are of another model", Refused(() => BatchNormAdapter.AdaptMore(golden.Model, moments, golden.Source(), PaperAdaBN.Options)).Message);
        Assert.Contains("moments are of 5 layers, but 4", Refused(() => BatchNormAdapter.AdaptMore(Digits.Value, moments, Scans(20, 40), PaperAdaBN.Options with { LayerFilter = layer => layer.Index > 0 })).Message);
        Assert.Contains(nameof(AdaptationOptions.KeepImageMoments), Refused(() => BatchNormAdapter.AdaptMore(Digits.Value, moments, Scans(20, 40), PaperAdaBN.Options with { Policy = AdaptationPolicy.AdaBN.Trimmed() })).Message);
        Assert.AreEqual(AdaptationError.EmptyData, Refused(() => BatchNormAdapter.AdaptMore(Digits.Value, moments, Scans(20, 20), PaperAdaBN.Options)).Error);
        Assert.ThrowsExactly<OperationCanceledException>(() => BatchNormAdapter.AdaptMore(Digits.Value, moments, Scans(20, 40), cancellationToken: new CancellationToken(canceled: true)));
    }

    private static ISampleSource Scans(int from, int to) => SampleSource.FromArrays(ShippedDigits.Scans.Images[from..to], 1, 28, 28);

    /// <summary>Earlier moments merged as they were measured, behind other statistics.</summary>
    private static AdaptedLayers MergedAsTheyAre(AdaptationMoments earlier, ISampleSource samples)
    {
        using var run = new AdaptationRun(WorkingModel.Of(Digits.Value, null, null), samples, PaperAdaBN.Options, null, earlier);
        return run.PassAll(AdaptationPolicy.AdaBN, null, default);
    }

    private static ChannelStatistics TargetOf(LayerReport layer) => new(layer.TargetMean, layer.TargetVariance);

    private static (double Mean, double Variance) Worst(LayerReport[] whole, IEnumerable<ChannelStatistics> others)
    {
        (double Mean, double Variance)[] distances = [.. whole.Zip(others, Distance)];
        return (distances.Max(distance => distance.Mean), distances.Max(distance => distance.Variance));
    }

    private static void AssertSame(LayerReport whole, LayerReport merged)
    {
        (double mean, double variance) = Distance(whole, merged);
        Assert.IsLessThan(1e-6, mean, whole.Name);
        Assert.IsLessThan(1e-6, variance, whole.Name);
    }

    private static void AssertNear(AdaptationReport whole, AdaptationReport parts, double tolerance)
    {
        foreach ((LayerReport all, LayerReport merged) in whole.Layers.Zip(parts.Layers))
        {
            (double mean, double variance) = Distance(all, merged);
            Assert.IsLessThan(tolerance, mean, all.Name);
            Assert.IsLessThan(tolerance, variance, all.Name);
        }
    }

    private static (double Mean, double Variance) Distance(LayerReport whole, LayerReport other) => Distance(whole, TargetOf(other));

    /// <summary>The largest distance of means in standard deviations, and of variances relatively.</summary>
    private static (double Mean, double Variance) Distance(LayerReport whole, ChannelStatistics other) => (
        Enumerable.Range(0, whole.Channels).Max(c => Math.Abs(other.Mean[c] - whole.TargetMean[c]) / Math.Sqrt(whole.TargetVariance[c])),
        Enumerable.Range(0, whole.Channels).Max(c => Math.Abs(other.Variance[c] - whole.TargetVariance[c]) / whole.TargetVariance[c]));

    private sealed class Steps : IProgress<AdaptationProgress>
    {
        public List<int> Stages { get; } = [];

        public List<int> Counts { get; } = [];

        public void Report(AdaptationProgress value)
        {
            lock (Stages)
            {
                Stages.Add(value.Stage);
                Counts.Add(value.StageCount);
            }
        }
    }
}
