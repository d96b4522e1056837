using System.Globalization;
using AdaBN.Domains;
using AdaBN.Forms;
using AdaBN.Onnx;

namespace AdaBN;

/// <summary>What a bank does with the id of a domain that it does not hold.</summary>
public enum UnknownDomain
{
    /// <summary>It scores with the source's statistics, as for <see cref="DomainBank.SourceId"/>.</summary>
    UsesSource,

    /// <summary>ONNX Runtime refuses the whole batch (a Gather out of bounds, whose name says why). Only where some domain of the bank changes a layer: else ids decide nothing.</summary>
    Fails,
}

/// <summary>
/// One model for many domains: a single ONNX file with the statistics of each, picked by an int64 input: N×1, an id for each row, or 1×1, one for the batch
/// (domain-specific BatchNormalization; conditional instance normalization's idea, Dumoulin et al., arXiv 1610.07629, on statistics). The source model stays in
/// it byte for byte (brought into inference form, or its functions written out, only where an adaptation would do that too): a bank gives it back, and for the source's own id computes its very bits. Immutable: every change gives a new bank.
/// </summary>
/// <remarks>
/// Behind each layer that some domain changes stand a Mul and an Add with the domain's numbers; other layers cost nothing. A domain takes some 25 bytes a channel: 8 for these
/// numbers, the rest for its statistics, kept in the metadata. Standard operators only, from operator set 7; loads wherever the source model does.
/// </remarks>
public sealed partial class DomainBank
{
    /// <summary>The id of the source's own statistics; domains have ids from 1.</summary>
    public const long SourceId = 0;

    /// <summary>What the metadata keys of the domains' statistics begin with; the id follows.</summary>
    public const string MetadataPrefix = "adabn.domain.";

    private readonly BankHeader _header;
    private readonly Entry[] _entries;

    private DomainBank(OnnxModel source, BankHeader header, Entry[] entries)
    {
        (Source, _header, _entries) = (source, header with { Domains = [.. entries.Select(entry => new BankHeader.Entry(entry.Id, entry.Name))] }, entries);
        Domains = [.. entries.Select(entry => new BankedDomain(entry.Id, entry.Name))];
    }

    /// <summary>The source model, without any domain. Adapt this one to a further domain. It is not to be edited.</summary>
    public OnnxModel Source { get; }

    /// <summary>SHA-256 of the source model's file, in lower-case hex.</summary>
    public string SourceSha256 => _header.SourceSha256;

    /// <summary>Name of the input that picks domains, int64: N×1, or 1×1 for all rows. A scalar column of ML.NET fits as it is. Null where the bank tells domains from the image.</summary>
    public string? InputName => _header.Input;

    /// <summary>Whether the model tells each image's domain from the image itself (<see cref="AdaptMixed"/>): it has the source model's inputs then, and no other.</summary>
    public bool TellsDomains => _header.Router is not null;

    /// <summary>What an unknown id does.</summary>
    public UnknownDomain Unknown => _header.Unknown;

    /// <summary>The domains, in the order in which they came.</summary>
    public IReadOnlyList<BankedDomain> Domains { get; }

    /// <summary>Whether a model is a bank.</summary>
    public static bool IsBank(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Metadata.Any(entry => entry.Key == BankHeader.MetadataKey);
    }

