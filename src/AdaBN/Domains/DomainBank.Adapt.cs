using System.Collections.Immutable;
using System.Globalization;
using AdaBN.Storage;

namespace AdaBN;

public sealed partial class DomainBank
{
    /// <summary>Adapts the source model to every domain that the samples are of, reading them once. Domains that the bank holds already are replaced.</summary>
    /// <param name="samples">Samples of one or many domains, in any order.</param>
    /// <param name="options">Settings, for each domain by itself (so is <see cref="AdaptationOptions.MaxSamples"/>); defaults where null.</param>
    /// <param name="nameOf">Names for new domains, by id; default: the id itself.</param>
    /// <param name="progress">Told after each batch, from worker threads; the stages of all domains are counted together.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>The bank and each domain's report, by id.</returns>
    /// <exception cref="AdaptationException">The model or the samples cannot be used; for the samples of one domain, the message begins with it.</exception>
    /// <exception cref="ArgumentException">The options are out of range, labelled samples, own samples or a state file are given, or an id or a name does not fit the bank's own.</exception>
    public DomainBankResult Adapt(
        IDomainSampleSource samples, AdaptationOptions? options = null, Func<long, string>? nameOf = null, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(samples);
        options ??= new AdaptationOptions();
        options.Validate();
        RefuseWhatIsOfOne(options);
        using var allocator = new SlotAllocator(HalfOf(options), options.SpillFolder);
        HeldSamples held = Hold(samples, allocator, out List<long> ids, cancellationToken);
        return Adapt(held, ids, options, nameOf, progress, cancellationToken);
    }

    private DomainBankResult Adapt(
        HeldSamples held, IReadOnlyList<long> ids, AdaptationOptions options, Func<long, string>? nameOf, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
    {
        if (ids.Count == 0) throw new AdaptationException(AdaptationError.EmptyData, "The data holds no sample; give at least one image of each domain (better: 64 or more).");
        (long Id, int[] Samples)[] domains = [.. ids.Index().GroupBy(sample => sample.Item, sample => sample.Index).OrderBy(domain => domain.Key).Select(domain => (domain.Key, domain.ToArray()))];
        Dictionary<long, string> names = domains.Select(domain => domain.Id).ToDictionary(id => id, id => Domains.FirstOrDefault(domain => domain.Id == id)?.Name ?? nameOf?.Invoke(id) ?? id.ToString(CultureInfo.InvariantCulture));
        foreach ((long id, string name) in names) Check(name, id); // before anything is computed
        if (names.Values.CountBy(name => name).FirstOrDefault(count => count.Value > 1).Key is { } twice) throw new ArgumentException($"Two domains would have the name '{twice}'; give each its own.", nameof(nameOf));
        DomainBank bank = this;
        Dictionary<long, AdaptationReport> reports = [];
        foreach ((long id, int[] samples) in domains)
        {
            string name = names[id];
            try
            {
                AdaptationResult result = BatchNormAdapter.Adapt(
                    Source, held.Only(samples), options with { MaxMemory = HalfOf(options) }, progress is null ? null : new OneOf(progress, reports.Count, domains.Length), cancellationToken);
                bank = bank.With(result.ToPatch(name), id);
                reports.Add(id, result.Report);
            }
            catch (AdaptationException e)
            {
                throw new AdaptationException(e.Error, $"Domain '{name}': {e.Message}", e);
            }
        }
        return new DomainBankResult(bank, reports);
    }

    /// <summary>Half of the memory is for the samples, half for the activations of one domain.</summary>
    private static long HalfOf(AdaptationOptions options) => options.EffectiveMaxMemory / 2;

    private static HeldSamples Hold(IDomainSampleSource samples, SlotAllocator allocator, out List<long> ids, CancellationToken cancellationToken)
    {
        if (samples.Inputs.Count == 0 || samples.Inputs.Any(input => input.Length == 0))
            throw new AdaptationException(AdaptationError.InputMismatch, $"A sample is {(samples.Inputs.Count == 0 ? "nothing" : string.Join(", ", samples.Inputs.Select(input => input.ToString())))}; expected tensors that hold numbers.");
        var held = new HeldSamples(samples.Inputs, allocator);
        ids = [];
        using IDomainSampleReader reader = samples.OpenReader();
        Memory<float>[] sample = [.. samples.Inputs.Select(input => new float[input.Length].AsMemory())];
        while (reader.TryRead(sample))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (reader.Domain <= SourceId)
            {
                throw new AdaptationException(AdaptationError.InputMismatch, string.Create(CultureInfo.InvariantCulture,
                    $"Sample {ids.Count} (counting from 0) is of domain {reader.Domain}, expected 1 or more: {SourceId} is the source's own, which is not adapted to. Leave these samples out, or give them another id."));
            }
            held.Add(sample);
            ids.Add(reader.Domain);
        }
        return held;
    }

    private static void RefuseWhatIsOfOne(AdaptationOptions options)
    {
        if (options.OwnSamples || options.StateFile is not null) throw new ArgumentException($"{(options.OwnSamples ? nameof(options.OwnSamples) : nameof(options.StateFile))} is of one domain's adaptation; adapt to each by itself ({nameof(BatchNormAdapter)}.{nameof(BatchNormAdapter.Adapt)}) and add it ({nameof(With)}).", nameof(options));
        if (options.Labelled is not null) throw new ArgumentException($"Labelled samples are of one domain; adapt that one by itself ({nameof(BatchNormAdapter)}.{nameof(BatchNormAdapter.Adapt)}) and add it ({nameof(With)}).", nameof(options));
    }

    /// <summary>Progress of one domain among all.</summary>
    private sealed class OneOf(IProgress<AdaptationProgress> whole, int index, int domains) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value) => whole.Report(value with { Stage = (index * value.StageCount) + value.Stage, StageCount = domains * value.StageCount });
    }
}

/// <summary>What adapting to many domains gives back.</summary>
/// <param name="Bank">The bank.</param>
/// <param name="Reports">What was measured, by the domains' ids.</param>
public sealed record DomainBankResult(DomainBank Bank, IReadOnlyDictionary<long, AdaptationReport> Reports)
{
    /// <summary>The domain that each sample was found to be of, in the order of reading (<see cref="DomainBank.AdaptMixed"/>); empty where the samples said so themselves.</summary>
    public ImmutableArray<long> Assigned { get; init; } = [];
}
