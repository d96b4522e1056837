using System.Globalization;
using System.Numerics.Tensors;

namespace AdaBN.Input;

/// <summary>Samples that are computed together.</summary>
/// <param name="Index">Its number in the stage, from 0.</param>
/// <param name="First">Number of its first sample.</param>
/// <param name="Samples">Samples that count.</param>
/// <param name="Rows">Samples computed: more where a fixed batch axis had to be filled up with repeats.</param>
internal sealed record Batch(int Index, long First, int Samples, int Rows)
{
    /// <inheritdoc/>
    public override string ToString() => Samples == 1 ? $"sample {First}" : $"samples {First} to {First + Samples - 1}";
}

/// <summary>Reads the samples once, in order, into the caller's buffers. Safe to call from several threads.</summary>
internal sealed class BatchReader : IDisposable
{
    private readonly InputBinding _binding;
    private readonly ISampleReader _reader;
    private readonly long _maxSamples;
    private readonly ReadingNotes? _notes;
    private readonly Lock _lock = new();
    private int _batches;
    private bool _ended;

    public BatchReader(InputBinding binding, ISampleSource source, long? maxSamples = null, ReadingNotes? notes = null)
    {
        (_binding, _notes) = (binding, notes);
        _maxSamples = maxSamples ?? long.MaxValue;
        SampleCount = source.Count is { } count ? Math.Min(count, _maxSamples) : null;
        _reader = source.OpenReader();
    }

    /// <summary>Samples read so far.</summary>
    public long SamplesRead { get; private set; }

    /// <summary>Samples there will be, or null while that is not known.</summary>
    public long? SampleCount { get; }

    /// <summary>Reads the next batch into buffers, one for each source of the binding; null at the end.</summary>
    public Batch? TryRead(IReadOnlyList<Memory<float>> buffers, int rows)
    {
        lock (_lock)
        {
            if (_ended) return null;
            var destination = new Memory<float>[buffers.Count];
            int samples = 0;
            while (samples < rows && SamplesRead + samples < _maxSamples)
            {
                for (int i = 0; i < buffers.Count; i++)
                {
                    int length = _binding.Sources[i].Input.Length;
                    destination[i] = buffers[i].Slice(samples * length, length);
                }
                if (!_reader.TryRead(destination)) break;
                for (int i = 0; i < buffers.Count; i++) CheckFinite(destination[i].Span, _binding.Sources[i].Input, SamplesRead + samples);
                _notes?.Add(destination, SamplesRead + samples);
                samples++;
            }
            _ended = samples < rows;
            if (samples == 0) return null;

            var batch = new Batch(_batches++, SamplesRead, samples, _binding.FixedBatch is null ? samples : rows);
            SamplesRead += samples;
            for (int i = 0; i < buffers.Count; i++) Repeat(buffers[i].Span, samples * _binding.Sources[i].Input.Length, batch.Rows * _binding.Sources[i].Input.Length);
            return batch;
        }
    }

    public void Dispose() => _reader.Dispose();

    /// <summary>Fills a fixed batch with copies of its samples: real data, so that nothing unusual comes out of it.</summary>
    private static void Repeat(Span<float> buffer, int filled, int wanted)
    {
        for (int i = filled; i < wanted; i++) buffer[i] = buffer[i - filled];
    }

    private static void CheckFinite(ReadOnlySpan<float> values, SampleInput input, long sample)
    {
        // One fast sum clears almost every sample; it may overflow on finite values, so a second look decides.
        if (float.IsFinite(TensorPrimitives.SumOfMagnitudes(values))) return;
        int at = 0;
        while (at < values.Length && float.IsFinite(values[at])) at++;
        if (at == values.Length) return;
        throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
            $"Sample {sample} (counting from 0) holds {values[at]} at element {at} of input {input}. Leave the sample out or mend its preprocessing."));
    }
}
