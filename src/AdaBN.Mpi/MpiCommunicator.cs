using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace AdaBN.Mpi;

/// <summary>
/// The processes that an MPI launcher (mpirun, srun, mpiexec) has started, as ranks of one adaptation. One a process, for the process's life. Dispose it when all is
/// done; after a failure call <see cref="Abort"/> instead, which ends all ranks: a rank that only leaves would let the others wait.
/// </summary>
public sealed unsafe class MpiCommunicator : ICommunicator, IDisposable
{
    private const int LengthTag = 1;
    private const long MostBytes = 1 << 30; // of one call; MPI counts in int

    private static readonly TimeSpan s_longestAbort = TimeSpan.FromSeconds(5);
    private static int s_started;
    private readonly MpiLibrary _mpi;
    private readonly TimeSpan _timeOut;
    private bool _ended;
    private byte[][] _underWay = []; // where a wait is given up, MPI may still write there

    private MpiCommunicator(MpiLibrary mpi, TimeSpan timeOut)
    {
        (_mpi, _timeOut) = (mpi, timeOut);
        (Rank, Size, Library) = (mpi.Rank, mpi.Size, mpi.Version);
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <summary>The MPI library's own name and version.</summary>
    public string Library { get; }

    /// <summary>Starts MPI.</summary>
    /// <param name="workers">Processes that there must be; a library that does not belong to the launcher would start each as a job of its own.</param>
    /// <param name="timeOut">How long to wait for the other ranks at one merge; longer than the slowest rank takes for a stage. Default: 30 minutes.</param>
    /// <param name="libraryPath">The MPI library; default: the launcher's, found by the environment it gives its processes.</param>
    /// <exception cref="MpiException">There is no MPI library, or not so many processes.</exception>
    /// <exception cref="InvalidOperationException">MPI has been started in this process before.</exception>
    public static MpiCommunicator Start(int workers, TimeSpan? timeOut = null, string? libraryPath = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        MpiLaunch launch = MpiLaunch.Current;
        if (launch.Size != workers && launch.Source is null)
            throw new MpiException(string.Create(CultureInfo.InvariantCulture, $"{workers} workers are asked for, but no MPI launcher has started this process. Start it with 'mpirun -n {workers}' or 'srun -n {workers}'."));
        if (launch.Size != workers)
            throw new MpiException(string.Create(CultureInfo.InvariantCulture, $"{workers} workers are asked for, but the launcher has started {launch.Size} ({launch.Source}). Give both the same number."));
        if (Interlocked.Exchange(ref s_started, 1) == 1) throw new InvalidOperationException("MPI has been started in this process before, and can be started once only.");
        MpiLibrary mpi = MpiLibrary.Load(libraryPath, MpiLaunch.PrefersOpenMpi);
        mpi.InitializeThreads();
        var communicator = new MpiCommunicator(mpi, timeOut ?? TimeSpan.FromMinutes(30));
        if (communicator.Size == workers) return communicator;
        string found = string.Create(CultureInfo.InvariantCulture, $"{communicator.Library} sees {communicator.Size} process{(communicator.Size == 1 ? "" : "es")}, expected {workers}: it is not the launcher's own MPI. Start with the {(mpi.IsOpenMpi ? "Open MPI launcher (srun --mpi=pmix)" : "MPICH launcher (srun --mpi=pmi2)")}, or give the path of the launcher's library.");
        communicator.Dispose();
        throw new MpiException(found);
    }

    /// <inheritdoc/>
    /// <exception cref="SilentRanksException">A rank does not come within the time-out.</exception>
    /// <exception cref="MpiException">MPI fails.</exception>
    public IReadOnlyList<byte[]> AllGather(ReadOnlyMemory<byte> mine, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        long[] lengths = GatherLengths(mine.Length, cancellationToken);
        byte[][] all = [.. lengths.Select(length => new byte[length])];
        long part = MostBytes / Size;
        for (long at = 0; at < lengths.Max(); at += part)
        {
            int[] counts = [.. lengths.Select(length => (int)Math.Clamp(length - at, 0L, part))];
            int[] displacements = [.. counts.Select((_, rank) => counts.Take(rank).Sum())];
            byte[] sent = GC.AllocateUninitializedArray<byte>(Math.Max(1, counts[Rank]), pinned: true), received = GC.AllocateUninitializedArray<byte>(Math.Max(1, counts.Sum()), pinned: true);
            _underWay = [sent, received];
            mine.Span.Slice((int)Math.Min(at, mine.Length), counts[Rank]).CopyTo(sent);
            fixed (byte* from = sent, to = received)
            {
                fixed (int* count = counts, displacement = displacements)
                {
                    nint[] request = [_mpi.AllGather(from, counts[Rank], to, count, displacement)];
                    Wait(request, _timeOut, "its moments", cancellationToken);
                }
            }
            for (int rank = 0; rank < Size; rank++) received.AsSpan(displacements[rank], counts[rank]).CopyTo(all[rank].AsSpan((int)at));
        }
        return all;
    }

    /// <summary>Ends all ranks, this one included, with an exit code (or another than 0, where the launcher cannot be reached any more). Does not return.</summary>
    [DoesNotReturn]
    public void Abort(int exitCode)
    {
        _ended = true;
        // A rank that is cut off waits there for a launcher that never answers.
        new Thread(() => _mpi.Abort(exitCode)) { IsBackground = true, Name = "MPI_Abort" }.Start();
        Thread.Sleep(s_longestAbort);
        using Process self = Process.GetCurrentProcess();
        self.Kill();
        throw new UnreachableException();
    }

    /// <summary>Leaves MPI; all ranks must do so.</summary>
    public void Dispose()
    {
        if (_ended) return;
        _ended = true;
        _mpi.Complete();
    }

    /// <summary>
    /// Lengths go to rank 0 one by one and from there to all, not by a collective, so that a rank that falls silent can be named. Ranks wait by asking and sleeping:
    /// MPI's own waiting takes a whole processor from the others.
    /// </summary>
    private long[] GatherLengths(long mine, CancellationToken cancellationToken)
    {
        long[] lengths = GC.AllocateArray<long>(Size, pinned: true);
        lengths[Rank] = mine;
        fixed (long* place = lengths)
        {
            if (Rank == 0)
            {
                var requests = new nint[Size];
                for (int rank = 1; rank < Size; rank++) requests[rank] = _mpi.Receive((byte*)(place + rank), sizeof(long), rank, LengthTag);
                Wait(requests, _timeOut, "word", cancellationToken, named: true);
                for (int rank = 1; rank < Size; rank++) requests[rank] = _mpi.Send((byte*)place, Size * sizeof(long), rank, LengthTag);
                Wait(requests, _timeOut, "thanks", cancellationToken, named: true);
            }
            else
            {
                TimeSpan longer = _timeOut + TimeSpan.FromSeconds(2); // rank 0 knows who is missing, and speaks first
                Wait([_mpi.Send((byte*)(place + Rank), sizeof(long), 0, LengthTag)], longer, "thanks", cancellationToken);
                Wait([_mpi.Receive((byte*)place, Size * sizeof(long), 0, LengthTag)], longer, "word", cancellationToken);
            }
        }
        return [.. lengths];
    }

    private void Wait(nint[] requests, TimeSpan timeOut, string what, CancellationToken cancellationToken, bool named = false)
    {
        var watch = Stopwatch.StartNew();
        var open = Enumerable.Range(0, requests.Length).Where(i => !(named && i == Rank)).ToList();
        for (int spins = 0; ; spins++)
        {
            open.RemoveAll(i => _mpi.IsDone(ref requests[i]));
            if (open.Count == 0) return;
            cancellationToken.ThrowIfCancellationRequested();
            if (watch.Elapsed > timeOut)
            {
                string whom = named ? $"rank{(open.Count > 1 ? "s" : "")} {string.Join(", ", open)}" : "the other ranks";
                throw new SilentRanksException(string.Create(CultureInfo.InvariantCulture, $"Rank {Rank} waited {timeOut.TotalSeconds:0} s for {what} of {whom}: stopped, cut off, or slower than the time-out allows."), named ? open : []);
            }
            if (spins < 100) Thread.Yield();
            else Thread.Sleep(spins < 2000 ? 0 : 1);
        }
    }
}
