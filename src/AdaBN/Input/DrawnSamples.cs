using AdaBN.Distributed;
using AdaBN.Onnx;

namespace AdaBN.Input;

/// <summary>Samples drawn from a source that was read once to its end, checked.</summary>
/// <param name="Source">The drawn samples, in an order that is the same whatever the order of reading; may be read again and again.</param>
/// <param name="Indices">Their places in the source.</param>
/// <param name="Read">Samples read.</param>
internal sealed record DrawnSamples(ISampleSource Source, IReadOnlyList<long> Indices, long Read)
{
    private const long BufferBytes = 1 << 20;

    public static DrawnSamples Draw(OnnxModel model, ISampleSource samples, int most, long? maxSamples, CancellationToken cancellationToken)
    {
        var notes = new ReadingNotes(samples.Inputs, most, Share.Whole(samples.Count, null));
        InputBinding binding = InputBinding.Bind(model, [.. model.Graph.RequiredInputs], samples.Inputs, anyPrecision: true);
        int rows = (int)Math.Max(1, BufferBytes / samples.Inputs.Max(input => (long)input.Length * sizeof(float)));
        Memory<float>[] buffers = [.. samples.Inputs.Select(input => new float[rows * input.Length].AsMemory())];
        using var reader = new BatchReader(binding, samples, maxSamples, notes);
        while (reader.TryRead(buffers, rows) is not null) cancellationToken.ThrowIfCancellationRequested();
        return new DrawnSamples(SampleSource.FromArrays(samples.Inputs, notes.Drawn.Select(drawn => drawn.Tensors).ToArray()), [.. notes.Drawn.Select(drawn => drawn.Index)], reader.SamplesRead);
    }
}
