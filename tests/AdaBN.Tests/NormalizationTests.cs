using System.Globalization;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>The catalogue of normalizations: each against float64 PyTorch, in every operator set that it claims, by standard operators only.</summary>
[TestClass]
public sealed class NormalizationTests
{
    private const long NewestOpset = 23;

    public static IEnumerable<object[]> Names => NormalizationCase.All.Select(found => new object[] { found.Name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Equals_float64_PyTorch_in_every_opset_claimed(string name)
    {
        NormalizationCase found = Case(name);
        double[] expected = found.Expected;
        double largest = expected.Max(Math.Abs), worst = 0;
        for (long opset = found.Normalization.LowestOpset; opset <= NewestOpset; opset++)
        {
            foreach (bool open in (bool[])[false, true])
            {
                OnnxModel model = found.Model(opset, open);
                Assert.IsTrue(model.Graph.NodesAndNested().All(node => node.Domain.Length == 0) && model.Functions.Count == 0, "standard operators only");
                double[] actual = found.Run(model);
                Assert.HasCount(expected.Length, actual);
                worst = Math.Max(worst, expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max() / largest);
                Assert.IsLessThanOrEqualTo(1e-5, worst, string.Create(CultureInfo.InvariantCulture, $"opset {opset}: {worst:g3} of the largest"));
            }
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{worst:g3} of the largest"));
    }

    [TestMethod]
    public void What_is_written_passes_ONNX_own_checker()
    {
        if (!OnnxChecker.IsInstalled) Assert.Inconclusive(OnnxChecker.WhySkipped);
        int[] opsets = [7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 21, 22, 23];
        int known = OnnxChecker.Check(NormalizationCase.All.SelectMany(found => opsets.Where(opset => opset >= found.Normalization.LowestOpset).Select(opset => found.Model(opset))));
        Console.WriteLine(known);
        Assert.IsGreaterThanOrEqualTo(NormalizationCase.All.Count(), known);
    }

    [TestMethod]
    public void Values_that_the_model_has_are_read_and_others_become_inputs()
    {
        OnnxModel Model(string style)
        {
            OnnxModel model = new ModelBuilder().Input("x", -1, 2, 3, 3).Node("Relu", ["x"], ["r"]).Node("Identity", ["x"], ["y"]).Node("Neg", ["y"], ["z"]).Output("z", -1, 2, 3, 3).Build();
            return new AdaptiveInstanceNorm(style, 2).InPlaceOf(model, model.Graph.Nodes.Single(node => node.OpType == "Identity"));
        }
        CollectionAssert.AreEqual(new[] { "x" }, Model("r").Graph.Inputs.Select(input => input.Name).ToArray());
        CollectionAssert.AreEqual(new[] { "x: Float [N, 2, 3, 3]", "s: Float [?, 2, ?, ?]" }, Model("s").Graph.Inputs.Select(input => input.ToString()).ToArray());
        AdaptationException error = Assert.ThrowsExactly<AdaptationException>(() => Model("z"));
        Assert.Contains("'z', which the normalization at Identity 'y' is to read, is computed behind it", error.Message);
    }

    [TestMethod]
    [DataRow(ElementType.Float16, 13L, 2e-3)]
    [DataRow(ElementType.Double, 7L, 2e-6)]
    [DataRow(ElementType.Float16, 23L, 2e-3)]
    public void Other_types_are_normalized_in_float32(ElementType type, long opset, double tolerance)
    {
        OnnxModel Model(ElementType type)
        {
            ModelBuilder builder = new ModelBuilder(opset).Input("x", type, 2, 2, 3, 3).Node("Identity", ["x"], ["y"]);
            builder.Graph.Output.Add(ModelBuilder.Info("y", type, [2, 2, 3, 3]));
            OnnxModel model = builder.Build();
            return new InstanceNorm([1.5, -0.5], [0.25, 2]).InPlaceOf(model, model.Graph.Nodes.Single());
        }
        var tensors = new Dictionary<string, (float[], int[])> { ["x"] = (Twin.Numbers(5, 36, -2, 3), [2, 2, 3, 3]) };
        CollectionAssert.AreEqual(new[] { "Cast", "InstanceNormalization", "Cast" }, Model(type).Graph.Nodes.Select(node => node.OpType).ToArray());
        float[] expected = Scoring.Run(Model(ElementType.Float), tensors), actual = Scoring.Run(Model(type), tensors);
        for (int i = 0; i < expected.Length; i++) Assert.AreEqual(expected[i], actual[i], tolerance);
    }

    [TestMethod]
    public void What_cannot_be_written_is_refused_with_the_reason_and_the_mend()
    {
        void Refuses(Normalization normalization, string reason, long opset = 13, params long[] dims)
        {
            OnnxModel model = new ModelBuilder(opset).Input("x", dims).Node("Identity", ["x"], ["y"]).Output("y", dims).Build();
            AdaptationException error = Assert.ThrowsExactly<AdaptationException>(() => normalization.InPlaceOf(model, model.Graph.Nodes.Single()));
            Assert.AreEqual(AdaptationError.UnsupportedForm, error.Error);
            Assert.Contains(reason, error.Message);
        }
        Refuses(InstanceNorm.Plain(2), "InstanceNorm cannot be written at Identity 'y': the model's operator set is 6, expected 7 or later. Mend: convert the model", 6, -1, 2, 3);
        Refuses(InstanceNorm.Plain(2), "a sample has one number a channel", 13, -1, 2);
        Refuses(InstanceNorm.Plain(2), "[?, 2, 1, 1]", 13, -1, 2, 1, 1);
        Refuses(InstanceNorm.Plain(2), "expected 2 channels along axis 1", 13, -1, 3, 3);
        Refuses(new GroupNorm(2, [1, 1], [0, 0]), "a sample has one number a channel", 13, -1, 2);
        Refuses(new LayerNorm([3], [1, 1, 1], [0, 0, 0]), "expected it to end in [3]", 13, -1, 2, 4);
        var conv = new Convolution(2, 2, 1, [1, 2, 3, 4], [0, 0]);
        var spade = new SpatialNorm(InstanceNorm.Plain(2), "m", conv, conv, conv);
        Refuses(spade, "the model's operator set is 10, expected 11", 10, -1, 2, 3, 3);
        Refuses(spade, "no height and width", 13, -1, 2, 3);
        Refuses(new RegionNorm(spade, "c", 1, [1, 2, 3, 4], [0, 0, 0, 0], conv, conv, 0.5, 0.5), "the model's operator set is 11, expected 12", 11, -1, 2, 3, 3);
    }

    [TestMethod]
    public void Numbers_that_do_not_fit_together_are_all_named()
    {
        void Refuses(Normalization normalization, params string[] faults)
        {
            OnnxModel model = new ModelBuilder().Input("x", -1, 2, 3, 3).Node("Identity", ["x"], ["y"]).Output("y", -1, 2, 3, 3).Build();
            ArgumentException error = Assert.ThrowsExactly<ArgumentException>(() => normalization.InPlaceOf(model, model.Graph.Nodes.Single()));
            foreach (string fault in faults) Assert.Contains(fault, error.Message);
        }
        var statistics = new ChannelStatistics([0, 0], [1, 1]);
        Refuses(new InstanceNorm([1, 1], [0]) { Epsilon = 0 }, "InstanceNorm: Epsilon is 0, expected a finite number above 0; Bias has 1 numbers, Scale has 2");
        Refuses(new BatchNorm(new ChannelStatistics([0], [1, -1]), [1, 1], [0, 0]), "Mean has 1 numbers", "Variance has negative numbers");
        Refuses(new GroupNorm(3, [1, 1], [0, 0]), "Groups is 3, expected a divisor of the 2 channels");
        Refuses(new LayerNorm([3, 3], [1], [0]), "Scale has 1 numbers and Bias 1, expected 9");
        Refuses(new LayerNorm([], [], []), "expected one axis or more");
        Refuses(new ConditionalInstanceNorm("s", [], []), "or have none");
        Refuses(new ConditionalInstanceNorm("s", [[1, 1], [1]], [[0, 0], [0, 0]]), "Scales has 1 numbers");
        Refuses(new ConditionalBatchNorm("d", [], [1, 1], [0, 0]), "no domain");
        Refuses(new InterpolatedInstanceNorm("w", []), "Styles is empty");
        Refuses(new BatchInstanceNorm(statistics, [1, 1], [0, 0], [0.5, 1.5]), "not from 0 to 1");
        Refuses(new BatchInstanceNorm(statistics, [1, 1], [0, 0], [0.5]), "BatchShare has 1 numbers");
        Refuses(new InstanceBatchNorm(statistics, [1, 1], [0, 0], 2), "InstanceChannels is 2, expected 1 to 1");
        var conv = new Convolution(2, 2, 1, [1, 2, 3, 4], [0, 0]);
        Refuses(new SpatialNorm(InstanceNorm.Plain(2), "m", conv, conv with { InputChannels = 3 }, conv with { KernelSize = 2 }), "Scale makes 2 channels of 3, expected 2 of 2", "Shift has a kernel of length 2");
        Refuses(new RegionNorm(new SpatialNorm(InstanceNorm.Plain(2), "m", conv, conv, conv), "c", 2, [1], [0], conv, conv, 2, 0), "RegionWeights has 1 numbers and RegionBiases 1, expected 8 and 4", "ScaleWeight is 2");
    }

    [TestMethod]
    public void A_number_beyond_float32_is_refused()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 1, 3).Node("Identity", ["x"], ["y"]).Output("y", -1, 1, 3).Build();
        AdaptationException error = Assert.ThrowsExactly<AdaptationException>(() => new InstanceNorm([1e300], [0]).InPlaceOf(model, model.Graph.Nodes.Single()));
        Assert.AreEqual(AdaptationError.NonFinite, error.Error);
        Assert.Contains("Number 0 of the scale to write at Identity 'y' is 1e+300", error.Message);
    }

    [TestMethod]
    public void Every_kind_of_the_catalogue_has_cases()
    {
        IEnumerable<Type> kinds = typeof(Normalization).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Normalization)));
        CollectionAssert.IsSubsetOf(kinds.ToArray(), NormalizationCase.All.Select(found => found.Normalization.GetType()).Distinct().ToArray());
    }

    private static NormalizationCase Case(string name) => NormalizationCase.All.Single(found => found.Name == name);
}
