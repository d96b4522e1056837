using AdaBN.Input;

namespace AdaBN.Storage;

/// <summary>
/// Samples read once and held, checked, where activations lie (in RAM, or beyond the limit in temporary files), for a later pass that gives
/// their memory back as it reads them.
/// </summary>
internal sealed class HeldSamples : ISampleSource
{
    private const long ChunkBytes = 1 << 20;
    private readonly SlotAllocator _allocator;
    private readonly List<(Slot[] Tensors, int Samples)> _chunks = [];

    /// <param name="reader">Reads to the end.</param>
    /// <param name="inputs">The tensors of each sample.</param>
    /// <param name="allocator">Memory.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public HeldSamples(BatchReader reader, IReadOnlyList<SampleInput> inputs, SlotAllocator allocator, CancellationToken cancellationToken)
    {
        (Inputs, _allocator) = (inputs, allocator);
        int rows = (int)Math.Max(1, ChunkBytes / inputs.Max(input => (long)input.Length * sizeof(float)));
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Slot[] slots = [.. inputs.Select(input => allocator.Rent((long)rows * input.Length * sizeof(float)))];
            if (reader.TryRead([.. slots.Select((slot, i) => slot.FloatMemory(rows * inputs[i].Length))], rows) is not { } batch)
            {
                foreach (Slot slot in slots) allocator.Return(slot);
                break;
            }
            _chunks.Add((slots, batch.Samples));
        }
        Count = reader.SamplesRead;
    }

    public IReadOnlyList<SampleInput> Inputs { get; }

    public long? Count { get; }

    /// <summary>To be called once.</summary>
    public ISampleReader OpenReader() => new Reader(this);

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
            foreach (Slot slot in tensors) held._allocator.Return(slot);
            (_chunk, _next) = (_chunk + 1, 0);
            return true;
        }

        public void Dispose()
        {
        }
    }
}
