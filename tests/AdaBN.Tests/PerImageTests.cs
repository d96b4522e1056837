using AdaBN.Measurement;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Each image's own moments, for the policies that ask for them.</summary>
[TestClass]
public sealed class PerImageTests
{
    private const int Images = 6, Channels = 3;

    [TestMethod]
    [DataRow(1, 7)]
    [DataRow(4, 1)]
    [DataRow(3, 20)]
    public void Kernels_give_each_image_the_textbook_s_mean_and_variance(int rows, int positions)
    {
        float[] data = Numbers(rows * positions, Images * rows * Channels * positions);
        ChannelMoments moments = MomentsKernel.Measure(data, Images * rows, Channels, positions, Images);
        ChannelMoments none = MomentsKernel.Measure(data, Images * rows, Channels, positions);
        Assert.IsNull(none.PerImage);
        CollectionAssert.AreEqual(none.M2, moments.M2, "the same bits, asked or not");
        CollectionAssert.AreEqual(none.SquareSpread, moments.SquareSpread);
        const int block = 8;
        var blocked = new float[Images * rows * block * positions];
        for (int r = 0; r < Images * rows; r++)
            for (int c = 0; c < Channels; c++)
                for (int p = 0; p < positions; p++) blocked[(((r * positions) + p) * block) + c] = data[(((r * Channels) + c) * positions) + p];
        ChannelMoments other = MomentsKernel.MeasureBlocked(blocked, Images * rows, Channels, positions, block, Images);
        for (int i = 0; i < Images; i++)
        {
            for (int c = 0; c < Channels; c++)
            {
                double[] values = [.. Enumerable.Range(i * rows, rows).SelectMany(r => data.AsSpan(((r * Channels) + c) * positions, positions).ToArray()).Select(x => (double)x)];
                double mean = values.Average(), variance = values.Average(x => (x - mean) * (x - mean));
                foreach (ChannelStatistics image in (ChannelStatistics[])[moments.PerImage![i], other.PerImage![i]])
                {
                    Assert.AreEqual(mean, image.Mean[c], 1e-12);
                    Assert.AreEqual(variance, image.Variance[c], 1e-12);
                }
            }
        }
    }

    [TestMethod]
    public void Moments_of_images_are_moments_of_all_their_values()
    {
        const int positions = 11;
        float[] data = Numbers(2, Images * Channels * positions);
        ChannelMoments expected = MomentsKernel.Measure(data, Images, Channels, positions, Images), actual = ChannelMoments.Of(expected.PerImage!, positions);
        Assert.AreEqual(expected.Count, actual.Count);
        Assert.AreEqual(expected.Images, actual.Images);
        foreach ((double[] e, double[] a) in (ReadOnlySpan<(double[], double[])>)[(expected.Mean, actual.Mean), (expected.M2, actual.M2), (expected.MeanSpread, actual.MeanSpread), (expected.CrossSpread, actual.CrossSpread), (expected.SquareSpread, actual.SquareSpread)])
            for (int c = 0; c < Channels; c++) Assert.AreEqual(e[c], a[c], 1e-12 * Math.Max(1, Math.Abs(e[c])));
    }

    [TestMethod]
    public void An_image_at_three_places_of_the_model_keeps_one_mean_and_variance()
    {
        // The same values measured at once, 5 + 7 + 3 positions an image, and in three parts.
        int[] widths = [5, 7, 3];
        float[][] parts = [.. widths.Select((width, i) => Numbers(i, Images * Channels * width))];
        float[] joined = [.. Enumerable.Range(0, Images * Channels).SelectMany(plane => parts.SelectMany((part, i) => part.AsSpan(plane * widths[i], widths[i]).ToArray()))];
        ChannelMoments expected = MomentsKernel.Measure(joined, Images, Channels, widths.Sum(), Images);
        ChannelMoments actual = parts.Select((part, i) => MomentsKernel.Measure(part, Images, Channels, widths[i], Images)).Aggregate(ChannelMoments.MergeSameImages);
        Assert.HasCount(Images, actual.PerImage!);
        Assert.AreEqual(expected.Count, actual.Count);
        foreach ((ChannelStatistics e, ChannelStatistics a) in expected.PerImage!.Zip(actual.PerImage!))
        {
            for (int c = 0; c < Channels; c++)
            {
                Assert.AreEqual(e.Mean[c], a.Mean[c], 1e-13);
                Assert.AreEqual(e.Variance[c], a.Variance[c], 1e-13);
            }
        }
    }

