using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Which layers look as if BatchNormalization had been folded into them, and why others do not.</summary>
[TestClass]
public sealed class LinearLayerTests
{
    [TestMethod]
    public void The_small_twin_s_layers_are_told_apart()
    {
        IReadOnlyList<NormalizationLayer> layers = NormalizationDiscovery.Inspect(FoldedTwin.Small.Folded, FoldedTwin.Small.Measure());
        (string, string, int?, string?)[] expected =
        [
            ("/conv/Conv", "Conv (BatchNormalization folded in)", 0, null),
            ("/up/ConvTranspose", "ConvTranspose (BatchNormalization folded in)", 1, null),
            ("/depthwise/Conv", "Conv (BatchNormalization folded in)", 2, null),
            ("/squeeze/Conv", "Conv", 3, "gate"),
            ("/excite/Conv", "Conv", 3, "gate"),
            ("/down/Conv", "Conv (BatchNormalization folded in)", 3, null),
            ("/skip/Conv", "Conv (BatchNormalization folded in)", 1, null),
            ("/hidden/Gemm", "Gemm (BatchNormalization folded in)", 4, null),
            ("/narrow/MatMul", "Gemm (BatchNormalization folded in)", 5, null),
            ("/head/Gemm", "Gemm", 6, "scores"),
        ];
        Assert.HasCount(expected.Length, layers);
        foreach (((string name, string form, int? depth, string? reason), NormalizationLayer layer) in expected.Zip(layers))
        {
            Assert.AreEqual((name, form, depth), (layer.Name, layer.Form, layer.Depth));
            Assert.AreEqual(reason is null, layer.CanAdapt, name);
            if (reason is not null) Assert.Contains(reason, layer.DeclinedBecause!);
        }
        CollectionAssert.AreEqual(Enumerable.Range(0, 10).ToArray(), layers.Select(layer => layer.Index).ToArray());
        Assert.HasCount(7, NormalizationDiscovery.Inspect(FoldedTwin.Small.Kept)); // nothing is folded there, so no other layer is listed
    }

    [TestMethod]
    public void What_stands_behind_a_layer_decides()
    {
        AssertFolded(Conv().Node("Relu", ["c"], ["y"]));
        AssertFolded(Conv().Node("Sigmoid", ["c"], ["s"]).Node("Mul", ["c", "s"], ["silu"]).Node("Mul", ["silu", "x"], ["y"]));
        AssertFolded(Conv().Node("Add", ["c", "x"], ["a"]).Node("Relu", ["a"], ["y"]));
        AssertFolded(Conv().Node("MaxPool", ["c"], ["y"], ModelBuilder.Ints("kernel_shape", 2)));
        AssertFolded(Conv(bias: false).Floats("o", [1, 2, 1], 3, 4).Node("Add", ["c", "o"], ["a"]).Node("Relu", ["a"], ["y"]));

        AssertNot("model's output", Conv().Node("GlobalAveragePool", ["c"], ["p"]).Node("Flatten", ["p"], ["y"]));
        AssertNot("model's output", Conv().Node("Flatten", ["c"], ["f"]).Node("Softmax", ["f"], ["y"]));
        AssertNot("model's output", Conv().Node("Relu", ["c"], ["y"]).Output("c", -1, 2, 4));
        AssertNot("gate", Conv().Node("Sigmoid", ["c"], ["s"]).Node("Mul", ["s", "x"], ["y"]));
        AssertNot("attention", Conv().Node("Transpose", ["c"], ["t"], ModelBuilder.Ints("perm", 0, 2, 1)).Node("MatMul", ["c", "t"], ["m"]).Node("Relu", ["m"], ["y"]));
        AssertNot("scaled by constants", Conv().Floats("k", [1, 2, 1], 3, 4).Node("Mul", ["c", "k"], ["k2"]).Node("Relu", ["k2"], ["y"]));
        AssertNot("no bias", Conv(bias: false).Node("Relu", ["c"], ["y"]));
        AssertNot("normalizes", Conv().Node("ReduceMean", ["c"], ["m"], ModelBuilder.Ints("axes", 2)).Node("Sub", ["c", "m"], ["d"]).Node("Relu", ["d"], ["y"]));
    }

    [TestMethod]
    public void Layers_before_a_normalization_and_those_with_other_parameters_are_no_candidates()
    {
        Assert.IsEmpty(ReferenceStatistics.Measurable(Conv().BatchNorm("c", "y", 2).Output("y", -1, 2, 4).Build()));
        ModelBuilder computed = new ModelBuilder().Input("x", -1, 2, 4).Floats("w0", [2, 2, 1], 1, 2, 3, 4).Node("Identity", ["w0"], ["w"]).Floats("b", [2], 1, 2)
            .Node("Conv", ["x", "w", "b"], ["c"]).Node("Relu", ["c"], ["y"]).Output("y", -1, 2, 4);
        Assert.IsEmpty(ReferenceStatistics.Measurable(computed.Build()));
        ModelBuilder spread = new ModelBuilder().Input("x", -1, 2).Floats("w", [2, 2], 1, 2, 3, 4).Floats("b", [1], 1).Node("Gemm", ["x", "w", "b"], ["c"]).Node("Relu", ["c"], ["y"]).Output("y", -1, 2);
        Assert.IsEmpty(ReferenceStatistics.Measurable(spread.Build()));
    }

    [TestMethod]
    public void Names_from_training_speak_against_folding_only_beside_layers_that_lost_theirs()
    {
        static ModelBuilder Two(string first) => new ModelBuilder().Input("x", -1, 2)
            .Floats($"{first}.weight", [2, 2], 1, 2, 3, 4).Floats($"{first}.bias", [2], 1, 2).Node("Gemm", ["x", $"{first}.weight", $"{first}.bias"], ["a"]).Node("Relu", ["a"], ["ra"]);
        ModelBuilder all = Two("features.0").Floats("features.1.weight", [2, 2], 1, 2, 3, 4).Floats("features.1.bias", [2], 1, 2).Node("Gemm", ["ra", "features.1.weight", "features.1.bias"], ["b"]).Node("Relu", ["b"], ["y"]).Output("y", -1, 2);
        Assert.HasCount(2, ReferenceStatistics.Measurable(all.Build()).Where(layer => layer.CanAdapt));
        ModelBuilder some = Two("features.0").Floats("onnx::Gemm_7", [2, 2], 1, 2, 3, 4).Floats("onnx::Gemm_8", [2], 1, 2).Node("Gemm", ["ra", "onnx::Gemm_7", "onnx::Gemm_8"], ["b"]).Node("Relu", ["b"], ["y"]).Output("y", -1, 2);
        IReadOnlyList<NormalizationLayer> layers = ReferenceStatistics.Measurable(some.Build());
        Assert.Contains("features.0.weight", layers[0].DeclinedBecause!);
        Assert.IsTrue(layers[1].CanAdapt);
    }

    private static ModelBuilder Conv(bool bias = true)
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 2, 4).Floats("w", [2, 2, 1], 1, 2, 3, 4);
        if (bias) builder.Floats("b", [2], 1, 2);
        return builder.Node("Conv", bias ? ["x", "w", "b"] : ["x", "w"], ["c"]);
    }

    private static void AssertFolded(ModelBuilder builder) => Assert.IsNull(Only(builder).DeclinedBecause);

    private static void AssertNot(string says, ModelBuilder builder) => Assert.Contains(says, Only(builder).DeclinedBecause!);

    private static NormalizationLayer Only(ModelBuilder builder) => ReferenceStatistics.Measurable(builder.Output("y", -1, 2, 4).Build()).Single();
}
