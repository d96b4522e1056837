namespace AdaBN.Tests;

/// <summary>Counts what is read of another source.</summary>
internal sealed class CountingSource(ISampleSource inner) : ISampleSource, ISampleReader
{
    private ISampleReader? _reader;

    public int ReadersOpened { get; private set; }

    public int ReadersDisposed { get; private set; }

    public int SamplesRead { get; private set; }

    public IReadOnlyList<SampleInput> Inputs => inner.Inputs;

    public long? Count => inner.Count;

    public ISampleReader OpenReader()
    {
        ReadersOpened++;
        _reader = inner.OpenReader();
        return this;
    }

    public bool TryRead(IReadOnlyList<Memory<float>> destination)
    {
        bool read = _reader!.TryRead(destination);
        if (read) SamplesRead++;
        return read;
    }

    public void Dispose()
    {
        ReadersDisposed++;
        _reader?.Dispose();
    }
}
