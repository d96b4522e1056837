namespace AdaBN.TestSupport;

/// <summary>Ranks that are threads of this process: what MPI does between processes, without MPI. One that fails ends the others' waiting.</summary>
internal sealed class ThreadRanks : IDisposable
{
    private readonly byte[][] _given;
    private readonly Barrier _barrier;
    private readonly CancellationTokenSource _failed = new();

    private ThreadRanks(int size) => (_given, _barrier) = (new byte[size][], new Barrier(size));

    /// <summary>Bytes given by all ranks in all calls.</summary>
    public long Traffic { get; private set; }

    /// <summary>Runs a rank's work on a thread each; throws the first failure that did not come from waiting for another.</summary>
    public static T[] Run<T>(int size, Func<ICommunicator, T> work) => Run(size, work, out _);

    public static T[] Run<T>(int size, Func<ICommunicator, T> work, out long traffic)
    {
        using var ranks = new ThreadRanks(size);
        var results = new T[size];
        var failures = new Exception?[size];
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = work(new Member(ranks, rank));
            }
            catch (Exception e)
            {
                failures[rank] = e;
                ranks._failed.Cancel();
            }
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        if (failures.OfType<Exception>().OrderBy(e => e is OperationCanceledException).FirstOrDefault() is { } failure) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        traffic = ranks.Traffic;
        return results;
    }

    public void Dispose()
    {
        _barrier.Dispose();
        _failed.Dispose();
    }

    private sealed class Member(ThreadRanks ranks, int rank) : ICommunicator
    {
        public int Rank => rank;

        public int Size => ranks._given.Length;

        public IReadOnlyList<byte[]> AllGather(ReadOnlyMemory<byte> mine, CancellationToken cancellationToken = default)
        {
            ranks._given[rank] = mine.ToArray();
            ranks._barrier.SignalAndWait(ranks._failed.Token);
            byte[][] all = [.. ranks._given];
            if (rank == 0) ranks.Traffic += all.Sum(bytes => (long)bytes.Length);
            ranks._barrier.SignalAndWait(ranks._failed.Token);
            return all;
        }
    }
}
