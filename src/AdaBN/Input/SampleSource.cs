using System.Globalization;

namespace AdaBN;

/// <summary>Sample sources over what a program has in memory or can enumerate.</summary>
public static class SampleSource
{
    /// <summary>Samples for a model with one input.</summary>
    /// <param name="samples">One array a sample, row-major; enumerated once for each adaptation.</param>
    /// <param name="shape">Shape of a sample without the batch axis, such as 3, 224, 224.</param>
    public static ISampleSource FromArrays(IEnumerable<float[]> samples, params int[] shape)
    {
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(shape);
        long? count = samples.TryGetNonEnumeratedCount(out int known) ? known : null;
        return new EnumerableSource([new SampleInput(null, [.. shape])], samples.Select(sample => new[] { sample }), count);
    }

    /// <summary>Samples for a model with several inputs.</summary>
    /// <param name="inputs">The tensors of each sample.</param>
    /// <param name="samples">One array a tensor for each sample, in the order of <paramref name="inputs"/>; enumerated once for each adaptation.</param>
    public static ISampleSource FromArrays(IReadOnlyList<SampleInput> inputs, IEnumerable<float[][]> samples)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(samples);
        return new EnumerableSource(inputs, samples, samples.TryGetNonEnumeratedCount(out int known) ? known : null);
    }

    /// <summary>One source a model input, read side by side into samples for a model with several inputs.</summary>
    /// <param name="sources">The sources; they must have the same number of samples.</param>
    public static ISampleSource Zip(params IReadOnlyList<ISampleSource> sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        long[] counts = [.. sources.Select(source => source.Count).OfType<long>().Distinct()];
        if (counts.Length > 1)
        {
            throw new AdaptationException(AdaptationError.InputMismatch,
                $"The inputs have different numbers of samples: {string.Join(", ", sources.Select(source => $"{string.Join(" and ", source.Inputs)}: {source.Count}"))}.");
        }
        return new ZippedSource(sources, [.. sources.SelectMany(source => source.Inputs)], counts is [var count] ? count : null);
    }

    /// <summary>Samples and, beside them, the ids of their domains.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="domains">An id for each, from 1; as many.</param>
    public static IDomainSampleSource WithDomains(ISampleSource samples, IEnumerable<long> domains)
    {
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(domains);
        return new DomainSource(samples, domains);
    }

    /// <summary>Starts reading at a sample; those before it are read and dropped where the source can do no better.</summary>
    internal static ISampleReader OpenAt(ISampleSource source, long first)
    {
        if (first == 0) return source.OpenReader();
        if (source is ISeekableSampleSource seekable) return seekable.OpenReader(first);
        ISampleReader reader = source.OpenReader();
        PassOver(reader, source.Inputs, first, CancellationToken.None);
        return reader;
    }

    /// <summary>The number of samples of a source that does not know it.</summary>
    internal static long CountByReading(ISampleSource source, long most, CancellationToken cancellationToken)
    {
        using ISampleReader reader = source.OpenReader();
        return PassOver(reader, source.Inputs, most, cancellationToken);
    }

    private static long PassOver(ISampleReader reader, IReadOnlyList<SampleInput> inputs, long most, CancellationToken cancellationToken)
    {
        Memory<float>[] unused = [.. inputs.Select(input => new float[input.Length].AsMemory())];
        long count = 0;
        for (; count < most && reader.TryRead(unused); count++) cancellationToken.ThrowIfCancellationRequested();
        return count;
    }

    private sealed record DomainSource(ISampleSource Samples, IEnumerable<long> Domains) : IDomainSampleSource
    {
        public IReadOnlyList<SampleInput> Inputs => Samples.Inputs;

        public IDomainSampleReader OpenReader() => new DomainReader(Samples.OpenReader(), Domains.GetEnumerator());
    }

    private sealed class DomainReader(ISampleReader samples, IEnumerator<long> domains) : IDomainSampleReader
    {
        public long Domain => domains.Current;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            bool hasSample = samples.TryRead(destination), hasDomain = domains.MoveNext();
            if (hasSample != hasDomain) throw new AdaptationException(AdaptationError.InputMismatch, $"There are {(hasSample ? "more" : "fewer")} samples than ids of domains; give an id for each.");
            return hasSample;
        }

        public void Dispose()
        {
            samples.Dispose();
            domains.Dispose();
        }
    }

    private sealed record ZippedSource(IReadOnlyList<ISampleSource> Sources, IReadOnlyList<SampleInput> Inputs, long? Count) : ISeekableSampleSource
    {
        public ISampleReader OpenReader() => OpenReader(0);

        public ISampleReader OpenReader(long first) => new ZippedReader(Sources, first);
    }

    private sealed class ZippedReader(IReadOnlyList<ISampleSource> sources, long first) : ISampleReader
    {
        private readonly ISampleReader[] _readers = [.. sources.Select(source => OpenAt(source, first))];

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            int read = 0, next = 0;
            for (int i = 0; i < _readers.Length; i++)
            {
                if (_readers[i].TryRead([.. destination.Skip(next).Take(sources[i].Inputs.Count)])) read++;
                next += sources[i].Inputs.Count;
            }
            if (read > 0 && read < _readers.Length)
                throw new AdaptationException(AdaptationError.InputMismatch, "One input's samples end before the others'.");
            return read > 0;
        }

        public void Dispose()
        {
            foreach (ISampleReader reader in _readers) reader.Dispose();
        }
    }

    private sealed record EnumerableSource(IReadOnlyList<SampleInput> Inputs, IEnumerable<float[][]> Samples, long? Count) : ISeekableSampleSource
    {
        public ISampleReader OpenReader() => new Reader(Inputs, Samples.GetEnumerator());

        public ISampleReader OpenReader(long first) => new Reader(Inputs, Samples.Skip(checked((int)first)).GetEnumerator()) { Index = first };
    }

    private sealed class Reader(IReadOnlyList<SampleInput> inputs, IEnumerator<float[][]> samples) : ISampleReader
    {
        public long Index { get; set; }

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (!samples.MoveNext()) return false;
            for (int i = 0; i < inputs.Count; i++)
            {
                float[]? tensor = i < samples.Current.Length ? samples.Current[i] : null;
                if (tensor?.Length != inputs[i].Length)
                {
                    throw new AdaptationException(AdaptationError.InputMismatch, string.Create(CultureInfo.InvariantCulture,
                        $"Sample {Index} has {tensor?.Length ?? 0} values for input {inputs[i]}, expected {inputs[i].Length}."));
                }
                tensor.CopyTo(destination[i]);
            }
            Index++;
            return true;
        }

        public void Dispose() => samples.Dispose();
    }
}
