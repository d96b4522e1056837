using System.Globalization;
using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Layers that BatchNormalization was folded into, adapted against a reference: the same as the network that kept it.</summary>
[TestClass]
public sealed class FoldedTests
{
    // The twins differ by epsilon alone, which each adds to variances of another scale.
    private const double FloatRounding = 1e-4;

    [TestMethod]
    public void Adapted_it_scores_as_the_float64_network_with_BatchNormalization_kept()
    {
        FoldedTwin twin = FoldedTwin.Small;
        AdaptationResult folded = twin.Adapt();
        AdaptationResult kept = BatchNormAdapter.Adapt(twin.Kept, twin.Target, PaperAdaBN.Options);
        double againstFloat64 = FoldedTwin.Difference(twin.ExpectedLogits, twin.Logits(folded.Model));
        double againstKept = FoldedTwin.Difference([.. twin.Logits(kept.Model)], twin.Logits(folded.Model));
        double unadapted = FoldedTwin.Difference(twin.ExpectedLogits, twin.Logits(twin.Folded));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"off float64 by {againstFloat64:g2}, off the twin by {againstKept:g2}; not adapted {unadapted:g2}"));
        Assert.IsLessThan(FloatRounding, againstFloat64);
        Assert.IsLessThan(FloatRounding, againstKept);
        Assert.IsGreaterThan(0.1, unadapted); // else equality would show nothing
        Assert.Contains("Left as it is: Gemm '/head/Gemm', since", string.Join('\n', folded.Report.Findings)); // the choice of layers is explained
        foreach ((LayerReport one, LayerReport other) in kept.Report.Layers.Zip(folded.Report.Layers)) Assert.AreEqual(one.Shift, other.Shift, 1e-3 * (1 + one.Shift), one.Name);
    }

    [TestMethod]
    public void Folded_half_models_adapt_as_well_as_float16_can_tell()
    {
        FoldedTwin twin = FoldedTwin.Small;
        OnnxModel half = PrecisionTests.Convert(ModelProto.Parser.ParseFrom(twin.Folded.ToBytes()), ElementType.Float16);
        OnnxModel adapted = BatchNormAdapter.Adapt(half, twin.Target, PaperAdaBN.Options with { Reference = ReferenceStatistics.Measure(half, twin.Source) }).Model;
        Assert.IsTrue(adapted.Graph.Initializers.Where(initializer => initializer.Name.Contains(".folded_", StringComparison.Ordinal)).All(initializer => initializer.ElementType == ElementType.Float16));
        double difference = FoldedTwin.Difference(twin.ExpectedLogits, twin.Logits(adapted));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"off float64 by {difference:g3}, a rounding is {Math.Pow(2, -11):g2}"));
        Assert.IsLessThan(20 * Math.Pow(2, -11), difference); // seven layers, each rounded to 11 bits
    }

    [TestMethod]
    public void All_but_weights_and_biases_is_byte_identical()
    {
        FoldedTwin twin = FoldedTwin.Small;
        OnnxModel adapted = twin.Adapt().Model;
        CollectionAssert.AreEqual(twin.Folded.Graph.Nodes.Select(node => node.ToString()).ToArray(), adapted.Graph.Nodes.Select(node => node.ToString()).ToArray());
        foreach ((Initializer source, Initializer target) in twin.Folded.Graph.Initializers.Zip(adapted.Graph.Initializers))
        {
            Assert.AreEqual(source.Name, target.Name);
            Assert.AreEqual(!source.Name.Contains(".folded_", StringComparison.Ordinal), source.ToSerializedBytes().SequenceEqual(target.ToSerializedBytes()), source.Name);
        }
        // With the source's parameters put back and the metadata aside, nothing is left that differs.
        foreach ((Node node, Node original) in adapted.Graph.Nodes.Zip(twin.Folded.Graph.Nodes))
            foreach (int input in (int[])[1, 2])
                if (node.Inputs.ElementAtOrDefault(input)?.Initializer is not null) GraphEditor.ReplaceInitializer(adapted, [node], input, original.Inputs[input]!.Initializer!.ToDoubleArray());
        OnnxModel sourceWithMetadata = twin.Folded.Clone();
        foreach ((string key, string value) in adapted.Metadata) sourceWithMetadata.SetMetadata(key, value);
        CollectionAssert.AreEqual(sourceWithMetadata.ToBytes(), adapted.ToBytes());
    }

    [TestMethod]
    public void The_source_s_own_images_change_next_to_nothing()
    {
        FoldedTwin twin = FoldedTwin.Small;
        AdaptationResult result = BatchNormAdapter.Adapt(twin.Folded, twin.Source, PaperAdaBN.Options with { Reference = twin.Measure() });
        foreach ((Initializer source, Initializer adapted) in twin.Folded.Graph.Initializers.Zip(result.Model.Graph.Initializers))
        {
            float[] before = source.ToFloatArray(), after = adapted.ToFloatArray();
            float largest = before.Max(Math.Abs);
            for (int i = 0; i < before.Length; i++) Assert.AreEqual(before[i], after[i], 2e-6f * largest, source.Name);
        }
        foreach (LayerReport layer in result.Report.Layers) Assert.IsLessThan(1e-9, layer.Shift, layer.Name);
    }

    [TestMethod]
    public void Workers_and_batches_change_nothing()
    {
        FoldedTwin twin = FoldedTwin.Small;
        (ReferenceStatistics Reference, OnnxModel Model) Adapted(int workers, int batch)
        {
            var options = PaperAdaBN.Options with { Workers = workers, BatchSize = batch };
            ReferenceStatistics reference = ReferenceStatistics.Measure(twin.Folded, twin.Source, options);
            return (reference, BatchNormAdapter.Adapt(twin.Folded, twin.Target, options with { Reference = reference }).Model);
        }
        (ReferenceStatistics reference, OnnxModel model) = Adapted(1, 5);
        byte[] bytes = model.ToBytes();
        double[] logits = [.. twin.Logits(model)];
        foreach (int workers in (int[])[2, 3])
        {
            (ReferenceStatistics again, OnnxModel same) = Adapted(workers, 5);
            CollectionAssert.AreEqual(bytes, same.ToBytes());
            foreach ((ReferenceLayer one, ReferenceLayer other) in reference.Layers.Zip(again.Layers)) CollectionAssert.AreEqual(one.Variance.ToArray(), other.Variance.ToArray());
        }
        foreach (int batch in (int[])[1, 7, 64]) Assert.IsLessThan(1e-5, FoldedTwin.Difference(logits, twin.Logits(Adapted(2, batch).Model)), $"batch {batch}");
    }

    [TestMethod]
    public void Statistics_of_the_reference_are_the_outputs_of_the_unchanged_model()
    {
        // conv of one input channel, weights w and bias b: mean and variance of x·w + b are known in closed form.
        var random = new Random(3);
        float[][] rows = [.. Enumerable.Range(0, 30).Select(_ => Enumerable.Range(0, 6).Select(_ => random.NextSingle() * 3).ToArray())];
        OnnxModel model = new ModelBuilder().Input("x", -1, 1, 6).Floats("w", [2, 1, 1], 2, -3).Floats("b", [2], 1, 5)
            .Node("Conv", ["x", "w", "b"], ["c"]).Node("Relu", ["c"], ["r"]).Floats("w2", [1, 2, 1], 0.5f, 0.25f).Floats("b2", [1], 0)
            .Node("Conv", ["r", "w2", "b2"], ["d"]).Node("Tanh", ["d"], ["y"]).Output("y", -1, 1, 6).Build();
        ReferenceStatistics reference = ReferenceStatistics.Measure(model, SampleSource.FromArrays(rows, 1, 6));

        double[] x = [.. rows.SelectMany(row => row).Select(value => (double)value)];
        double[][] expected = [[.. x.Select(v => (2 * v) + 1)], [.. x.Select(v => (-3 * v) + 5)], [.. x.Select(v => (0.5 * Math.Max(0, (2 * v) + 1)) + (0.25 * Math.Max(0, (-3 * v) + 5)))]];
        (double Mean, double Variance)[] measured = [.. reference.Layers.SelectMany(layer => layer.Mean.Zip(layer.Variance))];
        foreach ((double[] values, (double mean, double variance)) in expected.Zip(measured))
        {
            double exact = values.Average();
            Assert.AreEqual(exact, mean, 1e-6);
            Assert.AreEqual(values.Average(value => (value - exact) * (value - exact)), variance, 1e-5);
        }
    }

    [TestMethod]
    public void A_layer_without_a_bias_gets_one_and_shared_weights_are_parted()
    {
        var random = new Random(4);
        float[][] Rows(float scale, float shift) => [.. Enumerable.Range(0, 80).Select(_ => Enumerable.Range(0, 8).Select(_ => (random.NextSingle() * scale) + shift).ToArray())];
        OnnxModel model = new ModelBuilder().Input("x", -1, 2, 4).Floats("w", [2, 2, 1], 1, 2, -1, 1)
            .Node("Conv", ["x", "w"], ["a"]).Node("Relu", ["a"], ["ra"]).Node("Conv", ["ra", "w"], ["b"]).Node("Tanh", ["b"], ["y"]).Output("y", -1, 2, 4).Build();
        var options = PaperAdaBN.Options with { LayerFilter = _ => true }; // by default a layer without a bias is not thought to be folded
        var reference = ReferenceStatistics.Measure(model, SampleSource.FromArrays(Rows(1, 0), 2, 4), options);
        float[][] target = Rows(5, 2);
        OnnxModel adapted = BatchNormAdapter.Adapt(model, SampleSource.FromArrays(target, 2, 4), PaperAdaBN.Options with { Reference = reference }).Model;

        Assert.IsTrue(adapted.Graph.Nodes.Where(node => node.Is("Conv")).All(node => node.Inputs is [_, { Initializer: not null }, { Initializer: not null }]));
        Assert.AreNotEqual(adapted.Graph.Nodes[0].Inputs[1]!.Name, adapted.Graph.Nodes[2].Inputs[1]!.Name);
        // The adapted model's layers look on the target as the source's did on the source.
        ReferenceStatistics after = ReferenceStatistics.Measure(OnnxModel.FromBytes(adapted.ToBytes()), SampleSource.FromArrays(target, 2, 4), options);
        foreach ((ReferenceLayer source, ReferenceLayer found) in reference.Layers.Zip(after.Layers))
        {
            for (int c = 0; c < 2; c++)
            {
                Assert.AreEqual(source.Mean[c], found.Mean[c], 1e-5);
                Assert.AreEqual(source.Variance[c], found.Variance[c], 1e-4 * source.Variance[c]);
            }
        }
    }

    [TestMethod]
    public void Channels_that_do_not_vary_stay_finite_and_are_told()
    {
        // Channel 0 is dead in the source and wakes up in the target, channel 1 the other way round, channel 2 is dead in both.
        OnnxModel model = new ModelBuilder().Input("x", -1, 3).Floats("w", [3, 3], 1, 0, 0, 0, 1, 0, 0, 0, 1).Floats("b", [3], 0, 0, 0)
            .Node("Gemm", ["x", "w", "b"], ["g"]).Node("Relu", ["g"], ["r"]).Floats("w2", [3, 1], 1, 1, 1).Node("Gemm", ["r", "w2"], ["y"]).Output("y", -1, 1).Build();
        float[][] source = [.. Enumerable.Range(0, 64).Select(i => new[] { 2f, i % 5, 7f })], target = [.. Enumerable.Range(0, 64).Select(i => new[] { i % 3, 4f, 9f })];
        ReferenceStatistics reference = ReferenceStatistics.Measure(model, SampleSource.FromArrays(source, 3));
        AdaptationResult result = BatchNormAdapter.Adapt(model, SampleSource.FromArrays(target, 3), PaperAdaBN.Options with { Reference = reference });

        float[] bias = result.Model.Graph.Nodes[0].Inputs[2]!.Initializer!.ToFloatArray(), weights = result.Model.Graph.Nodes[0].Inputs[1]!.Initializer!.ToFloatArray();
        Assert.IsTrue(weights.Concat(bias).All(float.IsFinite));
        for (int c = 0; c < 3; c++)
        {
            double atTargetMean = (target.Average(row => row[c]) * weights[(c * 3) + c]) + bias[c];
            Assert.AreEqual(source.Average(row => row[c]), atTargetMean, 1e-3, $"channel {c}");
        }
        Assert.IsLessThan(0.01f, weights[0]); // nothing tells how strongly the woken channel should vary, so it hardly does
        Assert.Contains("2 of 3 channels did not vary at all on the source domain", string.Join('\n', result.Report.Findings));
        Assert.Contains("2 of 3 channels do not vary at all on the target domain", string.Join('\n', result.Report.Findings));
    }

    [TestMethod]
    public void Nodes_kept_and_folded_are_adapted_together_and_without_a_reference_the_rest_is_told()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2, 3).BatchNorm("x", "n", 2).Floats("w", [2, 2, 1], 1, 0.5f, -1, 2).Floats("b", [2], 0.1f, 0.2f)
            .Node("Conv", ["n", "w", "b"], ["c"]).Node("Relu", ["c"], ["y"]).Output("y", -1, 2, 3).Build();
        var random = new Random(9);
        float[][] rows = [.. Enumerable.Range(0, 64).Select(_ => Enumerable.Range(0, 6).Select(_ => random.NextSingle()).ToArray())];
        ISampleSource samples = SampleSource.FromArrays(rows, 2, 3);

        AdaptationReport without = BatchNormAdapter.Adapt(model, samples, PaperAdaBN.Options).Report;
        Assert.HasCount(1, without.Layers);
        Assert.Contains("1 layers look as if a BatchNormalization had been folded into them", string.Join('\n', without.Findings));

        AdaptationReport with = BatchNormAdapter.Adapt(model, samples, PaperAdaBN.Options with { Reference = ReferenceStatistics.Measure(model, samples) }).Report;
        CollectionAssert.AreEqual(new[] { ("n", 0), ("c", 1) }, with.Layers.Select(layer => (layer.Name, layer.Depth)).ToArray());
        AdaptationReport some = BatchNormAdapter.Adapt(model, samples, PaperAdaBN.Options with { Reference = ReferenceStatistics.Measure(model, samples), LayerFilter = layer => layer.Form != "BatchNormalization" }).Report;
        Assert.AreEqual("c", some.Layers.Single().Name);
    }
}
