using System.Globalization;
using AdaBN.Storage;

namespace AdaBN.Domains;

/// <summary>Samples of several domains, read once and held by domain, in RAM or beyond the limit in temporary files.</summary>
internal sealed class DomainSplit : IDisposable
{
    private readonly SlotAllocator _allocator;

    public DomainSplit(IDomainSampleSource samples, long maxMemory, string? spillFolder, CancellationToken cancellationToken)
    {
        if (samples.Inputs.Count == 0 || samples.Inputs.Any(input => input.Length == 0))
            throw new AdaptationException(AdaptationError.InputMismatch, $"A sample is {(samples.Inputs.Count == 0 ? "nothing" : string.Join(", ", samples.Inputs.Select(input => input.ToString())))}; expected tensors that hold numbers.");
        _allocator = new SlotAllocator(maxMemory, spillFolder);
        try
        {
            using IDomainSampleReader reader = samples.OpenReader();
            Memory<float>[] sample = [.. samples.Inputs.Select(input => new float[input.Length].AsMemory())];
            for (long i = 0; reader.TryRead(sample); i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (reader.Domain <= DomainBank.SourceId)
                {
                    throw new AdaptationException(AdaptationError.InputMismatch, string.Create(CultureInfo.InvariantCulture,
                        $"Sample {i} (counting from 0) is of domain {reader.Domain}, expected 1 or more: {DomainBank.SourceId} is the source's own, which is not adapted to. Leave these samples out, or give them another id."));
                }
                if (!Domains.TryGetValue(reader.Domain, out HeldSamples? held)) Domains.Add(reader.Domain, held = new HeldSamples(samples.Inputs, _allocator));
                held.Add(sample);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Each domain's samples, by id.</summary>
    public SortedDictionary<long, HeldSamples> Domains { get; } = [];

    public void Dispose() => _allocator.Dispose();
}
