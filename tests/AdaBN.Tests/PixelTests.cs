using System.Globalization;
using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>Inputs whose channels are aligned to the source domain's, in models without BatchNormalization and in others.</summary>
[TestClass]
public sealed class PixelTests
{
    private const double FloatRounding = 1e-6;

    [TestMethod]
    [DataRow(0, 1, true, null, 0)]
    [DataRow(0, 1, false, null, 0)]
    [DataRow(0, 2, true, null, 0)]
    [DataRow(0, 2, false, "VALID", 0)]
    [DataRow(1, 1, true, null, 2)]
    [DataRow(1, 2, false, null, 2)]
    [DataRow(1, 1, true, "SAME_UPPER", 2)]
    public void Aligned_it_scores_as_float64_loops_over_aligned_images(int pad, int groups, bool hasBias, string? autoPad, int newNodes)
    {
        var network = new PixelNetwork(pad, groups, hasBias);
        OnnxModel model = network.Plain(autoPad: autoPad).Build();
        AdaptationResult result = Adapt(model, PixelNetwork.Target);
        double[] expected = network.ExpectedScores(PixelNetwork.Target, PixelNetwork.Source);
        double off = FoldedTwin.Difference(expected, PixelNetwork.Score(result.Model, PixelNetwork.Target)), unadapted = FoldedTwin.Difference(expected, PixelNetwork.Score(model, PixelNetwork.Target));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"off float64 by {off:g2}, not adapted {unadapted:g2}"));
        Assert.IsLessThan(FloatRounding, off);
        Assert.IsGreaterThan(0.1, unadapted); // else equality would show nothing
        Assert.HasCount(model.Graph.Nodes.Count + newNodes, result.Model.Graph.Nodes);
        Assert.AreEqual(("x", 0, PixelNetwork.Channels), result.Report.Layers.Select(layer => (layer.Name, layer.Depth, layer.Channels)).Single());
        Assert.Contains(newNodes == 0 ? "in the weights and biases of Conv 'c'" : "as a Mul and an Add in front of the model", string.Join('\n', result.Report.Findings));
        foreach (((double mean, double variance), int c) in PixelNetwork.Moments(PixelNetwork.Target).Select((channel, c) => (channel, c)))
        {
            Assert.AreEqual(mean, result.Report.Layers[0].TargetMean[c], 1e-6);
            Assert.AreEqual(variance, result.Report.Layers[0].TargetVariance[c], 1e-6);
        }
    }

    [TestMethod]
    public void In_weights_or_in_front_it_scores_the_same()
    {
        var network = new PixelNetwork(Groups: 2, HasBias: false);
        OnnxModel inWeights = Adapt(network.Plain().Build(), PixelNetwork.Target).Model, inFront = Adapt(network.Plain(convInput: "i").Build(), PixelNetwork.Target).Model;
        Assert.IsTrue(inFront.Graph.Nodes.Any(node => node.Is("Mul")) && !inWeights.Graph.Nodes.Any(node => node.Is("Mul")));
        Assert.IsLessThan(FloatRounding, FoldedTwin.Difference([.. PixelNetwork.Score(inWeights, PixelNetwork.Target)], PixelNetwork.Score(inFront, PixelNetwork.Target)));
    }

    [TestMethod]
    public void In_front_all_that_was_there_is_byte_identical()
    {
        OnnxModel model = new PixelNetwork(Pad: 1).Plain().Build();
        ModelProto adapted = ModelProto.Parser.ParseFrom(Adapt(model, PixelNetwork.Target).Model.ToBytes());
        CollectionAssert.AreEqual(new[] { "Mul", "Add", "Conv" }, adapted.Graph.Node.Take(3).Select(node => node.OpType).ToArray());
        string[] names = [.. adapted.Graph.Initializer.Skip(2).Select(tensor => tensor.Name)];
        CollectionAssert.AreEqual(new[] { "x.aligned_scale_1", "x.aligned_shift_1" }, names);
        Assert.IsTrue(adapted.Graph.Initializer.Skip(2).All(tensor => tensor.Dims.SequenceEqual([1L, PixelNetwork.Channels, 1, 1])));
        foreach (string name in names) adapted.Take(name);
        adapted.Graph.Node.RemoveAt(0);
        adapted.Graph.Node.RemoveAt(0);
        adapted.Graph.Node[0].Input[0] = "x";
        adapted.MetadataProps.Clear();
        Assert.AreEqual(ModelProto.Parser.ParseFrom(model.ToBytes()), adapted);
    }

    [TestMethod]
    public void In_weights_all_else_is_byte_identical()
    {
        OnnxModel model = new PixelNetwork().Plain().Build();
        OnnxModel adapted = Adapt(model, PixelNetwork.Target).Model;
        foreach (int input in (int[])[1, 2]) GraphEditor.ReplaceInitializer(adapted, [adapted.Graph.Nodes[0]], input, model.Graph.Nodes[0].Inputs[input]!.Initializer!.ToDoubleArray());
        foreach ((string key, string value) in adapted.Metadata) model.SetMetadata(key, value);
        CollectionAssert.AreEqual(model.ToBytes(), adapted.ToBytes());
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void The_source_s_own_images_change_next_to_nothing(int pad)
    {
        OnnxModel model = new PixelNetwork(pad).Plain().Build();
        AdaptationResult result = Adapt(model, PixelNetwork.Source);
        Assert.IsLessThan(FloatRounding, FoldedTwin.Difference([.. PixelNetwork.Score(model, PixelNetwork.Source)], PixelNetwork.Score(result.Model, PixelNetwork.Source)));
        Assert.IsLessThan(1e-12, result.Report.Layers.Single().Shift);
        Assert.IsLessThan(0.1, DomainShift.Measure(model, PixelNetwork.Samples(PixelNetwork.Source), new ShiftOptions { Measuring = PaperAdaBN.Options with { Reference = Measure(model) } }).Layers.Single().Figures.Wasserstein);
    }

    [TestMethod]
    public void Workers_batches_and_order_change_nothing()
    {
        OnnxModel model = new PixelNetwork(Pad: 1).Plain().Build();
        OnnxModel Adapted(int workers, int batch, float[][] target)
        {
            AdaptationOptions options = PaperAdaBN.Options with { Workers = workers, BatchSize = batch };
            return BatchNormAdapter.Adapt(model, PixelNetwork.Samples(target), options with { Reference = ReferenceStatistics.MeasurePixels(model, PixelNetwork.Samples(PixelNetwork.Source), options) }).Model;
        }
        byte[] bytes = Adapted(1, 5, PixelNetwork.Target).ToBytes();
        double[] scores = [.. PixelNetwork.Score(OnnxModel.FromBytes(bytes), PixelNetwork.Target)];
        foreach (int workers in (int[])[2, 3]) CollectionAssert.AreEqual(bytes, Adapted(workers, 5, PixelNetwork.Target).ToBytes());
        foreach (int batch in (int[])[1, 7, 64]) Assert.IsLessThan(FloatRounding, FoldedTwin.Difference(scores, PixelNetwork.Score(Adapted(2, batch, PixelNetwork.Target), PixelNetwork.Target)));
        Assert.IsLessThan(FloatRounding, FoldedTwin.Difference(scores, PixelNetwork.Score(Adapted(2, 5, [.. PixelNetwork.Target.Reverse()]), PixelNetwork.Target)));
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void A_model_that_carries_its_reference_is_adapted_again_and_again_and_grows_once(int pad)
    {
        OnnxModel model = new PixelNetwork(pad).Plain().Build();
        float[][] other = [.. PixelNetwork.Target.Select(image => image.Select((value, i) => (value * (1 + (i % 3))) - 0.7f).ToArray())];
        OnnxModel carrier = model.Clone();
        Measure(model).EmbedIn(carrier);
        OnnxModel Again(OnnxModel from, float[][] images) => BatchNormAdapter.Adapt(OnnxModel.FromBytes(from.ToBytes()), PixelNetwork.Samples(images), PaperAdaBN.Options).Model;
        OnnxModel once = Again(carrier, PixelNetwork.Target), twice = Again(once, other), back = Again(twice, PixelNetwork.Source);

        // What it carries now is where its inputs come from: the domain it was adapted to.
        ReferenceLayer now = ReferenceStatistics.EmbeddedIn(once)!.Layers.Single();
        foreach (((double mean, double variance), int c) in PixelNetwork.Moments(PixelNetwork.Target).Select((channel, c) => (channel, c)))
        {
            Assert.AreEqual(mean, now.Mean[c], 1e-6);
            Assert.AreEqual(variance, now.Variance[c], 1e-6);
        }
        Assert.AreEqual(0, FoldedTwin.Difference([.. PixelNetwork.Score(Adapt(model, PixelNetwork.Target).Model, PixelNetwork.Target)], PixelNetwork.Score(once, PixelNetwork.Target)));
        const double twoEpsilons = 1e-4; // each domain's own stands beside its variances
        Assert.IsLessThan(twoEpsilons, FoldedTwin.Difference([.. PixelNetwork.Score(Adapt(model, other).Model, other)], PixelNetwork.Score(twice, other)));
        Assert.IsLessThan(twoEpsilons, FoldedTwin.Difference([.. PixelNetwork.Score(model, PixelNetwork.Source)], PixelNetwork.Score(back, PixelNetwork.Source)));
        Assert.HasCount(once.Graph.Nodes.Count, back.Graph.Nodes);
        CollectionAssert.AreEqual(once.Graph.Initializers.Select(initializer => initializer.Name).ToArray(), back.Graph.Initializers.Select(initializer => initializer.Name).ToArray());
    }

    [TestMethod]
    public void A_reference_file_is_of_the_model_that_was_measured_and_of_no_adapted_one()
    {
        OnnxModel model = new PixelNetwork().Plain().Build();
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() =>
            BatchNormAdapter.Adapt(Adapt(model, PixelNetwork.Target).Model, PixelNetwork.Samples(PixelNetwork.Target), PaperAdaBN.Options with { Reference = Measure(model) }));
        Assert.AreEqual(AdaptationError.InvalidReference, e.Error);
        Assert.Contains("are of another model", e.Message);
    }

    [TestMethod]
    public void Without_a_reference_the_way_out_is_named()
    {
        OnnxModel model = new PixelNetwork().Plain().Build();
        foreach (Action action in (Action[])[() => BatchNormAdapter.Adapt(model, PixelNetwork.Samples(PixelNetwork.Target), PaperAdaBN.Options), () => ReferenceStatistics.Measure(Linear(), Flat(0))])
        {
            AdaptationException e = Assert.ThrowsExactly<AdaptationException>(action);
            Assert.AreEqual(AdaptationError.NoBatchNormalization, e.Error);
            Assert.Contains("ReferenceStatistics.MeasurePixels", e.Message);
            Assert.Contains("--pixels", e.Message);
        }
    }

    [TestMethod]
    public void The_default_policy_judges_it_and_memory_is_foretold()
    {
        OnnxModel model = new PixelNetwork(Pad: 1).Plain().Build();
        var options = new AdaptationOptions { Reference = Measure(model) };
        Assert.IsGreaterThan(0L, BatchNormAdapter.EstimateMemory(model, PixelNetwork.Samples(PixelNetwork.Target), options).Total);
        AdaptationResult adapted = BatchNormAdapter.Adapt(model, PixelNetwork.Samples(PixelNetwork.Target), options);
        Assert.AreNotEqual(VerdictKind.NotJudged, adapted.Report.Verdict.Kind);
        Assert.AreEqual("1", adapted.Model.Metadata.Single(entry => entry.Key == "adabn.layers").Value);

        AdaptationResult kept = BatchNormAdapter.Adapt(model, PixelNetwork.Samples(PixelNetwork.Target), options with { Policy = AdaptationPolicy.KeepSource });
        CollectionAssert.AreEqual(model.Graph.Nodes.Select(node => node.ToString()).ToArray(), kept.Model.Graph.Nodes.Select(node => node.ToString()).ToArray());
        Assert.AreEqual(model.ComputationSha256(), kept.Model.ComputationSha256());
    }

    [TestMethod]
    public void Half_models_are_aligned_in_their_own_type()
    {
        foreach (int pad in (int[])[0, 1])
        {
            var network = new PixelNetwork(pad);
            OnnxModel half = PrecisionTests.Convert(network.Plain().Proto, ElementType.Float16);
            OnnxModel adapted = Adapt(half, PixelNetwork.Target).Model;
            Assert.IsTrue(adapted.Graph.Initializers.All(initializer => initializer.ElementType == ElementType.Float16));
            double off = FoldedTwin.Difference(network.ExpectedScores(PixelNetwork.Target, PixelNetwork.Source), PixelNetwork.Score(adapted, PixelNetwork.Target));
            Assert.IsLessThan(10 * Math.Pow(2, -11), off, "a few roundings to 11 bits");
        }
        OnnxModel beyond = PrecisionTests.Convert(new PixelNetwork(Pad: 1).Plain().Proto, ElementType.Float16);
        float[][] bright = [.. PixelNetwork.Source.Select(image => image.Select(value => value * 6e4f).ToArray())], flat = [.. PixelNetwork.Source.Select(image => image.Select(value => value * 1e-3f).ToArray())];
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(beyond, PixelNetwork.Samples(flat),
            PaperAdaBN.Options with { Reference = ReferenceStatistics.MeasurePixels(beyond, PixelNetwork.Samples(bright)) }));
        Assert.AreEqual(AdaptationError.NonFinite, e.Error);
        Assert.Contains("more than Float16", e.Message);
    }

    [TestMethod]
    public void Channels_that_do_not_vary_stay_finite_and_are_told()
    {
        // Channel 0 is dead in the source and wakes up in the target, channel 1 the other way round.
        float[] Image(float[] image, int dead, float level) => [.. image.Select((value, i) => i / (PixelNetwork.Size * PixelNetwork.Size) == dead ? level : value)];
        float[][] source = [.. PixelNetwork.Source.Select(image => Image(image, 0, 3))], target = [.. PixelNetwork.Target.Select(image => Image(image, 1, -2))];
        foreach (int pad in (int[])[0, 1])
        {
            var network = new PixelNetwork(pad);
            OnnxModel model = network.Plain().Build();
            AdaptationResult result = BatchNormAdapter.Adapt(model, PixelNetwork.Samples(target), PaperAdaBN.Options with { Reference = ReferenceStatistics.MeasurePixels(model, PixelNetwork.Samples(source)) });
            Assert.IsLessThan(1e-5, FoldedTwin.Difference(network.ExpectedScores(target, source), PixelNetwork.Score(result.Model, target)));
            Assert.Contains("Layer 'x': 1 of 4 channels did not vary at all on the source domain", string.Join('\n', result.Report.Findings));
            Assert.Contains("Layer 'x': 1 of 4 channels do not vary at all on the target domain", string.Join('\n', result.Report.Findings));
        }
    }

    internal static ReferenceStatistics Measure(OnnxModel model) => ReferenceStatistics.MeasurePixels(model, PixelNetwork.Samples(PixelNetwork.Source));

    internal static AdaptationResult Adapt(OnnxModel model, float[][] target) => BatchNormAdapter.Adapt(model, PixelNetwork.Samples(target), PaperAdaBN.Options with { Reference = Measure(model) });

    /// <summary>A model of one MatMul: neither Conv nor positions.</summary>
    internal static OnnxModel Linear() => new ModelBuilder().Input("x", -1, 3).Floats("w", [3, 2], 1, 2, 3, -4, 5, 6).Node("MatMul", ["x", "w"], ["y"]).Output("y", -1, 2).Build();

    internal static ISampleSource Flat(int seed) => SampleSource.FromArrays(FlatRows(seed), 3);

    internal static float[][] FlatRows(int seed) => [.. Enumerable.Range(0, 30).Select(i => Twin.Numbers(seed + i, 3, -1 - seed, 2 + seed))];
}
