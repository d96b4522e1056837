namespace AdaBN.Input;

/// <summary>
/// A source whose first samples are held, so that they can be measured before it is known how many to read. The source behind it is
/// opened and read once all the same: readers start with the samples held, and one only may go on from there.
/// </summary>
internal sealed class Pilot(ISampleSource source) : ISampleSource, IDisposable
{
    private readonly List<float[][]> _held = [];
    private ISampleReader? _rest;

    public IReadOnlyList<SampleInput> Inputs => source.Inputs;

    public long? Count => source.Count is { } count ? Math.Min(count, Most) : null;

    /// <summary>Samples to read, those held included.</summary>
    public long Most { get; set; } = long.MaxValue;

    /// <summary>Reads the first samples, as many as there are.</summary>
    public ISampleSource Hold(long count)
    {
        _rest = source.OpenReader();
        while (_held.Count < count)
        {
            float[][] sample = [.. Inputs.Select(input => new float[input.Length])];
            if (!_rest.TryRead([.. sample.Select(tensor => tensor.AsMemory())])) break;
            _held.Add(sample);
        }
        return SampleSource.FromArrays(Inputs, _held);
    }

    public ISampleReader OpenReader() => new Reader(this);

    public void Dispose() => _rest?.Dispose();

    private sealed class Reader(Pilot pilot) : ISampleReader
    {
        private long _read;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (_read >= pilot.Most) return false;
            if (_read >= pilot._held.Count)
            {
                _read++;
                return pilot._rest!.TryRead(destination);
            }
            foreach ((float[] tensor, Memory<float> place) in pilot._held[(int)_read++].Zip(destination)) tensor.CopyTo(place);
            return true;
        }

        public void Dispose()
        {
        }
    }
}
