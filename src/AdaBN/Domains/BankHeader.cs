using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaBN.Onnx;

namespace AdaBN.Domains;

/// <summary>What a bank's metadata tells of it, as JSON; each domain's statistics have an entry of their own.</summary>
/// <param name="Format">Name of the format.</param>
/// <param name="Version">Its version.</param>
/// <param name="Input">The input that picks domains.</param>
/// <param name="Unknown">What an unknown id does.</param>
/// <param name="SourceSha256">SHA-256 of the source model's file.</param>
/// <param name="BaseSha256">SHA-256 of the file without its domains: the same, unless the source had to be brought into another form.</param>
/// <param name="NextId">The id that the next domain gets: never one that a removed domain had.</param>
/// <param name="Domains">Ids and names, in the order of the tables' rows.</param>
/// <param name="Router">What tells an image's domain where there is no such input.</param>
internal sealed record BankHeader(string Format, int Version, string Input, UnknownDomain Unknown, string SourceSha256, string BaseSha256, long NextId, IReadOnlyList<BankHeader.Entry> Domains,
    DomainRouter? Router = null)
{
    public const string MetadataKey = "adabn.bank", FormatName = "adabn bank";
    public const int CurrentVersion = 1;
    public const long LargestId = long.MaxValue - 1;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    /// <summary>The header of a bank; null for a model that is none.</summary>
    /// <exception cref="AdaptationException">The entry is damaged.</exception>
    public static BankHeader? In(OnnxModel model)
    {
        if (model.Metadata.FirstOrDefault(entry => entry.Key == MetadataKey) is not { Value: { } text }) return null;
        try
        {
            BankHeader header = JsonSerializer.Deserialize<BankHeader>(text, Json) ?? throw new JsonException("It is null.");
            if (header.Format != FormatName || header.Version != CurrentVersion)
                throw Damaged(string.Create(CultureInfo.InvariantCulture, $"it has version {header.Version} of the format '{header.Format}', this library reads version {CurrentVersion} of '{FormatName}'"));
            bool isSound = header.NextId > DomainBank.SourceId && header.Domains.All(domain => domain is { Id: > DomainBank.SourceId, Name.Length: > 0 } && domain.Id < header.NextId)
                && header.Domains.Select(domain => domain.Id).Distinct().Count() == header.Domains.Count && header.Domains.Select(domain => domain.Name).Distinct().Count() == header.Domains.Count;
            if (header.Router?.Fault() is { } fault) throw Damaged(fault);
            return isSound ? header : throw Damaged("its domains' ids and names are not all different, or out of range");
        }
        catch (JsonException e)
        {
            throw Damaged($"it is damaged ({e.Message})", e);
        }
    }

    public static string KeyOf(long id) => string.Create(CultureInfo.InvariantCulture, $"{DomainBank.MetadataPrefix}{id}");

    public static string HashOf(OnnxModel model) => Convert.ToHexStringLower(SHA256.HashData(model.ToBytes()));

    public void WriteInto(OnnxModel model) => model.SetMetadata(MetadataKey, JsonSerializer.Serialize(this, Json));

    public static void RemoveFrom(OnnxModel model)
    {
        foreach (string key in model.Metadata.Select(entry => entry.Key).Where(key => key == MetadataKey || key.StartsWith(DomainBank.MetadataPrefix, StringComparison.Ordinal)).ToArray()) model.RemoveMetadata(key);
    }

    private static AdaptationException Damaged(string why, Exception? cause = null) =>
        new(AdaptationError.InvalidPatch, $"The model's metadata entry '{MetadataKey}' cannot be read: {why}. Make the bank anew from the source model and exported domains.", cause);

    public sealed record Entry(long Id, string Name);
}
