using AdaBN.Measurement;

namespace AdaBN.Tests;

/// <summary>How images differ from each other, against the textbook's formulas over the images themselves.</summary>
[TestClass]
public sealed class ImageSpreadTests
{
    private const int Images = 37, Channels = 3;

    [TestMethod]
    [DataRow(1, 37)]
    [DataRow(1, 1)]
    [DataRow(5, 1)]
    [DataRow(12, 4)]
    [DataRow(12, 7)]
    [DataRow(64, 37)]
    public void Spreads_equal_the_textbook_however_the_images_are_batched(int positions, int batch)
    {
        float[] data = Data(positions);
        ChannelMoments moments = Enumerable.Range(0, (Images + batch - 1) / batch)
            .Select(i => MomentsKernel.Measure(data.AsSpan(i * batch * Channels * positions), Math.Min(batch, Images - (i * batch)), Channels, positions))
            .Aggregate(ChannelMoments.Merge);
        Assert.AreEqual(Images, moments.Images);
        for (int c = 0; c < Channels; c++)
        {
            double[][] images = [.. Enumerable.Range(0, Images).Select(i => data.AsSpan(((i * Channels) + c) * positions, positions).ToArray().Select(x => (double)x).ToArray())];
            double mean = images.Average(image => image.Average());
            double[] a = [.. images.Select(image => image.Average())], s = [.. images.Select(image => image.Average(x => (x - mean) * (x - mean)))];
            double averageA = a.Average(), averageS = s.Average();
            AssertClose(a.Sum(x => (x - averageA) * (x - averageA)), moments.MeanSpread[c]);
            AssertClose(s.Sum(x => (x - averageS) * (x - averageS)), moments.SquareSpread[c]);
            double cross = a.Zip(s, (x, y) => (x - averageA) * (y - averageS)).Sum();
            Assert.AreEqual(cross, moments.CrossSpread[c], 1e-9 * Math.Sqrt(moments.MeanSpread[c] * moments.SquareSpread[c]));
        }
    }

    [TestMethod]
    [DataRow(8)]
    [DataRow(16)]
    public void The_blocked_layout_gives_the_same(int block)
    {
        const int positions = 9;
        float[] data = Data(positions);
        var blocked = new float[Images * block * positions];
        for (int i = 0; i < Images; i++)
            for (int c = 0; c < Channels; c++)
                for (int p = 0; p < positions; p++) blocked[(((i * positions) + p) * block) + c] = data[(((i * Channels) + c) * positions) + p];
        ChannelMoments plain = MomentsKernel.Measure(data, Images, Channels, positions), other = MomentsKernel.MeasureBlocked(blocked, Images, Channels, positions, block);
        for (int c = 0; c < Channels; c++)
        {
            AssertClose(plain.MeanSpread[c], other.MeanSpread[c]);
            AssertClose(plain.SquareSpread[c], other.SquareSpread[c]);
        }
    }

    [TestMethod]
    public void Standard_errors_foretell_how_far_samples_of_a_domain_scatter()
    {
        // Sets of 40 images drawn again and again: their means and variances scatter as each set's own standard errors say.
        const int sets = 400, size = 40, positions = 25;
        var random = new Random(5);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        List<LayerEvidence> drawn = [];
        for (int set = 0; set < sets; set++)
        {
            var data = new float[size * positions];
            for (int i = 0; i < size; i++)
            {
                (double brightness, double contrast) = (Normal(), Math.Exp(0.3 * Normal()));
                for (int p = 0; p < positions; p++) data[(i * positions) + p] = (float)(brightness + (contrast * Normal()));
            }
            drawn.Add(LayerEvidence.Of(new NormalizationLayer(0, "bn", "BatchNormalization", 1, 0, null), 1e-5, new ChannelStatistics([0], [1]), MomentsKernel.Measure(data, size, 1, positions), VarianceKind.Population));
        }
        Assert.AreEqual(Deviation(drawn.Select(set => set.Target.Mean[0])), Math.Sqrt(drawn.Average(set => set.MeanStandardError(0) * set.MeanStandardError(0))), 0.1 * Deviation(drawn.Select(set => set.Target.Mean[0])));
        Assert.AreEqual(Deviation(drawn.Select(set => set.Target.Variance[0])), Math.Sqrt(drawn.Average(set => set.VarianceStandardError(0) * set.VarianceStandardError(0))), 0.15 * Deviation(drawn.Select(set => set.Target.Variance[0])));
    }

    private static double Deviation(IEnumerable<double> values)
    {
        double[] all = [.. values];
        double mean = all.Average();
        return Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / (all.Length - 1));
    }

    private static float[] Data(int positions)
    {
        var random = new Random(positions);
        return [.. Enumerable.Range(0, Images * Channels * positions).Select(i => 50 + (i / (Channels * positions) % 5) + (random.NextSingle() * (1 + (i % 3))))];
    }

    private static void AssertClose(double expected, double actual) => Assert.AreEqual(expected, actual, 1e-9 * (1e-9 + Math.Abs(expected)));
}
