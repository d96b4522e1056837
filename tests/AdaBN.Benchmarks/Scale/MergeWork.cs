using System.Diagnostics;
using AdaBN.Distributed;
using AdaBN.Measurement;

namespace AdaBN.Benchmarks.Scale;

/// <summary>
/// What a rank does with the moments of many others, measured in one process: records of a layer's channels are made as each of so many ranks would make them, then one rank reads and merges
/// all.
/// </summary>
internal static class MergeWork
{
    private const int Repetitions = 21;

    /// <summary>Milliseconds for a byte that a rank receives.</summary>
    public static double MsOfAByte(int ranks, int channels)
    {
        var random = new Random(1);
        double[] Numbers() => [.. Enumerable.Range(0, channels).Select(_ => random.NextDouble())];
        MergeTree<ChannelMoments>[] trees = [.. Enumerable.Range(0, ranks).Select(rank =>
        {
            var tree = new MergeTree<ChannelMoments>(ChannelMoments.Merge);
            tree.Add(rank, new ChannelMoments(1000, Numbers(), Numbers(), 10, Numbers(), Numbers(), Numbers()));
            return tree;
        })];
        byte[][] given = new byte[ranks][];
        for (int rank = 1; rank < ranks; rank++) Merge(trees[rank], new Prepared(given, rank));
        double ms = Contestant.Median([.. Enumerable.Range(0, Repetitions).Select(_ =>
        {
            var tree = new MergeTree<ChannelMoments>(ChannelMoments.Merge);
            tree.Add(0, trees[0].Total());
            long start = Stopwatch.GetTimestamp();
            Merge(tree, new Prepared(given, 0));
            tree.Total();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        })]);
        return ms / given.Skip(1).Sum(bytes => bytes.Length);
    }

    private static void Merge(MergeTree<ChannelMoments> tree, ICommunicator ranks) => new Ranks(ranks).Merge([tree], MomentRecords.Write, MomentRecords.Read, CancellationToken.None);

    /// <summary>Gives rank 0 what the others gave before; those get nothing.</summary>
    private sealed class Prepared(byte[][] given, int rank) : ICommunicator
    {
        private static readonly byte[] _nothing = new byte[sizeof(int)];

        public int Rank => rank;

        public int Size => given.Length;

        public IReadOnlyList<byte[]> AllGather(ReadOnlyMemory<byte> mine, CancellationToken cancellationToken = default)
        {
            given[rank] = mine.ToArray();
            return rank == 0 ? given : [.. given.Select(_ => _nothing)];
        }
    }
}
