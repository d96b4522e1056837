using AdaBN.Distributed;

namespace AdaBN.Input;

/// <summary>What is noted of the whole set as it is read, once: how alike neighbours are, and some samples drawn from it.</summary>
/// <param name="inputs">The tensors of each sample.</param>
/// <param name="drawn">Samples to draw; 0 for none.</param>
/// <param name="share">The part of the set that is read here.</param>
internal sealed class ReadingNotes(IReadOnlyList<SampleInput> inputs, int drawn, Share share)
{
    private readonly NeighbourResemblance _neighbours = new(inputs, share);
    private long _read;
    private readonly ImageDraw? _draw = drawn > 0 ? new ImageDraw(drawn) : null;

    /// <summary>Independent samples that those read are worth.</summary>
    public double EffectiveImages => _neighbours.EffectiveImages();

    /// <summary>The drawn samples, in an order that is the same whatever the order of reading.</summary>
    public IReadOnlyList<(float[][] Tensors, long Index)> Drawn => field ??= _draw?.Drawn ?? [];

    /// <summary>What a sample is worth, 0 to 1, where so many of the set are measured; 1 before anything is noted.</summary>
    public double WorthOf(long samples) => _read == 0 ? 1 : Math.Min(1, EffectiveImages / samples);

    /// <summary>Tells this set of samples, once complete, from others.</summary>
    public string Fingerprint => _neighbours.Fingerprint();

    /// <summary>What other processes have noted, to be restored where samples are not all read.</summary>
    public byte[] ToBytes() => _neighbours.ToBytes();

    /// <summary>In the place of <see cref="Complete"/>.</summary>
    public void Restore(byte[] notes)
    {
        _neighbours.Restore(notes);
        _read = share.Total!.Value;
    }

    /// <summary>Takes a sample before those of this part.</summary>
    public void AddHalo(IReadOnlyList<Memory<float>> tensors) => _neighbours.Add(tensors);

    public void Add(IReadOnlyList<Memory<float>> tensors, long index)
    {
        _draw?.Offer(tensors, index);
        _neighbours.Add(tensors);
        _read++;
    }

    /// <summary>To be called once, after the last sample: counts in what other processes have read.</summary>
    public void Complete(CancellationToken cancellationToken)
    {
        _neighbours.Complete(cancellationToken);
        if (share.Ranks is null) return;
        _draw?.Merge(share.Ranks, cancellationToken);
        _read = share.Total!.Value;
    }
}
