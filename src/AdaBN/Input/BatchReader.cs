using System.Globalization;
using System.Numerics.Tensors;
using AdaBN.Distributed;

namespace AdaBN.Input;

/// <summary>Samples that are computed together.</summary>
/// <param name="Index">Its number in the stage, from 0.</param>
/// <param name="First">Number of its first sample.</param>
/// <param name="Samples">Samples that count.</param>
/// <param name="Rows">Samples computed: more where a fixed batch axis had to be filled up with repeats.</param>
/// <param name="Before">Samples of the whole set before those that this process reads.</param>
internal sealed record Batch(int Index, long First, int Samples, int Rows, long Before)
{
    /// <inheritdoc/>
    public override string ToString() => Samples == 1 ? $"sample {Before + First}" : $"samples {Before + First} to {Before + First + Samples - 1}";
}

/// <summary>Reads this process's part of the samples once, in order, into the caller's buffers. Safe to call from several threads.</summary>
internal sealed class BatchReader : IDisposable
{
    private readonly InputBinding _binding;
    private readonly ISampleReader _reader;
    private readonly long _maxSamples;
    private readonly ReadingNotes? _notes;
    private readonly Lock _lock = new();
    private int _batches;
    private bool _ended;

    /// <param name="binding">Which tensor feeds which input.</param>
    /// <param name="source">The samples.</param>
    /// <param name="maxSamples">Read at most this many of them.</param>
    /// <param name="notes">Takes note of each sample.</param>
    /// <param name="share">The part of them to read; null for all.</param>
    public BatchReader(InputBinding binding, ISampleSource source, long? maxSamples = null, ReadingNotes? notes = null, Share? share = null)
    {
        (_binding, _notes) = (binding, notes);
        _maxSamples = share?.Count ?? maxSamples ?? long.MaxValue;
        Share = share ?? Share.Whole(source.Count is { } count ? Math.Min(count, _maxSamples) : null, binding.FixedBatch);
        _reader = Share.Open(source);
        try
        {
            if (_notes is not null) ReadHalo(source.Inputs);
        }
        catch
        {
            _reader.Dispose();
            throw;
        }
    }

    public Share Share { get; }

    /// <summary>Samples read so far.</summary>
    public long SamplesRead { get; private set; }

    /// <summary>After the last has been read: samples of all parts.</summary>
    public long Total => Share.Ranks is null ? SamplesRead : Share.Total!.Value;

    /// <summary>Samples there will be, or null while that is not known.</summary>
    public long? SampleCount => Share.Count;

    /// <summary>Reads the next batch into buffers, one for each source of the binding; null at the end.</summary>
    public Batch? TryRead(IReadOnlyList<Memory<float>> buffers, int rows)
    {
        lock (_lock)
        {
            if (_ended) return null;
            _ended = true; // where reading fails, it has for all threads: only the first has something to say
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
                for (int i = 0; i < buffers.Count; i++) CheckFinite(destination[i].Span, _binding.Sources[i].Input, Share.Before + SamplesRead + samples);
                _notes?.Add(destination, Share.Before + SamplesRead + samples);
                samples++;
            }
            _ended = samples < rows;
            if (_ended && Share.Ranks is not null && SamplesRead + samples < Share.Count)
            {
                throw new AdaptationException(AdaptationError.EmptyData, string.Create(CultureInfo.InvariantCulture,
                    $"The data ends at sample {Share.Before + SamplesRead + samples}, expected {Share.Before + Share.Count}: several processes share samples by number. Were some left out because they are broken? Remove them from the data first."));
            }
            if (samples == 0) return null;

            var batch = new Batch(_batches++, SamplesRead, samples, _binding.FixedBatch is null ? samples : rows, Share.Before);
            SamplesRead += samples;
            for (int i = 0; i < buffers.Count; i++) Repeat(buffers[i].Span, samples * _binding.Sources[i].Input.Length, batch.Rows * _binding.Sources[i].Input.Length);
            return batch;
        }
    }

    /// <summary>To be called once, after the last batch.</summary>
    public void Complete(CancellationToken cancellationToken) => _notes?.Complete(cancellationToken);

    public void Dispose() => _reader.Dispose();

    private void ReadHalo(IReadOnlyList<SampleInput> inputs)
    {
        Memory<float>[] sample = [.. inputs.Select(input => new float[input.Length].AsMemory())];
        for (int i = 0; i < Share.Halo && _reader.TryRead(sample); i++) _notes?.AddHalo(sample);
    }

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
