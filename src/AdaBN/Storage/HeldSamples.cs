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
    private readonly int _chunkRows = (int)Math.Max(1, ChunkBytes / inputs.Max(input => (long)input.Length * sizeof(float)));
    private readonly List<(Slot[] Tensors, int Samples)> _chunks = []; // all of them full but the last

    public IReadOnlyList<SampleInput> Inputs => inputs;

    public long? Count { get; private set; } = 0;

    /// <summary>Reads samples to the end.</summary>
    public void Fill(BatchReader reader, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Slot[] slots = Rent();
            if (reader.TryRead([.. slots.Select((slot, i) => slot.FloatMemory(_chunkRows * inputs[i].Length))], _chunkRows) is not { } batch)
            {
                Return(slots);
                break;
            }
            _chunks.Add((slots, batch.Samples));
            Count += batch.Samples;
        }
    }

    /// <summary>Holds one more sample.</summary>
    public void Add(IReadOnlyList<Memory<float>> sample)
    {
        if (_chunks is not [.., { Samples: var held }] || held == _chunkRows) _chunks.Add((Rent(), held = 0));
        Slot[] slots = _chunks[^1].Tensors;
        for (int i = 0; i < slots.Length; i++) sample[i].Span.CopyTo(slots[i].Floats((long)held * inputs[i].Length, inputs[i].Length));
        _chunks[^1] = (slots, held + 1);
        Count++;
    }

    /// <summary>Some of the samples, which stay held.</summary>
    /// <param name="samples">Their numbers, from 0.</param>
    public ISampleSource Only(IReadOnlyList<int> samples) => new View(this, samples);

    /// <summary>To be called once.</summary>
    public ISampleReader OpenReader() => new Reader(this);

    private void Return(Slot[] slots)
    {
        foreach (Slot slot in slots) allocator.Return(slot);
    }

    private Slot[] Rent() => [.. inputs.Select(input => allocator.Rent((long)_chunkRows * input.Length * sizeof(float)))];

    private void Copy(int chunk, int row, IReadOnlyList<Memory<float>> destination)
    {
        for (int i = 0; i < inputs.Count; i++) _chunks[chunk].Tensors[i].Floats((long)row * inputs[i].Length, inputs[i].Length).CopyTo(destination[i].Span);
    }

    private sealed class Reader(HeldSamples held) : ISampleReader
    {
        private int _chunk, _next;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (_chunk == held._chunks.Count) return false;
            held.Copy(_chunk, _next, destination);
            if (++_next < held._chunks[_chunk].Samples) return true;
            held.Return(held._chunks[_chunk].Tensors);
            (_chunk, _next) = (_chunk + 1, 0);
            return true;
        }

        public void Dispose()
        {
        }
    }

    private sealed record View(HeldSamples Held, IReadOnlyList<int> Samples) : ISampleSource
    {
        public IReadOnlyList<SampleInput> Inputs => Held.Inputs;

        public long? Count => Samples.Count;

        public ISampleReader OpenReader() => new ViewReader(Held, Samples);
    }

    private sealed class ViewReader(HeldSamples held, IReadOnlyList<int> samples) : ISampleReader
    {
        private int _next;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (_next == samples.Count) return false;
            (int chunk, int row) = Math.DivRem(samples[_next++], held._chunkRows);
            held.Copy(chunk, row, destination);
            return true;
        }

        public void Dispose()
        {
        }
    }
}
