using System.Diagnostics;

namespace AdaBN.Benchmarks.Scale;

/// <summary>A call to the other ranks, as one of them saw it.</summary>
/// <param name="Bytes">Bytes it gave.</param>
/// <param name="Ms">Milliseconds until it had those of all: the wait for slower ranks, and the exchange.</param>
internal sealed record Exchange(int Bytes, double Ms);

/// <summary>Notes what an adaptation exchanges, and how long that takes.</summary>
internal sealed class TimedCommunicator(ICommunicator ranks) : ICommunicator
{
    private readonly List<Exchange> _exchanges = [];

    public int Rank => ranks.Rank;

    public int Size => ranks.Size;

    public IReadOnlyList<byte[]> AllGather(ReadOnlyMemory<byte> mine, CancellationToken cancellationToken = default)
    {
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<byte[]> all = ranks.AllGather(mine, cancellationToken);
        _exchanges.Add(new Exchange(mine.Length, Stopwatch.GetElapsedTime(start).TotalMilliseconds));
        return all;
    }

    /// <summary>What was exchanged since the last call of this.</summary>
    public IReadOnlyList<Exchange> Take()
    {
        Exchange[] taken = [.. _exchanges];
        _exchanges.Clear();
        return taken;
    }
}