    [TestMethod]
    [DataRow("bn_on_input", 0.0)] // measured straight from the data: not even rounding depends on the batches
    [DataRow("concat_branch", 1e-6)]
    [DataRow("fixed_batch8", 1e-6)]
    public void Images_come_in_reading_order_whatever_the_batches_and_workers(string name, double tolerance)
    {
        var golden = new GoldenCase(name);
        var one = new Witness(AdaptationPolicy.AdaBN);
        BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = one, BatchSize = 1, Workers = 1 });
        foreach ((int batch, int workers) in (ReadOnlySpan<(int, int)>)[(1, 4), (3, 2), (7, 5), (64, 1)])
        {
            var other = new Witness(AdaptationPolicy.AdaBN);
            BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = other, BatchSize = batch, Workers = workers });
            foreach ((LayerEvidence expected, LayerEvidence actual) in one.Seen.Zip(other.Seen))
            {
                Assert.HasCount(golden.Samples, actual.PerImage!);
                for (int i = 0; i < golden.Samples; i++)
                {
                    for (int c = 0; c < actual.Channels; c++)
                    {
                        double allowed = tolerance * Math.Sqrt(expected.Target.Variance[c]);
                        Assert.AreEqual(expected.PerImage![i].Mean[c], actual.PerImage![i].Mean[c], allowed, $"{actual.Layer.Name}, image {i}, batch {batch}");
                        Assert.AreEqual(expected.PerImage[i].Variance[c], actual.PerImage[i].Variance[c], tolerance * 10 * expected.Target.Variance[c]);
                    }
                }
            }
        }
    }

    [TestMethod]
    public void Asking_for_them_changes_no_bit_and_not_asking_gives_none()
    {
        var golden = new GoldenCase("concat_branch");
        var asking = new Witness(AdaptationPolicy.AdaBN);
        AdaptationResult asked = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = asking });
        CollectionAssert.AreEqual(BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Model.ToBytes(), asked.Model.ToBytes());
        Assert.IsTrue(asking.Seen.All(layer => layer.PerImage is not null));
        var modest = new Witness(AdaptationPolicy.AdaBN, needsImages: false);
        BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = modest });
        Assert.IsTrue(modest.Seen.All(layer => layer.PerImage is null));
        Assert.Contains("NeedsImages", Assert.ThrowsExactly<InvalidOperationException>(() => AdaptationPolicy.AdaBN.Trimmed(0.2).Decide(modest.Seen[0])).Message);
    }

    [TestMethod]
    public void Only_some_images_is_what_measuring_only_these_finds()
    {
        var golden = new GoldenCase("bn_on_input");
        int[] some = [3, 4, 11, 30, 44];
        Witness all = new(AdaptationPolicy.AdaBN), few = new(AdaptationPolicy.AdaBN);
        BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = all, Variance = VarianceKind.Sample });
        BatchNormAdapter.Adapt(golden.Model, golden.Source(some), PaperAdaBN.Options with { Policy = few, Variance = VarianceKind.Sample });
        LayerEvidence expected = few.Seen[0], actual = all.Seen[0].Only(some);
        Assert.AreEqual(expected.Images, actual.Images);
        Assert.AreEqual(expected.ValuesPerChannel, actual.ValuesPerChannel);
        for (int c = 0; c < actual.Channels; c++)
        {
            Assert.AreEqual(expected.Target.Mean[c], actual.Target.Mean[c], 1e-12);
            Assert.AreEqual(expected.Target.Variance[c], actual.Target.Variance[c], 1e-12);
            Assert.AreEqual(expected.MeanStandardError(c), actual.MeanStandardError(c), 1e-12);
            Assert.AreEqual(expected.VarianceStandardError(c), actual.VarianceStandardError(c), 1e-12);
        }
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => all.Seen[0].Only([]));
    }

    [TestMethod]
    public void Their_memory_is_foretold()
    {
        var golden = new GoldenCase("conv_chain");
        MemoryEstimate without = BatchNormAdapter.EstimateMemory(golden.Model, golden.Source(), sampleCount: 1000);
        MemoryEstimate with = BatchNormAdapter.EstimateMemory(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = AdaptationPolicy.AdaBN.Trimmed() }, 1000);
        Assert.AreEqual(0, without.Images);
        Assert.AreEqual(1000 * 12 * 16, with.Images); // the widest of its layers has 12 channels
        Assert.AreEqual(without.Total + with.Images, with.Total);
    }

    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i => (random.NextSingle() * (1 + (i % 4))) + (i % 7))];
    }

    private sealed class Witness(IAdaptationPolicy policy, bool needsImages = true) : IAdaptationPolicy
    {
        public List<LayerEvidence> Seen { get; } = [];

        public string Description => policy.Description;

        public bool NeedsImages => needsImages;

        public ChannelStatistics Decide(LayerEvidence layer)
        {
            Seen.Add(layer);
            return policy.Decide(layer);
        }
    }
}
