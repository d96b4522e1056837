using AdaBN.Onnx;
using AdaBN.Policies;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Policies as pure functions, and what the adapter makes of them.</summary>
[TestClass]
public sealed class PolicyTests
{
    private static readonly NormalizationLayer Layer = new(3, "bn", "BatchNormalization", 2, 1, null);

    private static LayerEvidence Evidence(long images = 48, double meanSpread = 0.01, double varianceSpread = 0.02) => new(
        Layer, 1e-5, new ChannelStatistics([1, -2], [4, 0.5]), new ChannelStatistics([3, -2], [1, 2]), images, images * 10, [meanSpread, meanSpread], [varianceSpread, varianceSpread]);

    [TestMethod]
    public void Each_decides_as_its_formula_says()
    {
        AssertDecides(AdaptationPolicy.AdaBN, [3, -2], [1, 2]);
        AssertDecides(AdaptationPolicy.KeepSource, [1, -2], [4, 0.5]);
        AssertDecides(AdaptationPolicy.Mix(0.25), [1.5, -2], [3.25, 0.875]);
        AssertDecides(AdaptationPolicy.SourcePrior(16), [1 + (2 * 48.0 / 64), -2], [4 - (3 * 48.0 / 64), 0.5 + (1.5 * 48 / 64)]);
        AssertDecides(AdaptationPolicy.AdaBN.MeanOnly(), [3, -2], [4, 0.5]);
        AssertDecides(AdaptationPolicy.AdaBN.VarianceOnly(), [1, -2], [1, 2]);
        AssertDecides(AdaptationPolicy.Mix(0.5).ForLayers(layer => layer.Depth > 1), [1, -2], [4, 0.5]);
        AssertDecides(AdaptationPolicy.Mix(0.5).ForLayers(layer => layer.Name == "bn"), [2, -2], [2.5, 1.25]);
        AssertDecides(AdaptationPolicy.AdaBN.ForChannels((_, channel) => channel == 1), [1, -2], [4, 2]);
    }

