namespace AdaBN.Input;

/// <summary>What is noted of the whole set as it is read, once: how alike neighbours are, and some samples drawn from it.</summary>
/// <param name="inputs">The tensors of each sample.</param>
/// <param name="drawn">Samples to draw; 0 for none.</param>
internal sealed class ReadingNotes(IReadOnlyList<SampleInput> inputs, int drawn)
{
    private readonly NeighbourResemblance _neighbours = new(inputs);
    private long _read;
    private readonly ImageDraw? _draw = drawn > 0 ? new ImageDraw(drawn) : null;

    /// <summary>Independent samples that those read are worth.</summary>
    public double EffectiveImages => _neighbours.EffectiveImages();

    /// <summary>The drawn samples, in an order that is the same whatever the order of reading.</summary>
    public IReadOnlyList<(float[][] Tensors, long Index)> Drawn => field ??= _draw?.Drawn ?? [];

    /// <summary>What a sample is worth, 0 to 1, where so many of the set are measured; 1 before anything is noted.</summary>
    public double WorthOf(long samples) => _read == 0 ? 1 : Math.Min(1, EffectiveImages / samples);

    public void Add(IReadOnlyList<Memory<float>> tensors, long index)
    {
        _draw?.Offer(tensors, index);
        _neighbours.Add(tensors);
        _read++;
    }
}
