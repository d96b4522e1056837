using System.Collections.Concurrent;
using AdaBN.Layout;
using AdaBN.Onnx;

namespace AdaBN.Storage;

/// <summary>Form of a stored value: what every batch of it has in common.</summary>
/// <param name="ElementType">Type of its elements.</param>
/// <param name="RowsPerSample">Length of the first axis for one sample; nearly always 1.</param>
/// <param name="Tail">Lengths of the other axes, as the model has them.</param>
/// <param name="Block">Channels a block where it is stored in the blocked layout (<see cref="BlockedLayout"/>), else 0.</param>
internal sealed record TensorForm(ElementType ElementType, int RowsPerSample, long[] Tail, int Block = 0)
{
    private long[] StoredTail => Block == 0 ? Tail : [BlockedLayout.Padded((int)Tail[0], Block), .. Tail[1..]];

    /// <summary>Elements stored for one sample.</summary>
    public long SampleLength => RowsPerSample * StoredTail.Aggregate(1L, (product, length) => product * length);

    /// <summary>Elements of one row and channel.</summary>
    public int Positions => checked((int)Tail.Skip(1).Aggregate(1L, (product, length) => product * length));

    /// <summary>The stored tensor's shape.</summary>
    public long[] Shape(int samples) => [(long)RowsPerSample * samples, .. StoredTail];
}

/// <summary>Samples stored together.</summary>
/// <param name="Slot">Where.</param>
/// <param name="First">Number of the first one.</param>
/// <param name="Rows">Number of samples, repeats that fill up a fixed batch included.</param>
/// <param name="Shape">The tensor's whole shape.</param>
/// <param name="IsHalf">Whether float32 elements are held as 16-bit floats.</param>
internal sealed record StoredBatch(Slot Slot, long First, int Rows, long[] Shape, bool IsHalf = false)
{
    private int _unread = Rows;

    /// <summary>Notes that samples will not be read again; true when that were the last.</summary>
    public bool Release(int rows) => Interlocked.Add(ref _unread, -rows) == 0;
}

/// <summary>Tensors between stages. A value is written in batches of one size and may be read in batches of another.</summary>
internal sealed class ActivationStore(SlotAllocator allocator)
{
    private readonly ConcurrentDictionary<Value, Entry> _entries = new();

    /// <summary>Declares a value before its first batch is put.</summary>
    public void Declare(Value value, int batchRows) => _entries.TryAdd(value, new Entry(batchRows));

    public void Put(Value value, StoredBatch batch) => _entries[value].Batches[batch.First / _entries[value].BatchRows] = batch;

    /// <summary>The batch that holds a sample.</summary>
    public StoredBatch Find(Value value, long sample)
    {
        Entry entry = _entries[value];
        return entry.Batches[sample / entry.BatchRows];
    }

    /// <summary>Frees what lies in a range of samples that nobody reads again.</summary>
    public void Release(Value value, long first, int rows)
    {
        Entry entry = _entries[value];
        for (long sample = first; sample < first + rows;)
        {
            long index = sample / entry.BatchRows;
            StoredBatch batch = entry.Batches[index];
            int count = (int)(Math.Min(first + rows, batch.First + batch.Rows) - sample);
            if (batch.Release(count) && entry.Batches.TryRemove(index, out _)) allocator.Return(batch.Slot);
            sample += count;
        }
    }

    private sealed record Entry(int BatchRows)
    {
        public ConcurrentDictionary<long, StoredBatch> Batches { get; } = new();
    }
}
