using System.Runtime.InteropServices;
using AdaBN.Measurement;
using AdaBN.Onnx;
using AdaBN.Storage;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Second moments against the plain definition: every pair of channels, and for the discrepancy every pair of positions.</summary>
[TestClass]
public sealed class SecondMomentsTests
{
    private readonly List<float[]> _alive = []; // while kernels read them by address

    [TestMethod]
    [DataRow(5, 1, 3, 0)]
    [DataRow(3, 12, 7, 0)]
    [DataRow(2, 700, 130, 0)] // more positions than are gathered at a time
    [DataRow(70, 1, 9, 0)]
    [DataRow(3, 12, 7, 8)]
    [DataRow(3, 13, 19, 8)]
    [DataRow(2, 9, 40, 16)]
    public void The_kernel_equals_the_definition_in_every_layout(int rows, int positions, int channels, int block)
    {
        int padded = block == 0 ? channels : (channels + block - 1) / block * block;
        float[] plain = Twin.Numbers(positions, rows * channels * positions, -2, 3), stored = block == 0 ? plain : new float[rows * padded * positions];
        for (int i = 0; i < plain.Length && block > 0; i++)
        {
            int p = i % positions, c = i / positions % channels, r = i / positions / channels;
            stored[(((r * (padded / block)) + (c / block)) * positions * block) + (p * block) + (c % block)] = plain[i];
        }
        SecondMoments found = SecondMomentsKernel.Measure([(Pinned(stored), new TensorForm(ElementType.Float, 1, [channels, positions], block))], rows);
        Assert.AreEqual(rows * positions, found.Count);
        for (int i = 0, at = 0; i < channels; i++)
        {
            for (int j = 0; j <= i; j++, at++)
            {
                double sum = 0;
                for (int r = 0; r < rows; r++)
                    for (int p = 0; p < positions; p++) sum += (double)plain[(((r * channels) + i) * positions) + p] * plain[(((r * channels) + j) * positions) + p];
                Assert.AreEqual(sum, found.Sums[at], 1e-12 * rows * positions * 9, $"{i}, {j}");
            }
        }
    }

    [TestMethod]
    public void Parts_are_one_tensor_joined_along_the_channels()
    {
        const int rows = 4, positions = 6;
        float[] a = Twin.Numbers(1, rows * 3 * positions, -1, 1), b = Twin.Numbers(2, rows * 5 * positions, -1, 1), joined = new float[rows * 8 * positions];
        for (int r = 0; r < rows; r++)
        {
            a.AsSpan(r * 3 * positions, 3 * positions).CopyTo(joined.AsSpan(r * 8 * positions));
            b.AsSpan(r * 5 * positions, 5 * positions).CopyTo(joined.AsSpan(((r * 8) + 3) * positions));
        }
        SecondMoments parts = SecondMomentsKernel.Measure([(Pinned(a), Form(3)), (Pinned(b), Form(5))], rows), whole = SecondMomentsKernel.Measure([(Pinned(joined), Form(8))], rows);
        CollectionAssert.AreEqual(whole.Sums, parts.Sums);

        static TensorForm Form(int channels) => new(ElementType.Float, 1, [channels, positions]);
    }

    private nint Pinned(float[] numbers)
    {
        float[] pinned = GC.AllocateArray<float>(numbers.Length, pinned: true);
        numbers.CopyTo(pinned, 0);
        _alive.Add(pinned);
        return Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);
    }

    [TestMethod]
    public void The_distance_is_the_discrepancy_over_all_pairs()
    {
        (double[][] source, double[][] target) = (Features(1, 31, 0.2), Features(2, 44, 0));
        double Kernel(double[][] xs, double[][] ys) => xs.Average(x => ys.Average(y => Math.Pow(x.Zip(y, (a, b) => a * b).Sum(), 2)));
        double own = Kernel(source, source), expected = (own + Kernel(target, target) - (2 * Kernel(source, target))) / own;
        Assert.AreEqual(expected, SecondMoments.RelativeSquaredDistance(Sum(source), Sum(target)), 1e-12);
        Assert.AreEqual(1, SecondMoments.RelativeSquaredDistance(Sum(source), Sum([new double[6]])), 1e-15);
        Assert.AreEqual(0.0, SecondMoments.RelativeSquaredDistance(Sum([new double[6]]), Sum([new double[6]])));

        static double[][] Features(int seed, int count, double offset) => [.. Enumerable.Range(0, count).Select(i => Twin.Numbers((seed * 100) + i, 6, -1, 1).Select(x => x + offset).ToArray())];
        static SecondMoments Sum(double[][] features) => new(features.Length, [.. Enumerable.Range(0, 6).SelectMany(i => Enumerable.Range(0, i + 1).Select(j => features.Sum(x => x[i] * x[j])))]);
    }

    [TestMethod]
    public void Chunks_in_any_order_give_the_same_bits()
    {
        SecondMoments[] chunks = [.. Enumerable.Range(0, 9).Select(i => new SecondMoments(2, [.. Twin.Numbers(i, 10, -1, 1).Select(x => x * 1e3 / 3.0)]))];
        int[] order = [.. Enumerable.Range(0, chunks.Length)];
        double[]? expected = null;
        for (int trial = 0; trial < 5; trial++)
        {
            var sum = new SecondMomentSum();
            foreach (int chunk in order) sum.Add(chunk, chunks[chunk] with { Sums = [.. chunks[chunk].Sums] });
            Assert.AreEqual(18, sum.Total().Count);
            CollectionAssert.AreEqual(expected ??= sum.Total().Sums, sum.Total().Sums);
            new Random(trial).Shuffle(order);
        }
    }
}
