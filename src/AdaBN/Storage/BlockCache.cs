using System.Runtime.InteropServices;

namespace AdaBN.Storage;

/// <summary>
/// Blocks of RAM for <see cref="SlotAllocator"/>. Touching pages for the first time costs much of an adaptation's time, so blocks are kept
/// for a minute, as the shared array pool keeps its arrays: whoever adapts again in that time (a search, a comparison of policies) finds
/// them warm. Where memory is short nothing is kept. Safe to call from several threads.
/// </summary>
internal static unsafe partial class BlockCache
{
    public const long BlockLength = 64L << 20;

    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(60);
    private static readonly Lock Guard = new();
    private static readonly Stack<nint> Blocks = [];
    private static readonly Timer Trimmer = new(_ => Trim());

    /// <summary>Gives a block; what it holds is undefined.</summary>
    public static nint Rent(long length)
    {
        lock (Guard)
        {
            if (length == BlockLength && Blocks.TryPop(out nint kept)) return kept;
        }
        const nuint hugePage = 2 << 20;
        var block = (nint)NativeMemory.AlignedAlloc((nuint)length, hugePage);
        const int hugePages = 14;
        if (OperatingSystem.IsLinux()) _ = Advise(block, (nuint)length, hugePages); // only advice: without it pages are small and slower
        return block;
    }

    public static void Return(nint block, long length)
    {
        GCMemoryInfo machine = GC.GetGCMemoryInfo();
        if (length != BlockLength || machine.MemoryLoadBytes > machine.HighMemoryLoadThresholdBytes)
        {
            NativeMemory.AlignedFree((void*)block);
            return;
        }
        lock (Guard)
        {
            Blocks.Push(block);
            Trimmer.Change(Idle, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Gives all kept blocks back to the system.</summary>
    public static void Trim()
    {
        lock (Guard)
        {
            while (Blocks.TryPop(out nint block)) NativeMemory.AlignedFree((void*)block);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
