using System.Globalization;

namespace AdaBN.Distributed;

/// <summary>
/// The part of the samples that this process measures: whole shards, in order, so that batches, and the nodes of the tree that merges their moments, are those of a
/// single process, whatever the number of processes.
/// </summary>
/// <param name="ShardRows">Samples of a shard: whole batches of every stage, a power of two of them.</param>
/// <param name="FirstShard">Number of the first shard.</param>
/// <param name="Before">Samples before the first.</param>
/// <param name="Count">Samples of this part; null where that shows at their end.</param>
/// <param name="Ranks">The other processes; null where there are none.</param>
internal sealed record Share(int ShardRows, long FirstShard, long Before, long? Count, Ranks? Ranks)
{
    private const int SmallestShard = 64; // the largest batch that the engine chooses, and the farthest neighbours that are compared
    private Func<int, (long First, long Count)> _partOf = _ => default; // of a rank

    /// <summary>Samples of all parts; null where that shows at their end.</summary>
    public long? Total { get; init; } = Count;

    /// <summary>Samples that are not measured here but read before, because those that are get compared with them.</summary>
    public int Halo { get; init; }

    /// <summary>Whether no other process can read these samples.</summary>
    public bool IsOwn { get; init; }

    public bool IsEmpty => Ranks is not null && Count == 0;

    /// <summary>All of the samples.</summary>
    /// <param name="count">Their number, where it is known.</param>
    /// <param name="batchRows">The batch size that the model or the user fixes, or null.</param>
    public static Share Whole(long? count, int? batchRows) => new(RowsOfShard(batchRows), 0, 0, count, null);

    /// <summary>This process's part of samples that every process can read.</summary>
    public static Share Of(Ranks ranks, long total, int? batchRows)
    {
        int rows = RowsOfShard(batchRows);
        long shards = (total + rows - 1) / rows;
        long FirstShardOf(int rank) => (long)((Int128)shards * rank / ranks.Size);
        long FirstOf(int rank) => Math.Min(total, FirstShardOf(rank) * rows);
        (long First, long Count) PartOf(int rank) => (FirstOf(rank), FirstOf(rank + 1) - FirstOf(rank));
        (long before, long count) = PartOf(ranks.Rank);
        return new Share(rows, FirstShardOf(ranks.Rank), before, count, ranks) { Total = total, Halo = before > 0 ? rows : 0, _partOf = PartOf };
    }

    /// <summary>Samples of the largest part.</summary>
    public static long LargestOf(long total, int ranks, int? batchRows)
    {
        long rows = RowsOfShard(batchRows), shards = (total + rows - 1) / rows;
        return Math.Min(total, (shards + ranks - 1) / ranks * rows);
    }

    /// <summary>The samples that only this process has.</summary>
    public static Share Own(Ranks ranks, long count, int? batchRows, CancellationToken cancellationToken)
    {
        int rows = RowsOfShard(batchRows);
        long[] counts = [.. ranks.Gather(writer => writer.Write(count), reader => reader.ReadInt64(), cancellationToken)];
        return new Share(rows, counts.Take(ranks.Rank).Sum(n => (n + rows - 1) / rows), counts.Take(ranks.Rank).Sum(), count, ranks)
        {
            Total = counts.Sum(),
            IsOwn = true,
            _partOf = rank => (counts.Take(rank).Sum(), counts[rank]),
        };
    }

    /// <summary>Number of the first of this part's batches among all of a stage's.</summary>
    public long FirstBatch(int batchRows) => FirstShard * (ShardRows / batchRows);

    /// <summary>Starts reading this part, the samples of <see cref="Halo"/> first.</summary>
    /// <param name="samples">All samples, or those that only this process has.</param>
    public ISampleReader Open(ISampleSource samples) => SampleSource.OpenAt(samples, IsOwn ? 0 : Before - Halo);

    /// <summary>What failed in this process, or in others while it waited for them, with the place and the samples it happened on.</summary>
    /// <param name="failure">What failed.</param>
    /// <param name="where">The stage, or what was done instead.</param>
    public Exception Located(Exception failure, string where) => failure switch
    {
        OperationCanceledException told => new OperationCanceledException($"{where}: told to end.", failure, told.CancellationToken),
        SilentRanksException silent => new AdaptationException(AdaptationError.RanksSilent, $"{where}: {failure.Message}{string.Concat(silent.Ranks.Select(rank => $" Rank {rank} has {SamplesOf(rank)}."))}", failure),
        _ => new AdaptationException((failure as AdaptationException)?.Error ?? AdaptationError.RankFailed, $"{where}, {SamplesOf(Ranks!.Rank)}: {failure.Message}", failure),
    };

    private string SamplesOf(int rank) => _partOf(rank) switch
    {
        (_, 0) => "no samples",
        var (first, count) => string.Create(CultureInfo.InvariantCulture, $"samples {first} to {first + count - 1}"),
    };

    private static int RowsOfShard(int? batchRows)
    {
        int rows = batchRows ?? 1;
        while (rows < SmallestShard) rows *= 2;
        return rows;
    }
}
