using AdaBN.Reference;

namespace AdaBN.Domains;

/// <summary>A domain's statistics as a file, and in the metadata of a bank.</summary>
internal static class PatchFile
{
    private const string Format = "adabn domain";
    private const int Version = 1;
    private static readonly VersionedJson<Content> Json = new(
        Format, Version, "a domain's statistics", AdaptationError.InvalidPatch, "'adabn bank export BANK --domain NAME --out FILE' writes one.");

    public static void Write(DomainPatch patch, Stream stream) => Json.Write(ContentOf(patch), stream);

    /// <summary>Reads a file to its end.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="where">What to call it in errors.</param>
    public static DomainPatch Read(Stream stream, string where) => Of(Json.Read(stream, where, Fault));

    public static string Pack(DomainPatch patch) => Json.Pack(ContentOf(patch));

    public static DomainPatch Unpack(string text, string metadataKey) => Of(Json.Unpack(text, $"The model's metadata entry '{metadataKey}'", Fault));

    private static string? Fault(Content content)
    {
        if (string.IsNullOrWhiteSpace(content.Domain)) return "The domain has no name.";
        if (content.Layers.Any(layer => layer is null)) return "A layer is null.";
        if (content.Layers.Select(layer => layer.Output).Distinct().Count() < content.Layers.Count) return "A layer is listed twice.";
        return content.Layers.FirstOrDefault(IsDamaged) is { } damaged ? $"The numbers of layer '{damaged.Name}' are none that a mean and a variance can be, or not as many of each." : null;
    }

    private static bool IsDamaged(PatchLayer layer) =>
        !VersionedJson.AreStatistics(layer.Mean, layer.Variance)
        || (layer.Source is { } source && (source.Mean.Count != layer.Mean.Count || !VersionedJson.AreStatistics(source.Mean, source.Variance)));

    private static Content ContentOf(DomainPatch patch) =>
        new(Format, Version, patch.Domain, patch.ModelSha256, patch.Method, patch.Verdict, patch.Samples, patch.LayersMeasured, patch.ToolVersion, patch.Layers);

    private static DomainPatch Of(Content content) =>
        new(content.Domain, content.ModelSha256, content.Method, content.Verdict, content.Samples, content.LayersMeasured, content.ToolVersion, content.Layers);

    private sealed record Content(
        string Format, int Version, string Domain, string ModelSha256, string Method, VerdictKind Verdict, long Samples, int LayersMeasured, string ToolVersion, IReadOnlyList<PatchLayer> Layers);
}
