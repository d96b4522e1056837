using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using AdaBN.Layout;
using AdaBN.Measurement;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>The blocked layout is a matter of speed alone: found by trying, left alone where it does not fit, the same numbers either way.</summary>
[TestClass]
public sealed class LayoutTests
{
    [TestMethod]
    public void The_block_fits_the_processor()
    {
        int expected = Avx512F.IsSupported ? 16 : Avx.IsSupported ? 8 : 0;
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64) Assert.AreEqual(0, BlockedLayout.Block);
        else Assert.AreEqual(expected, BlockedLayout.Block);
    }

    [TestMethod]
    [DataRow(8)]
    [DataRow(16)]
    public void Blocked_moments_equal_plain_ones(int block)
    {
        const int Rows = 5, Channels = 21, Positions = 13;
        var random = new Random(block);
        int padded = BlockedLayout.Padded(Channels, block);
        var plain = new float[Rows * Channels * Positions];
        var blocked = new float[Rows * padded * Positions];
        Array.Fill(blocked, float.NaN); // what fills up the last block must not be looked at
        for (int r = 0; r < Rows; r++)
        {
            for (int c = 0; c < Channels; c++)
            {
                for (int p = 0; p < Positions; p++)
                {
                    float x = 100 + random.NextSingle();
                    plain[(((r * Channels) + c) * Positions) + p] = x;
                    blocked[(r * padded * Positions) + (((c / block * Positions) + p) * block) + (c % block)] = x;
                }
            }
        }
        ChannelMoments expected = MomentsKernel.Measure(plain, Rows, Channels, Positions);
        ChannelMoments actual = MomentsKernel.MeasureBlocked(blocked, Rows, Channels, Positions, block);
        Assert.AreEqual(expected.Count, actual.Count);
        for (int c = 0; c < Channels; c++)
        {
            Assert.AreEqual(expected.Mean[c], actual.Mean[c], 1e-12);
            Assert.AreEqual(expected.M2[c], actual.M2[c], 1e-9);
        }
    }

    [TestMethod]
    public void Pieces_of_other_nodes_are_left_to_ONNX_Runtime()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 16, 4, 4).Floats("w", [16, 16, 1, 1], ModelBuilder.Filled(256, 0.1f))
            .Node("Sigmoid", ["x"], ["a"]).Node("Conv", ["a", "w"], ["y"]).Output("y", -1, 16, 4, 4).Build();
        Assert.IsTrue(model.Graph.TryGetValue("x", out Value? x) & model.Graph.TryGetValue("a", out Value? a) & model.Graph.TryGetValue("y", out Value? y));
        Assert.IsNull(BlockedPiece.TryConvert(model, [KeyValuePair.Create(x!, x!.Type!)], [y!], 16));
        Assert.IsNotNull(BlockedPiece.TryConvert(model, [KeyValuePair.Create(a!, x.Type!)], [y!], 16));
    }

    /// <summary>Convolutions of all kinds, part blocks, pools, a sum of a plain and a blocked branch, and a join of unequal parts.</summary>
    [TestMethod]
    public void Networks_of_many_kinds_of_convolution_equal_the_textbook()
    {
        var random = new Random(11);
        float[] Weights(int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) * 0.5f)];
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 3, 12, 12)
            .Floats("w1", [24, 3, 3, 3], Weights(648)).Node("Conv", ["x", "w1"], ["c1"], Pads(1)).BatchNorm("c1", "n1", 24).Node("Relu", ["n1"], ["r1"])
            .Floats("w2", [24, 1, 3, 3], Weights(216)).Floats("b2", [24], Weights(24)).Node("Conv", ["r1", "w2", "b2"], ["c2"], Pads(1), ModelBuilder.Int("group", 24)).BatchNorm("c2", "n2", 24)
            .Node("Sigmoid", ["r1"], ["s1"]).BatchNorm("s1", "ns", 24).Node("Add", ["ns", "n2"], ["sum"]).Node("Relu", ["sum"], ["rs"])
            .Floats("w3", [10, 24, 1, 1], Weights(240)).Node("Conv", ["rs", "w3"], ["c3"]).Node("Concat", ["c3", "rs"], ["j"], ModelBuilder.Int("axis", 1)).BatchNorm("j", "nj", 34).Node("Relu", ["nj"], ["rj"])
            .Node("MaxPool", ["rj"], ["p"], ModelBuilder.Ints("kernel_shape", 2, 2), ModelBuilder.Ints("strides", 2, 2))
            .Floats("w4", [32, 34, 3, 3], Weights(32 * 34 * 9)).Node("Conv", ["p", "w4"], ["c4"], Pads(1)).BatchNorm("c4", "n4", 32)
            .Floats("w5", [32, 16, 3, 3], Weights(32 * 16 * 9)).Node("Conv", ["n4", "w5"], ["c5"], Pads(1), ModelBuilder.Int("group", 2)).BatchNorm("c5", "y", 32).Output("y", -1, 32, 6, 6);
        OnnxModel model = builder.Build();
        float[][] images = [.. Enumerable.Range(0, 21).Select(_ => Enumerable.Range(0, 3 * 144).Select(_ => random.NextSingle()).ToArray())];

        AdaptationReport report = BatchNormAdapter.Adapt(model, SampleSource.FromArrays(images, 3, 12, 12), PaperAdaBN.Options).Report;

        // One layer at a time with everything before it in ONNX Runtime's hands, by definition.
        OnnxModel state = model.Clone();
        foreach (string layer in (string[])["n1", "n2", "ns", "nj", "n4", "y"])
        {
            ChannelMoments expected = Prefix.Moments(state, layer, images, [3, 12, 12]);
            LayerReport actual = report.Layers.Single(found => found.Name == layer);
            for (int c = 0; c < actual.Channels; c++)
            {
                double variance = expected.M2[c] / expected.Count;
                Assert.AreEqual(expected.Mean[c], actual.TargetMean[c], 2e-6 * Math.Sqrt(variance), $"{layer} mean {c}");
                Assert.AreEqual(variance, actual.TargetVariance[c], 4e-6 * variance, $"{layer} variance {c}");
            }
            Node node = state.Graph.Nodes.Single(found => found.DisplayName == layer);
            GraphEditor.ReplaceInitializer(state, [node], 3, expected.Mean);
            GraphEditor.ReplaceInitializer(state, [node], 4, [.. expected.M2.Select(m2 => m2 / expected.Count)]);
        }
    }

    private static Onnx.Serialization.AttributeProto Pads(long pad) => ModelBuilder.Ints("pads", pad, pad, pad, pad);
}