    /// <summary>A bank without any domain.</summary>
    /// <param name="source">The source model.</param>
    /// <param name="inputName">A name for the input that picks domains.</param>
    /// <param name="unknown">What an unknown id does.</param>
    /// <exception cref="AdaptationException">The model is a bank already, its operator set is too old, or the name is taken in it.</exception>
    public static DomainBank Of(OnnxModel source, string inputName = "domain", UnknownDomain unknown = UnknownDomain.UsesSource)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentException.ThrowIfNullOrWhiteSpace(inputName);
        DomainBank empty = Empty(source, inputName, unknown);
        if (source.Graph.TryGetValue(inputName, out _)) throw new AdaptationException(AdaptationError.InputMismatch, $"The model has a value named '{inputName}' already; give the input that picks domains another name.");
        return empty;
    }

    private static DomainBank Empty(OnnxModel source, string? inputName, UnknownDomain unknown)
    {
        if (IsBank(source)) throw new AdaptationException(AdaptationError.InvalidPatch, "The model is a bank of domains already; open it (DomainBank.Open).");
        BankGraph.CheckOpset(source);
        return new DomainBank(source.Clone(), new BankHeader(BankHeader.FormatName, BankHeader.CurrentVersion, inputName, unknown, source.Sha256, "", SourceId + 1, [], Router: null), []);
    }

    /// <summary>Opens a bank that was saved.</summary>
    /// <param name="bank">The model that <see cref="ToModel"/> gave; it is not changed.</param>
    /// <exception cref="AdaptationException">It is no bank, or another tool has changed it.</exception>
    public static DomainBank Open(OnnxModel bank)
    {
        ArgumentNullException.ThrowIfNull(bank);
        BankHeader header = BankHeader.In(bank)
            ?? throw new AdaptationException(AdaptationError.InvalidPatch, $"The model is no bank of domains (it has no metadata entry '{BankHeader.MetadataKey}'). 'adabn bank add MODEL --domain NAME --data X --out BANK.onnx' makes one.");
        OnnxModel source = bank.StemmingFrom(header.SourceSha256);
        IReadOnlyList<IReadOnlyDictionary<string, DomainCorrection>> corrections;
        try
        {
            corrections = BankGraph.TakeOut(source, header.Input, [.. header.Domains.Select(domain => domain.Id)]);
        }
        catch (OnnxModelException e)
        {
            throw new AdaptationException(AdaptationError.InvalidPatch, $"The domains cannot be taken out of the bank: {e.Message} Make the bank anew from the source model and exported domains.", e);
        }
        Dictionary<string, string> metadata = bank.Metadata.GroupBy(entry => entry.Key).ToDictionary(entry => entry.Key, entry => entry.First().Value);
        Entry[] entries = [.. header.Domains.Zip(corrections, (domain, correction) => new Entry(domain.Id, domain.Name, correction, metadata.GetValueOrDefault(BankHeader.KeyOf(domain.Id))
            ?? throw new AdaptationException(AdaptationError.InvalidPatch, $"The bank has lost the statistics of domain '{domain.Name}' (metadata entry '{BankHeader.KeyOf(domain.Id)}'). Make the bank anew from the source model and exported domains.")))];
        BankHeader.RemoveFrom(source);
        if (BankHeader.HashOf(source) is var found && found != header.BaseSha256)
        {
            throw new AdaptationException(AdaptationError.InvalidPatch,
                $"Without its domains the bank is not the model that it was made from (SHA-256 {found}, expected {header.BaseSha256}): another tool has changed it. Make the bank anew from the source model and exported domains.");
        }
        return new DomainBank(source, header, entries);
    }

    /// <summary>The bank with one more domain, or with a domain's statistics replaced.</summary>
    /// <param name="patch">The statistics: <see cref="AdaptationResult.ToPatch"/>. A domain of the same name keeps its id and place, everything else of the bank its bytes.</param>
    /// <param name="id">The id of a new domain, from 1; default: the next one that was never used.</param>
    /// <exception cref="AdaptationException">The patch is of another model, the model has a form that a bank cannot hold, or the bank tells domains from the image and not this one.</exception>
    /// <exception cref="ArgumentException">The id is taken, or not above 0.</exception>
    public DomainBank With(DomainPatch patch, long? id = null)
    {
        ArgumentNullException.ThrowIfNull(patch);
        patch.CheckIsOf(SourceSha256);
        Check(patch.Domain, id);
        int at = Array.FindIndex(_entries, entry => entry.Name == patch.Domain);
        long chosen = at >= 0 ? _entries[at].Id : id ?? _header.NextId;
        OnnxModel source = Source;
        IReadOnlyDictionary<string, DomainCorrection> corrections = new Dictionary<string, DomainCorrection>();
        if (patch.Layers.Count > 0)
        {
            WorkingModel working = PatchedLayers.Find(source, patch, out IReadOnlyList<DecidedLayer> decided);
            bool isUntouched = _entries.All(entry => entry.Corrections.Count == 0); // no domain before this one changed a layer
            if (isUntouched && !(DomainCorrection.AreIn(source, working.Layers) && BatchNormForm.AreInference(source))) source = working.Target;
            corrections = DomainCorrection.Of(source, working.Model, decided);
        }
        var entry = new Entry(chosen, patch.Domain, corrections, PatchFile.Pack(patch));
        Entry[] entries = at < 0 ? [.. _entries, entry] : [.. _entries[..at], entry, .. _entries[(at + 1)..]];
        return new DomainBank(source, _header with { NextId = Math.Max(_header.NextId, checked(chosen + 1)) }, entries);
    }

    /// <summary>The bank without a domain. Its id becomes unknown, and is never given again.</summary>
    /// <exception cref="ArgumentException">The bank has no such domain.</exception>
    public DomainBank Without(string domain) => new(Source, _header, [.. _entries.Except([Find(domain)])]);

    /// <summary>The same bank with another answer to unknown ids.</summary>
    public DomainBank WithUnknown(UnknownDomain unknown) => new(Source, _header with { Unknown = unknown }, _entries);

    /// <summary>A domain's statistics, for the same model elsewhere.</summary>
    /// <exception cref="ArgumentException">The bank has no such domain.</exception>
    /// <exception cref="AdaptationException">The statistics are damaged.</exception>
    public DomainPatch Export(string domain)
    {
        Entry entry = Find(domain);
        return PatchFile.Unpack(entry.Packed, BankHeader.KeyOf(entry.Id));
    }

    /// <summary>The bank as a model, to be saved and scored; the same bank gives the same bytes.</summary>
    /// <exception cref="AdaptationException">The bank holds no domain.</exception>
    public OnnxModel ToModel()
    {
        if (_entries.Length == 0) throw new AdaptationException(AdaptationError.EmptyData, "The bank holds no domain; it would be the source model with an input that does nothing.");
        OnnxModel model = Source.Clone();
        BankGraph.Write(model, InputName, _header.Router, Unknown, [.. _entries.Select(entry => (entry.Id, entry.Corrections))]);
        (_header with { BaseSha256 = BankHeader.HashOf(Source) }).WriteInto(model);
        foreach (Entry entry in _entries) model.SetMetadata(BankHeader.KeyOf(entry.Id), entry.Packed);
        return model;
    }

    /// <summary>Refuses a bank where a source model is expected.</summary>
    internal static void Refuse(OnnxModel model)
    {
        if (!IsBank(model)) return;
        throw new AdaptationException(AdaptationError.UnsupportedForm,
            "The model is a bank of domains; what can be adapted or rewritten is the source model in it: in code DomainBank.Open(model).Source (or DomainBank.Adapt), on the command line 'adabn bank add' (or 'adabn bank export --source').");
    }

    private Entry Find(string domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        return Array.Find(_entries, entry => entry.Name == domain)
            ?? throw new ArgumentException($"The bank has no domain '{domain}'; it has {(_entries.Length == 0 ? "none" : string.Join(", ", _entries.Select(entry => $"'{entry.Name}'")))}.", nameof(domain));
    }

    /// <summary>Refuses a name and an id that <see cref="With"/> would refuse, before there are statistics to give them.</summary>
    /// <param name="domain">The domain's name.</param>
    /// <param name="id">Its id; null for the one that it has, or else the next.</param>
    /// <exception cref="ArgumentException">The id is taken or out of range, or the name cannot be one.</exception>
    /// <exception cref="AdaptationException">The bank tells domains from the image (<see cref="TellsDomains"/>), and not this one.</exception>
    public void Check(string domain, long? id = null)
    {
        DomainPatch.CheckName(domain);
        int replaced = Array.FindIndex(_entries, entry => entry.Name == domain);
        if (TellsDomains && replaced < 0) throw new AdaptationException(AdaptationError.UnsupportedForm, $"The bank tells domains from the image and would never pick '{domain}'; replace one of its own, or find the domains anew with images of all.");
        id ??= replaced < 0 ? _header.NextId : null;
        if (id is null) return;
        if (id <= SourceId || id > BankHeader.LargestId) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"The id of a domain is {id}, expected from 1 (0 is the source's own) to {BankHeader.LargestId}."), nameof(id));
        Entry? other = Array.Find(_entries, entry => entry.Id == id);
        if (replaced >= 0 ? _entries[replaced] != other : other is not null)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"{(replaced >= 0 ? $"Domain '{_entries[replaced].Name}' has the id {_entries[replaced].Id}, which stays; {id} was given" : $"The id {id} is that of domain '{other!.Name}'")}. Leave the id out, or remove that domain first."), nameof(id));
        }
    }

    private sealed record Entry(long Id, string Name, IReadOnlyDictionary<string, DomainCorrection> Corrections, string Packed);
}

/// <summary>A domain of a bank.</summary>
/// <param name="Id">The number that picks it; it stays the same as long as the domain is in the bank.</param>
/// <param name="Name">Its name.</param>
public sealed record BankedDomain(long Id, string Name);