    [TestMethod]
    public void The_gate_by_depth_is_the_gates_at_its_ends_and_between_them_in_the_middle()
    {
        var evidence = Evidence(images: 21) with { MeanSpread = [0.5, 0.02], VarianceSpread = [3, 0.1] };
        GateSettings shallow = new(1, 2, 0.9), deep = new(3, 4, 0.5);
        foreach ((double depth, GateSettings settings) in ((double, GateSettings)[])[(0, shallow), (0.5, new(2, 3, 0.7)), (1, deep)])
        {
            ChannelStatistics expected = AdaptationPolicy.Gate(settings).Decide(evidence), decided = AdaptationPolicy.DepthGate(shallow, deep).Decide(evidence with { RelativeDepth = depth });
            for (int c = 0; c < 2; c++)
            {
                Assert.AreEqual(expected.Mean[c], decided.Mean[c], 1e-12);
                Assert.AreEqual(expected.Variance[c], decided.Variance[c], 1e-12);
            }
        }
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AdaptationPolicy.DepthGate(shallow, deep with { Most = 0 }));
    }

    [TestMethod]
    public void Depths_are_a_range_of_the_layers_adapted()
    {
        IAdaptationPolicy deepHalf = AdaptationPolicy.AdaBN.ForDepths(0.5, 1);
        CollectionAssert.AreEqual(new double[] { 1, -2 }, deepHalf.Decide(Evidence() with { RelativeDepth = 0.4 }).Mean.ToArray());
        CollectionAssert.AreEqual(new double[] { 3, -2 }, deepHalf.Decide(Evidence() with { RelativeDepth = 0.5 }).Mean.ToArray());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AdaptationPolicy.AdaBN.ForDepths(0.6, 0.5));

        var golden = new GoldenCase("conv_chain"); // three layers, one behind the other
        AdaptationReport report = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = deepHalf }).Report;
        CollectionAssert.AreEqual(new[] { false, true, true }, report.Layers.Select(layer => layer.AdaptedMean[0] != layer.SourceMean[0]).ToArray());
        foreach (IAdaptationPolicy robust in (IAdaptationPolicy[])[deepHalf.Trimmed(0.2), deepHalf.MedianOfBatches(3)])
        {
            report = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = robust }).Report;
            CollectionAssert.AreEqual(new[] { false, true, true }, report.Layers.Select(layer => layer.AdaptedMean[0] != layer.SourceMean[0]).ToArray(), robust.Description);
        }
    }

    [TestMethod]
    public void Auto_leaves_channels_that_are_dead_on_the_target_as_they_were()
    {
        var evidence = Evidence() with { Target = new ChannelStatistics([3, 7], [1, 1e-12]), RelativeDepth = 1 };
        var auto = (AutoPolicy)AdaptationPolicy.Auto();
        foreach (IAdaptationPolicy policy in (IAdaptationPolicy[])[auto.Gate, auto.Full, auto.Cautious, auto.Skewed])
        {
            ChannelStatistics decided = policy.Decide(evidence);
            Assert.AreEqual(-2, decided.Mean[1]);
            Assert.AreEqual(0.5, decided.Variance[1]);
            Assert.AreNotEqual(1, decided.Mean[0]);
        }
    }

    [TestMethod]
    public void Ends_of_a_mix_are_the_ends_bit_for_bit()
    {
        var odd = Evidence() with { Source = new ChannelStatistics([0.1, 0.3], [0.7, 1e-9]), Target = new ChannelStatistics([1e9 / 3, 0.2], [1.0 / 7, 5]) };
        CollectionAssert.AreEqual(odd.Target.Mean.ToArray(), AdaptationPolicy.Mix(1).Decide(odd).Mean.ToArray());
        CollectionAssert.AreEqual(odd.Target.Variance.ToArray(), AdaptationPolicy.SourcePrior(0).Decide(odd).Variance.ToArray());
        CollectionAssert.AreEqual(odd.Source.Variance.ToArray(), AdaptationPolicy.Mix(0).Decide(odd).Variance.ToArray());
    }

    [TestMethod]
    public void The_gate_equals_its_formula_in_decimals()
    {
        var evidence = Evidence(images: 21) with { MeanSpread = [0.5, 0.02], VarianceSpread = [3, 0.1] };
        ChannelStatistics decided = AdaptationPolicy.Gate(new GateSettings(0.5, 2, 0.8)).Decide(evidence);
        decimal[] source = [4.00001m, 0.50001m]; // variance + epsilon
        decimal[] meanPooled = Pooled([0.5m, 0.02m], source), variancePooled = Pooled([3m, 0.1m], [source[0] * source[0], source[1] * source[1]]);
        decimal t = 0.5m + (8m / 20), most = 0.8m * 21 / 25;
        decimal Share(decimal shift, decimal spread, decimal least)
        {
            decimal beyond = Math.Max(0, (shift * shift) - (t * spread));
            return most * beyond / (beyond + (2 * spread) + least);
        }
        decimal[] mean = [1 + (2 * Share(2, meanPooled[0], 1e-6m * source[0])), -2];
        decimal[] variance = [4 - (3 * Share(-3, variancePooled[0], 1e-12m * source[0] * source[0])), 0.5m + (1.5m * Share(1.5m, variancePooled[1], 1e-12m * source[1] * source[1]))];
        for (int c = 0; c < 2; c++)
        {
            Assert.AreEqual((double)mean[c], decided.Mean[c], 1e-12);
            Assert.AreEqual((double)variance[c], decided.Variance[c], 1e-12);
        }

        static decimal[] Pooled(decimal[] spread, decimal[] unit)
        {
            decimal average = ((spread[0] / unit[0]) + (spread[1] / unit[1])) / 2;
            return [.. spread.Select((value, c) => unit[c] * ((20 * value / unit[c]) + (4 * average)) / 24)];
        }
    }

    [TestMethod]
    public void The_gate_stays_where_a_shift_is_within_the_spread_and_moves_where_it_is_far_beyond()
    {
        IAdaptationPolicy gate = AdaptationPolicy.Gate();
        ChannelStatistics within = gate.Decide(Evidence(images: 9, meanSpread: 4, varianceSpread: 9)), beyond = gate.Decide(Evidence(images: 2000, meanSpread: 1e-4, varianceSpread: 1e-4));
        CollectionAssert.AreEqual(new[] { 1.0, -2 }, within.Mean.ToArray());
        CollectionAssert.AreEqual(new[] { 4, 0.5 }, within.Variance.ToArray());
        Assert.AreEqual(1 + (2 * 0.75), beyond.Mean[0], 0.01);
        Assert.AreEqual(4 - (3 * 0.75), beyond.Variance[0], 0.01);
        LayerEvidence single = Evidence(images: 1, meanSpread: double.PositiveInfinity, varianceSpread: double.PositiveInfinity);
        Assert.AreSame(single.Source, gate.Decide(single));
    }

    [TestMethod]
    public void Settings_out_of_range_are_refused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AdaptationPolicy.Mix(1.1));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AdaptationPolicy.Mix(double.NaN));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AdaptationPolicy.SourcePrior(-1));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AdaptationPolicy.Gate(new GateSettings(Most: 0)));
        Assert.ThrowsExactly<ArgumentException>(() => new AdaptationOptions { Policy = null! }.Validate());
    }

    [TestMethod]
    public void Keeping_the_source_leaves_every_tensor_as_it_was()
    {
        var golden = new GoldenCase("residual_downsample");
        AdaptationResult result = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = AdaptationPolicy.KeepSource });
        foreach ((Initializer before, Initializer after) in golden.Model.Graph.Initializers.Zip(result.Model.Graph.Initializers)) CollectionAssert.AreEqual(before.ToSerializedBytes(), after.ToSerializedBytes());
        foreach (LayerReport layer in result.Report.Layers)
        {
            CollectionAssert.AreEqual(layer.SourceMean.ToArray(), layer.AdaptedMean.ToArray());
            Assert.IsGreaterThan(0, layer.Shift); // measured nevertheless
            Assert.IsTrue(layer.MeanStandardError.All(error => error is > 0 && double.IsFinite(error)));
        }
    }

    [TestMethod]
    public void Deeper_layers_are_measured_behind_what_the_policy_decided()
    {
        // Adapted half the way, then all the way from there with the first layer's decision frozen: the second layer must be measured alike.
        var golden = new GoldenCase("conv_chain");
        AdaptationResult half = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = AdaptationPolicy.Mix(0.5) });
        AdaptationResult again = BatchNormAdapter.Adapt(half.Model, golden.Source(), PaperAdaBN.Options with { Policy = AdaptationPolicy.KeepSource });
        foreach ((LayerReport expected, LayerReport actual) in half.Report.Layers.Zip(again.Report.Layers))
        {
            CollectionAssert.AreEqual(expected.TargetMean.ToArray(), actual.TargetMean.ToArray());
            CollectionAssert.AreEqual(expected.TargetVariance.ToArray(), actual.TargetVariance.ToArray());
        }
    }

    [TestMethod]
    public void A_policy_that_decides_nonsense_is_named()
    {
        var golden = new GoldenCase("conv_chain");
        foreach (IAdaptationPolicy nonsense in (IAdaptationPolicy[])[new Nonsense([1], [1]), new Nonsense([double.NaN, 0], null), new Nonsense(null, [-1])])
        {
            AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = nonsense }));
            Assert.AreEqual(AdaptationError.InvalidDecision, e.Error);
            Assert.Contains("'nonsense'", e.Message);
        }
    }

    private static void AssertDecides(IAdaptationPolicy policy, double[] mean, double[] variance)
    {
        ChannelStatistics decided = policy.Decide(Evidence());
        CollectionAssert.AreEqual(mean, decided.Mean.ToArray(), policy.Description);
        CollectionAssert.AreEqual(variance, decided.Variance.ToArray(), policy.Description);
    }

    private sealed class Nonsense(double[]? mean, double[]? variance) : IAdaptationPolicy
    {
        public string Description => "nonsense";

        public ChannelStatistics Decide(LayerEvidence layer) => new(
            mean is null ? layer.Target.Mean : mean.Length == 1 ? mean : [mean[0], .. layer.Target.Mean.Skip(1)],
            variance is null ? layer.Target.Variance : variance[0] > 0 ? variance : [variance[0], .. layer.Target.Variance.Skip(1)]);
    }
}
