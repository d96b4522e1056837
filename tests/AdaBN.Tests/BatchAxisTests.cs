using AdaBN.Forms;
using AdaBN.Measurement;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.TestSupport;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>Stages run with batches of their own wherever all nodes keep the samples along the first axis, and only there.</summary>
[TestClass]
public sealed class BatchAxisTests
{
    [TestMethod]
    [DataRow("channels_last", true)]
    [DataRow("conv_chain", true)]
    [DataRow("view_flatten", false)]
    public void Channels_last_keeps_the_samples_first_and_a_shape_computed_from_the_batch_may_not(string name, bool canRegroup) =>
        Assert.AreEqual(canRegroup, Plan(new GoldenCase(name).Model).CanRegroup);

    [TestMethod]
    [DataRow(true, 0, 2, 1)]
    [DataRow(false, 1, 0, 2)]
    [DataRow(false)] // by default the axes are turned round
    public void Transpose_keeps_the_samples_first_or_does_not(bool canRegroup, params int[] perm)
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 2, 2).BatchNorm("x", "b", 2)
            .Node("Transpose", ["b"], ["t"], perm.Length == 0 ? [] : [Ints("perm", [.. perm.Select(axis => (long)axis)])]).BatchNorm("t", "y", 2).Output("y", -1, 2, 2);
        Assert.AreEqual(canRegroup, Plan(builder.Build()).CanRegroup);
    }

    /// <summary>Images channels last, and integers that cross a stage: read one by one by the first stage, two by two by the others.</summary>
    [TestMethod]
    public void Stages_of_channels_last_and_of_casts_regroup_and_equal_the_textbook()
    {
        const int Samples = 32, Side = 272, Pooled = 34;
        ModelBuilder builder = new ModelBuilder().Input("x", -1, Side, Side, 2)
            .Node("Transpose", ["x"], ["first"], Ints("perm", 0, 3, 1, 2)).Node("MaxPool", ["first"], ["p"], Ints("kernel_shape", 8, 8), Ints("strides", 8, 8))
            .Node("Cast", ["p"], ["whole"], Int("to", (long)ElementType.Int32)).Node("Transpose", ["p"], ["last"], Ints("perm", 0, 2, 3, 1)).Node("Tanh", ["last"], ["l"])
            .Node("Transpose", ["l"], ["f"], Ints("perm", 0, 3, 1, 2)).BatchNorm("f", "n1", 2)
            .Floats("none", [1], 0).Node("Mul", ["n1", "none"], ["zero"]).Node("Cast", ["zero"], ["zeros"], Int("to", (long)ElementType.Int32))
            .Node("Add", ["whole", "zeros"], ["sum"]).Node("Cast", ["sum"], ["float"], Int("to", (long)ElementType.Float)).BatchNorm("float", "n2", 2)
            .Node("Add", ["n2", "n1"], ["s"]).Node("Transpose", ["s"], ["sl"], Ints("perm", 0, 2, 3, 1)).Node("Sigmoid", ["sl"], ["g"]).Node("Transpose", ["g"], ["gf"], Ints("perm", 0, 3, 1, 2))
            .Floats("w", [5, 2, 3, 3], Twin.Numbers(3, 90, -0.5f, 0.5f)).Node("Conv", ["gf", "w"], ["c"]).BatchNorm("c", "y", 5).Output("y", -1, 5, Pooled - 2, Pooled - 2);
        OnnxModel model = builder.Build();
        AdaptationPlan plan = Plan(model);
        Assert.IsTrue(plan.CanRegroup);
        Assert.Contains("whole", plan.Stages[0].Kept.Select(value => value.Name).ToArray());
        float[][] images = [.. Enumerable.Range(0, Samples).Select(i => Twin.Numbers(i, Side * Side * 2, -9, 1 + (i % 7)))];
        ISampleSource Source() => SampleSource.FromArrays(images, Side, Side, 2);

        var batches = new BatchCounter();
        AdaptationReport report = BatchNormAdapter.Adapt(model, Source(), PaperAdaBN.Options, progress: batches).Report;
        CollectionAssert.AreEqual((int[])[Samples, Samples / 2, Samples / 2], batches.Of(plan.Stages.Length));

        OnnxModel state = model.Clone();
        AdaptationReport[] others = [.. ((int[])[1, 3, 32]).Select(size => BatchNormAdapter.Adapt(model, Source(), PaperAdaBN.Options with { BatchSize = size }).Report)];
        foreach (string layer in (string[])["n1", "n2", "y"])
        {
            ChannelMoments expected = Prefix.Moments(state, layer, images, [Side, Side, 2]);
            double[] variance = [.. expected.M2.Select(m2 => m2 / expected.Count)];
            foreach (LayerReport actual in others.Append(report).Select(one => one.Layers.Single(found => found.Name == layer)))
            {
                for (int c = 0; c < actual.Channels; c++)
                {
                    Assert.AreEqual(expected.Mean[c], actual.TargetMean[c], 2e-6 * Math.Sqrt(variance[c]), $"{layer} mean {c}");
                    Assert.AreEqual(variance[c], actual.TargetVariance[c], 4e-6 * variance[c], $"{layer} variance {c}");
                }
            }
            Node node = state.Graph.Nodes.Single(found => found.DisplayName == layer);
            GraphEditor.ReplaceInitializer(state, [node], 3, expected.Mean);
            GraphEditor.ReplaceInitializer(state, [node], 4, variance);
        }
    }

    private static AdaptationPlan Plan(OnnxModel model)
    {
        WorkingModel working = WorkingModel.Of(model, filter: null);
        return StagePlanner.Plan(working.Model, working.Layers);
    }

    private sealed class BatchCounter : IProgress<AdaptationProgress>
    {
        private readonly int[] _batches = new int[8];

        public int[] Of(int stages) => _batches[..stages];

        public void Report(AdaptationProgress value) => Interlocked.Increment(ref _batches[value.Stage]);
    }
}
