using System.Globalization;

namespace AdaBN.Distributed;

/// <summary>
/// In the place of other processes, files: a stage is measured in parts, by processes that never meet, and merged later by one. The exchanges are those of processes that do meet.
/// </summary>
internal abstract class PartialCommunicator : ICommunicator
{
    public abstract int Rank { get; }

    public abstract int Size { get; }

    /// <summary>The stage that is measured or merged, from 0.</summary>
    public abstract int Stage { get; }

    /// <summary>Refuses a state that does not end where the stage begins.</summary>
    public void CheckStage(int done)
    {
        if (done != Stage) throw new AdaptationException(AdaptationError.InvalidState, string.Create(CultureInfo.InvariantCulture, $"The state has done {done} stages, so that stage {done} (counting from 0) is the next; stage {Stage} was given."));
    }

    /// <summary>The part of the samples that this process measures.</summary>
    public abstract Share ShareOf(Ranks ranks, long total, int? batchRows);

    public abstract IReadOnlyList<byte[]> AllGather(ReadOnlyMemory<byte> mine, CancellationToken cancellationToken = default);
}

/// <summary>Keeps what this process gives in a stage, and ends the run there.</summary>
/// <param name="stage">The stage, from 0.</param>
/// <param name="shard">The part, from 0.</param>
/// <param name="of">Number of parts.</param>
internal sealed class GivenParts(int stage, int shard, int of) : PartialCommunicator
{
    private readonly List<byte[]> _given = [];

    public override int Rank => shard;

    public override int Size => of;

    public override int Stage => stage;

    public IReadOnlyList<byte[]> Given => _given;

    /// <summary>Exchanges of a stage: moments, and in the first what was noted while samples were read.</summary>
    public static int ExchangesOf(int stage) => stage == 0 ? 2 : 1;

    /// <summary>Samples of all parts.</summary>
    public long Total { get; private set; }

    public override Share ShareOf(Ranks ranks, long total, int? batchRows) => Share.Of(ranks, Total = total, batchRows);

    public override IReadOnlyList<byte[]> AllGather(ReadOnlyMemory<byte> mine, CancellationToken cancellationToken = default)
    {
        _given.Add(mine.ToArray());
        if (_given.Count == ExchangesOf(stage)) throw new StageDoneException();
        return [.. Enumerable.Range(0, of).Select(rank => rank == shard ? _given[^1] : new byte[sizeof(int)])]; // no nodes
    }
}

/// <summary>Gives what was kept of all parts, and measures nothing itself.</summary>
/// <param name="stage">The stage, from 0.</param>
/// <param name="parts">What each part gave, by exchange.</param>
internal sealed class KeptParts(int stage, IReadOnlyList<IReadOnlyList<byte[]>> parts) : PartialCommunicator
{
    private int _exchange;

    public override int Stage => stage;

    public override int Rank => parts.Count;

    public override int Size => parts.Count + 1;

    public override Share ShareOf(Ranks ranks, long total, int? batchRows) => Share.Of(ranks, total, batchRows) with { Before = 0, FirstShard = 0, Count = 0, Halo = 0, Total = total };

    public override IReadOnlyList<byte[]> AllGather(ReadOnlyMemory<byte> mine, CancellationToken cancellationToken = default)
    {
        if (_exchange == parts[0].Count) throw new StageDoneException();
        int exchange = _exchange++;
        return [.. parts.Select(part => part[exchange]), mine.ToArray()];
    }
}

/// <summary>Ends a run whose stage is measured, or merged; caught where it was begun.</summary>
internal sealed class StageDoneException : Exception;
