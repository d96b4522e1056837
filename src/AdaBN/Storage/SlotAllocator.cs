namespace AdaBN.Storage;

/// <summary>
/// Memory for activations: blocks, cut into slots that are used again as stages free them. Fresh pages are what costs: a stage that
/// writes where the one before has read costs none. Blocks lie in RAM up to a limit, beyond it in mapped temporary files.
/// Safe to call from several threads.
/// </summary>
internal sealed class SlotAllocator(long maxMemory, string? spillFolder) : IDisposable
{
    public const int Alignment = 64;

    private readonly Lock _lock = new();
    private readonly SortedSet<(long Length, nint Address)> _free = [];
    private readonly Dictionary<nint, long> _freeByStart = [];
    private readonly Dictionary<nint, long> _freeByEnd = [];
    private readonly HashSet<nint> _blockStarts = [];
    private readonly List<(nint Address, long Length)> _memoryBlocks = [];
    private readonly List<SpillFile> _spillBlocks = [];
    private long _memory, _used;

    /// <summary>The most bytes that were rented at one time.</summary>
    public long Peak { get; private set; }

    /// <summary>Bytes of temporary files.</summary>
    public long Spilled { get; private set; }

    /// <exception cref="IOException">The disk that holds temporary files is full.</exception>
    public Slot Rent(long bytes)
    {
        long length = Math.Max(Alignment, (bytes + Alignment - 1) / Alignment * Alignment);
        lock (_lock)
        {
            if (_free.GetViewBetween((length, nint.MinValue), (long.MaxValue, nint.MaxValue)).FirstOrDefault() is not { Length: > 0 } found)
            {
                AddBlock(Math.Max(BlockCache.BlockLength, length));
                found = _free.GetViewBetween((length, nint.MinValue), (long.MaxValue, nint.MaxValue)).First();
            }
            RemoveFree(found.Address, found.Length);
            if (found.Length > length) AddFree(found.Address + (nint)length, found.Length - length);
            _used += length;
            Peak = Math.Max(Peak, _used);
            return new Slot(found.Address, length);
        }
    }

    public void Return(Slot slot)
    {
        lock (_lock)
        {
            _used -= slot.Length;
            (nint start, long length) = (slot.Address, slot.Length);
            if (!_blockStarts.Contains(start) && _freeByEnd.TryGetValue(start, out long before))
            {
                RemoveFree(start - (nint)before, before);
                (start, length) = (start - (nint)before, length + before);
            }
            nint end = slot.Address + (nint)slot.Length;
            if (!_blockStarts.Contains(end) && _freeByStart.TryGetValue(end, out long after))
            {
                RemoveFree(end, after);
                length += after;
            }
            AddFree(start, length);
        }
    }

    public void Dispose()
    {
        foreach ((nint address, long length) in _memoryBlocks) BlockCache.Return(address, length);
        foreach (SpillFile block in _spillBlocks) block.Dispose();
        _memoryBlocks.Clear();
        _spillBlocks.Clear();
    }

    private void AddBlock(long length)
    {
        nint address;
        if (_memory + length <= maxMemory)
        {
            address = BlockCache.Rent(length);
            _memory += length;
            _memoryBlocks.Add((address, length));
        }
        else
        {
            BlockCache.Trim(); // no memory lies idle while this goes to the disk
            var file = new SpillFile(spillFolder ?? Path.GetTempPath(), length);
            _spillBlocks.Add(file);
            Spilled += length;
            address = file.Address;
        }
        _blockStarts.Add(address);
        AddFree(address, length);
    }

    private void AddFree(nint address, long length)
    {
        _free.Add((length, address));
        _freeByStart.Add(address, length);
        _freeByEnd.Add(address + (nint)length, length);
    }

    private void RemoveFree(nint address, long length)
    {
        _free.Remove((length, address));
        _freeByStart.Remove(address);
        _freeByEnd.Remove(address + (nint)length);
    }
}
