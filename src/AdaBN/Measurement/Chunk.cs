namespace AdaBN.Measurement;

/// <summary>Samples that are computed together, the same ones in every stage.</summary>
/// <param name="Index">Its number, from 0, in reading order.</param>
/// <param name="FirstSample">Number of its first sample.</param>
/// <param name="Samples">Samples that count.</param>
/// <param name="Rows">Length of the batch axis: more than the samples where a fixed batch axis had to be filled up with repeats.</param>
internal sealed record Chunk(int Index, long FirstSample, int Samples, int Rows)
{
    /// <inheritdoc/>
    public override string ToString() => Samples == 1 ? $"sample {FirstSample}" : $"samples {FirstSample} to {FirstSample + Samples - 1}";
}
