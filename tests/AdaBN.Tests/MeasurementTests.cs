using AdaBN.Distributed;
using AdaBN.Measurement;

namespace AdaBN.Tests;

[TestClass]
public sealed class MeasurementTests
{
    [TestMethod]
    [DataRow(1, 1, 1)]
    [DataRow(1, 3, 7)]
    [DataRow(5, 4, 1)]
    [DataRow(3, 2, 8)]
    [DataRow(4, 3, 17)]
    [DataRow(2, 5, 1000)]
    public void Kernel_equals_the_textbook_two_pass_formula(int rows, int channels, int positions)
    {
        var random = new Random(rows + channels + positions);
        float[] data = [.. Enumerable.Range(0, rows * channels * positions).Select(_ => 1000 + random.NextSingle())];
        ChannelMoments moments = MomentsKernel.Measure(data, rows, channels, positions);
        Assert.AreEqual((long)rows * positions, moments.Count);
        for (int c = 0; c < channels; c++)
        {
            decimal[] values = [.. Enumerable.Range(0, rows).SelectMany(r => data.AsSpan(((r * channels) + c) * positions, positions).ToArray()).Select(x => (decimal)(double)x)];
            decimal mean = values.Sum() / values.Length;
            Assert.AreEqual((double)mean, moments.Mean[c], 1e-11);
            decimal m2 = values.Sum(x => (x - mean) * (x - mean));
            Assert.AreEqual((double)m2, moments.M2[c], 1e-9 * Math.Max(1, (double)m2));
        }
    }

    [TestMethod]
    public void Merging_parts_equals_measuring_the_whole()
    {
        var random = new Random(3);
        float[] data = [.. Enumerable.Range(0, 60 * 3 * 5).Select(_ => (random.NextSingle() - 0.5f) * 7)];
        ChannelMoments whole = MomentsKernel.Measure(data, 60, 3, 5);
        foreach (int part in (int[])[1, 7, 30, 59])
        {
            ChannelMoments merged = Enumerable.Range(0, (60 + part - 1) / part)
                .Select(i => MomentsKernel.Measure(data.AsSpan(i * part * 15), Math.Min(part, 60 - (i * part)), 3, 5))
                .Aggregate(ChannelMoments.Merge);
            Assert.AreEqual(whole.Count, merged.Count);
            for (int c = 0; c < 3; c++)
            {
                Assert.AreEqual(whole.Mean[c], merged.Mean[c], 1e-13);
                Assert.AreEqual(whole.M2[c], merged.M2[c], 1e-11 * whole.M2[c]);
            }
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(7)]
    [DataRow(37)]
    [DataRow(64)]
    public void The_tree_gives_the_same_bits_in_any_order_of_arrival(int chunks)
    {
        var random = new Random(chunks);
        ChannelMoments[] parts = [.. Enumerable.Range(0, chunks).Select(_ => new ChannelMoments(random.Next(1, 50) * 3, [random.NextDouble()], [random.NextDouble()], random.Next(1, 50), [random.NextDouble()], [random.NextDouble()], [random.NextDouble()]))];
        ChannelMoments InOrder(IEnumerable<int> order)
        {
            var tree = new MergeTree<ChannelMoments>(ChannelMoments.Merge);
            foreach (int i in order) tree.Add(i, parts[i]);
            return tree.Total();
        }
        ChannelMoments expected = InOrder(Enumerable.Range(0, chunks));
        Assert.AreEqual(parts.Sum(part => part.Count), expected.Count);
        for (int round = 0; round < 20; round++)
        {
            int[] order = [.. Enumerable.Range(0, chunks)];
            random.Shuffle(order);
            ChannelMoments actual = InOrder(order);
            Assert.AreEqual(BitConverter.DoubleToInt64Bits(expected.Mean[0]), BitConverter.DoubleToInt64Bits(actual.Mean[0]));
            Assert.AreEqual(BitConverter.DoubleToInt64Bits(expected.M2[0]), BitConverter.DoubleToInt64Bits(actual.M2[0]));
        }
        var concurrent = new MergeTree<ChannelMoments>(ChannelMoments.Merge);
        Parallel.For(0, chunks, i => concurrent.Add(i, parts[i]));
        Assert.AreEqual(BitConverter.DoubleToInt64Bits(expected.M2[0]), BitConverter.DoubleToInt64Bits(concurrent.Total().M2[0]));
    }

    [TestMethod]
    public void Symmetric_KL_is_zero_for_equal_and_right_for_known_gaussians()
    {
        Assert.AreEqual(0, DomainShift.SymmetricKL([1, 2], [3, 4], [1, 2], [3, 4], 0), 1e-15);
        // N(0,1) against N(1,2): KL = ½(ln2 + 2/2 − 1) and ½(−ln2 + 3 − 1) = 1 in sum
        Assert.AreEqual(1, DomainShift.SymmetricKL([0], [1], [1], [2], 0), 1e-15);
        Assert.IsTrue(double.IsFinite(DomainShift.SymmetricKL([0], [0], [1], [0], 1e-5)));
    }
}
