namespace AdaBN;

/// <summary>
/// Processes ("ranks") that adapt one model together, each on its part of the samples, as MPI's communicator: all an adaptation needs of whatever connects them
/// is that each gives bytes and gets those of all. <c>AdaBN.Mpi</c> has one for MPI.
/// </summary>
/// <remarks>
/// Ranks call in the same order, one call at a time. What a rank gives are moments of channels, scores and a few drawn samples, never activations: kilobytes to
/// megabytes a stage, whatever the number of samples. An implementation whose other ranks fail or fall silent throws, in bounded time
/// (<see cref="SilentRanksException"/> where it can tell).
/// </remarks>
public interface ICommunicator
{
    /// <summary>This process's number, from 0.</summary>
    int Rank { get; }

    /// <summary>Number of processes; at least 1.</summary>
    int Size { get; }

    /// <summary>Gives bytes to all ranks and waits for theirs (MPI_Allgatherv).</summary>
    /// <param name="mine">What this rank gives; may be empty, and of another length than others'.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What each rank gave, in the order of ranks.</returns>
    IReadOnlyList<byte[]> AllGather(ReadOnlyMemory<byte> mine, CancellationToken cancellationToken = default);
}
