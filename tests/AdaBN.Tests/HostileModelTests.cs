using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Models made to break the engine: what ONNX Runtime does not see (layers, sums and joins are computed here) has to be checked here.</summary>
[TestClass]
public sealed class HostileModelTests
{
    [TestMethod]
    public void Joined_tensors_of_different_size_are_refused_before_memory_is_read()
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 2, 4).Input("z", -1, 2, 2)
            .Node("Concat", ["x", "z"], ["j"], ModelBuilder.Int("axis", 1)).BatchNorm("j", "b", 4).Node("Relu", ["b"], ["r"]).BatchNorm("r", "y", 4).Output("y");
        SampleInput[] inputs = [new("x", [2, 4]), new("z", [2, 2])];
        ISampleSource source = SampleSource.FromArrays(inputs, [[ModelBuilder.Filled(8, 1), ModelBuilder.Filled(4, 1)]]);
        Assert.Throws<AdaptationException>(() => BatchNormAdapter.Adapt(builder.Build(), source, PaperAdaBN.Options));
    }

    [TestMethod]
    public void A_sum_with_integers_is_refused_before_memory_is_read()
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 2).Node("Cast", ["x"], ["c"], ModelBuilder.Int("to", (long)ElementType.Int8))
            .BatchNorm("x", "b", 2).Node("Add", ["b", "c"], ["s"]).BatchNorm("s", "y", 2).Output("y");
        Assert.Contains("Int8", Refused(builder, 2));
    }

    [TestMethod]
    public void A_sum_with_a_tensor_without_channels_is_refused()
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 2, 2).Node("ReduceMean", ["x"], ["m"], ModelBuilder.Ints("axes", 1, 2), ModelBuilder.Int("keepdims", 0))
            .BatchNorm("x", "b", 2).Node("Add", ["b", "m"], ["s"]).BatchNorm("s", "y", 2).Output("y");
        Assert.Throws<AdaptationException>(() => BatchNormAdapter.Adapt(builder.Build(), SampleSource.FromArrays([[1, 2, 3, 4], [5, 6, 7, 8]], 2, 2), PaperAdaBN.Options));
    }

    [TestMethod]
    public void A_value_whose_shape_depends_on_the_batch_is_refused()
    {
        // Samples along the second axis: the last, smaller batch has other channels than the first.
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 2).Node("Transpose", ["x"], ["t"], ModelBuilder.Ints("perm", 1, 0)).BatchNorm("t", "y", 4).Node("Relu", ["y"], ["r"]).BatchNorm("r", "z", 4).Output("z");
        Assert.Throws<AdaptationException>(() => BatchNormAdapter.Adapt(builder.Build(), SampleSource.FromArrays([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]], 2), PaperAdaBN.Options with { BatchSize = 4 }));
    }

    [TestMethod]
    public void Joins_of_joins_do_not_multiply_without_end()
    {
        var builder = new ModelBuilder().Input("x", -1, 1).BatchNorm("x", "v0", 1);
        for (int i = 0; i < 40; i++) builder.Node("Concat", [$"v{i}", $"v{i}"], [$"v{i + 1}"], ModelBuilder.Int("axis", 1)); // 2⁴⁰ parts
        builder.BatchNorm("v12", "y", 4096).Output("y");
        Assert.AreEqual(2, BatchNormAdapter.Adapt(builder.Build(), SampleSource.FromArrays([[1f], [2f]], 1), PaperAdaBN.Options).Report.Layers.Count);
    }

    [TestMethod]
    public void A_chain_of_many_thousand_nodes_is_no_recursion()
    {
        const int Links = 20_000;
        var builder = new ModelBuilder().Input("x", -1, 2);
        string value = "x";
        for (int i = 0; i < Links; i++, value = $"v{i - 1}") builder.Node("Concat", [value], [$"v{i}"], ModelBuilder.Int("axis", 1));
        builder.BatchNorm(value, "y", 2).Output("y");
        Assert.AreEqual(1, BatchNormAdapter.Adapt(builder.Build(), SampleSource.FromArrays([[1f, 2f], [2f, 4f]], 2), PaperAdaBN.Options).Report.Layers.Count);
    }

    [TestMethod]
    public void Shapes_whose_product_overflows_are_no_small_shapes()
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 1L << 32, 1L << 32, 12).BatchNorm("x", "y", 2).Output("y"); // 2⁶⁴·12, which wraps around to 0
        Assert.Contains("does not fit", Refused(builder, 12));
        builder = new ModelBuilder().Input("x", -1, (1L << 62) + 3, 4).BatchNorm("x", "y", 2).Output("y"); // wraps around to 12
        Assert.Contains("does not fit", Refused(builder, 12));
    }

    [TestMethod]
    public void A_batch_beyond_two_gigabytes_is_refused_with_the_mend()
    {
        const int Length = 1 << 20;
        ModelBuilder builder = new ModelBuilder().Input("x", -1, Length).BatchNorm("x", "y", Length).Output("y");
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() =>
            BatchNormAdapter.Adapt(builder.Build(), SampleSource.FromArrays([new float[Length]], Length), PaperAdaBN.Options with { BatchSize = 4096 }));
        Assert.Contains("smaller batch", e.Message);
    }

    [TestMethod]
    public void Convolution_attributes_that_make_no_sense_are_refused()
    {
        (string Name, long[] Values)[] hostile =
        [
            ("strides", [0, 0]), ("strides", [-1, 1]), ("dilations", [0, 0]), ("pads", [-9, -9, -9, -9]), ("pads", [long.MaxValue, 0, 0, 0]), ("kernel_shape", [0, 0]),
            ("group", [0]), ("group", [-1]), ("group", [1L << 32]), ("strides", [1]), ("pads", [1]),
        ];
        foreach (string opType in (string[])["Conv", "MaxPool", "AveragePool"])
        {
            foreach ((string name, long[] values) in hostile)
            {
                ModelBuilder builder = new ModelBuilder().Input("x", -1, 16, 6, 6).BatchNorm("x", "b", 16).Floats("w", [16, 16, 3, 3], ModelBuilder.Filled(16 * 16 * 9, 0.01f));
                var attribute = name == "group" ? ModelBuilder.Int(name, values[0]) : ModelBuilder.Ints(name, values);
                builder.Node(opType, opType == "Conv" ? ["b", "w"] : ["b"], ["c"], opType == "Conv" || name == "kernel_shape" ? [attribute] : [attribute, ModelBuilder.Ints("kernel_shape", 3, 3)]);
                builder.BatchNorm("c", "y", 16).Output("y");
                try
                {
                    BatchNormAdapter.Adapt(builder.Build(), SampleSource.FromArrays([ModelBuilder.Filled(576, 1), ModelBuilder.Filled(576, 2)], 16, 6, 6), PaperAdaBN.Options);
                }
                catch (AdaptationException e)
                {
                    Assert.IsNotEmpty(e.Message);
                }
            }
        }
    }

    private static string Refused(ModelBuilder builder, int length) => Assert.ThrowsExactly<AdaptationException>(() =>
        BatchNormAdapter.Adapt(builder.Build(), SampleSource.FromArrays([ModelBuilder.Filled(length, 1), ModelBuilder.Filled(length, 2)], length), PaperAdaBN.Options)).Message;
}
