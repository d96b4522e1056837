using System.Globalization;
using System.Numerics.Tensors;
using AdaBN.Measurement;
using AdaBN.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Input;

/// <summary>Reads the samples once, in order, into batches shaped as the model wants them. Safe to call from several threads.</summary>
internal sealed class ChunkReader : IDisposable
{
    private readonly InputBinding _binding;
    private readonly ISampleReader _reader;
    private readonly long _maxSamples;
    private readonly Lock _lock = new();
    private bool _ended;

    public ChunkReader(InputBinding binding, ISampleSource source, AdaptationOptions options)
    {
        _binding = binding;
        _maxSamples = options.MaxSamples ?? long.MaxValue;
        SampleCount = source.Count is { } count ? Math.Min(count, _maxSamples) : null;
        _reader = source.OpenReader();
    }

    /// <summary>Chunks read so far.</summary>
    public List<Chunk> Chunks { get; } = [];

    /// <summary>Samples read so far.</summary>
    public long SamplesRead { get; private set; }

    /// <summary>Samples there will be, or null while that is not known.</summary>
    public long? SampleCount { get; }

    /// <summary>Reads the next chunk; null at the end. The caller owns the tensors: one for each graph input of the binding.</summary>
    public (Chunk Chunk, Dictionary<Value, OrtValue> Tensors)? TryRead()
    {
        lock (_lock)
        {
            if (_ended) return null;
            var buffers = _binding.Sources.Select(source => new float[source.Input.Length * _binding.BatchSize]).ToArray();
            var destination = new Memory<float>[buffers.Length];
            int samples = 0;
            while (samples < _binding.BatchSize && SamplesRead + samples < _maxSamples)
            {
                for (int i = 0; i < buffers.Length; i++)
                {
                    int length = _binding.Sources[i].Input.Length;
                    destination[i] = buffers[i].AsMemory(samples * length, length);
                }
                if (!_reader.TryRead(destination)) break;
                for (int i = 0; i < buffers.Length; i++) CheckFinite(destination[i].Span, _binding.Sources[i].Input, SamplesRead + samples);
                samples++;
            }
            _ended = samples < _binding.BatchSize;
            if (samples == 0) return null;

            var chunk = new Chunk(Chunks.Count, SamplesRead, samples, _binding.IsFixed ? _binding.BatchSize : samples);
            Chunks.Add(chunk);
            SamplesRead += samples;
            var tensors = new Dictionary<Value, OrtValue>();
            for (int i = 0; i < buffers.Length; i++)
            {
                if (_binding.Sources[i] is not { Target: { } target, Shape: { } shape } source) continue;
                Repeat(buffers[i], samples * source.Input.Length, chunk.Rows * source.Input.Length);
                tensors.Add(target, OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, buffers[i].AsMemory(0, chunk.Rows * source.Input.Length), [chunk.Rows, .. shape]));
            }
            return (chunk, tensors);
        }
    }

    public void Dispose() => _reader.Dispose();

    /// <summary>Fills a fixed batch with copies of its samples: real data, so that nothing unusual comes out of it.</summary>
    private static void Repeat(float[] buffer, int filled, int wanted)
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
