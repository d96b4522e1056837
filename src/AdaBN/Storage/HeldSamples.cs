using AdaBN.Input;

namespace AdaBN.Storage;

/// <summary>
/// Samples read once and held, checked, where activations lie (in RAM, or beyond the limit in temporary files), for a later pass that gives
/// their memory back as it reads them.
/// </summary>
/// <param name="inputs">The tensors of each sample.</param>
/// <param name="allocator">Memory.</param>
internal sealed class HeldSamples(IReadOnlyList<SampleInput> inputs, SlotAllocator allocator) : ISampleSource
{
    private const long ChunkBytes = 1 << 20;
    private readonly int _mostRows = (int)Math.Max(1, ChunkBytes / inputs.Max(input => (long)input.Length * sizeof(float)));
    private readonly List<(Slot[] Tensors, int Samples)> _chunks = [];
    private int _lastRows;

    public IReadOnlyList<SampleInput> Inputs => inputs;

    public long? Count { get; private set; } = 0;

    /// <summary>Reads samples to the end.</summary>
    public void Fill(BatchReader reader, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Slot[] slots = Rent(_mostRows);
            if (reader.TryRead([.. slots.Select((slot, i) => slot.FloatMemory(_mostRows * inputs[i].Length))], _mostRows) is not { } batch)
            {
                Return(slots);
                break;
            }
            _chunks.Add((slots, batch.Samples));
            Count += batch.Samples;
        }
    }

    /// <summary>Holds one more sample. Chunks grow with their number, so that many sets of few samples take little.</summary>
    public void Add(IReadOnlyList<Memory<float>> sample)
    {
        if (_chunks is not [.., { Samples: var held }] || held == _lastRows)
        {
            _lastRows = (int)Math.Clamp(Count!.Value, 1, _mostRows);
            _chunks.Add((Rent(_lastRows), held = 0));
        }
        Slot[] slots = _chunks[^1].Tensors;
        for (int i = 0; i < slots.Length; i++) sample[i].Span.CopyTo(slots[i].Floats((long)held * inputs[i].Length, inputs[i].Length));
        _chunks[^1] = (slots, held + 1);
        Count++;
    }

    /// <summary>To be called once.</summary>
    public ISampleReader OpenReader() => new Reader(this);

    private void Return(Slot[] slots)
    {
        foreach (Slot slot in slots) allocator.Return(slot);
    }

    private Slot[] Rent(int rows) => [.. inputs.Select(input => allocator.Rent((long)rows * input.Length * sizeof(float)))];

    private sealed class Reader(HeldSamples held) : ISampleReader
    {
        private int _chunk, _next;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (_chunk == held._chunks.Count) return false;
            (Slot[] tensors, int samples) = held._chunks[_chunk];
            for (int i = 0; i < tensors.Length; i++)
            {
                int length = held.Inputs[i].Length;
                tensors[i].Floats((long)_next * length, length).CopyTo(destination[i].Span);
            }
            if (++_next < samples) return true;
            held.Return(tensors);
            (_chunk, _next) = (_chunk + 1, 0);
            return true;
        }

        public void Dispose()
        {
        }
    }
}
