using System.Globalization;
using System.Security.Cryptography;
using AdaBN.Onnx;
using AdaBN.Reference;

namespace AdaBN.Domains;

/// <summary>What a bank's metadata tells of it, as JSON; each domain's statistics have an entry of their own.</summary>
/// <param name="Format">Name of the format.</param>
/// <param name="Version">Its version.</param>
/// <param name="Input">The input that picks domains; null where there is a router.</param>
/// <param name="Unknown">What an unknown id does.</param>
/// <param name="SourceSha256">SHA-256 of the source model's file.</param>
/// <param name="BaseSha256">SHA-256 of the file without its domains: the same, unless the source had to be brought into another form.</param>
/// <param name="NextId">The id that the next domain gets: never one that a removed domain had.</param>
/// <param name="Domains">Ids and names, in the order of the tables' rows.</param>
/// <param name="Router">What tells an image's domain where there is no such input.</param>
internal sealed record BankHeader(string Format, int Version, string? Input, UnknownDomain Unknown, string SourceSha256, string BaseSha256, long NextId, IReadOnlyList<BankHeader.Entry> Domains,
    DomainRouter? Router)
{
    public const string MetadataKey = "adabn.bank", FormatName = "adabn bank";
    public const int CurrentVersion = 1;
    public const long LargestId = long.MaxValue - 1;
    private static readonly VersionedJson<BankHeader> Json = new(FormatName, CurrentVersion, "a bank of domains", AdaptationError.InvalidPatch, "Make the bank anew from the source model and exported domains.");

    /// <summary>The header of a bank; null for a model that is none.</summary>
    /// <exception cref="AdaptationException">The entry is damaged.</exception>
    public static BankHeader? In(OnnxModel model) =>
        model.Metadata.FirstOrDefault(entry => entry.Key == MetadataKey) is { Value: { } text } ? Json.ReadText(text, $"The model's metadata entry '{MetadataKey}'", header => header.Fault()) : null;

    public static string KeyOf(long id) => string.Create(CultureInfo.InvariantCulture, $"{DomainBank.MetadataPrefix}{id}");

    public static string HashOf(OnnxModel model) => Convert.ToHexStringLower(SHA256.HashData(model.ToBytes()));

    public void WriteInto(OnnxModel model) => model.SetMetadata(MetadataKey, Json.WriteText(this));

    public static void RemoveFrom(OnnxModel model)
    {
        foreach (string key in model.Metadata.Select(entry => entry.Key).Where(key => key == MetadataKey || key.StartsWith(DomainBank.MetadataPrefix, StringComparison.Ordinal)).ToArray()) model.RemoveMetadata(key);
    }

    private string? Fault()
    {
        if ((Input is null) != (Router is not null)) return "Domains are picked by an input or told by a router, and this is neither or both.";
        bool areSound = NextId > DomainBank.SourceId && Domains.All(domain => domain is { Id: > DomainBank.SourceId, Name.Length: > 0 } && domain.Id < NextId);
        bool areDifferent = Domains.DistinctBy(domain => domain?.Id).Count() == Domains.Count && Domains.DistinctBy(domain => domain?.Name).Count() == Domains.Count;
        return areSound && areDifferent ? Router?.Fault() : "Its domains' ids and names are not all different, or out of range.";
    }

    public sealed record Entry(long Id, string Name);
}
