namespace AdaBN.Reference;

/// <summary>Reference statistics as a file, and in a model's metadata.</summary>
internal static class ReferenceFile
{
    public const string MetadataKey = "adabn.reference";
    private const string Format = "adabn reference";
    private const int Version = 1;
    private static readonly VersionedJson<Content> Json = new(
        Format, Version, "reference statistics", AdaptationError.InvalidReference, "'adabn reference MODEL --data SOURCE.npy --out FILE' writes one.");

    public static void Write(ReferenceStatistics reference, Stream stream) => Json.Write(ContentOf(reference), stream);

    /// <summary>Reads a file to its end.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="where">What to call it in errors.</param>
    public static ReferenceStatistics Read(Stream stream, string where) => Of(Json.Read(stream, where, Fault));

    public static string Pack(ReferenceStatistics reference) => Json.Pack(ContentOf(reference));

    public static ReferenceStatistics Unpack(string text) => Of(Json.Unpack(text, $"The model's metadata entry '{MetadataKey}'", Fault));

    private static string? Fault(Content content)
    {
        if (content.Layers.Any(layer => layer is null)) return "A layer is null.";
        if (content.Layers.Select(layer => layer.Output).Distinct().Count() < content.Layers.Count) return "A layer is listed twice.";
        return content.Layers.FirstOrDefault(IsDamaged) is { } damaged ? $"The numbers of layer '{damaged.Name}' are none that a mean and a variance can be, or not as many means as variances." : null;
    }

    private static bool IsDamaged(ReferenceLayer layer) =>
        !VersionedJson.AreStatistics(layer.Mean, layer.Variance);

    private static Content ContentOf(ReferenceStatistics reference) =>
        new(Format, Version, reference.ComputationSha256, reference.ModelSha256, reference.Samples, reference.ToolVersion, reference.Layers);

    private static ReferenceStatistics Of(Content content) => new(content.ComputationSha256, content.ModelSha256, content.Samples, content.ToolVersion, content.Layers);

    private sealed record Content(
        string Format, int Version, string ComputationSha256, string ModelSha256, long Samples, string ToolVersion, IReadOnlyList<ReferenceLayer> Layers);
}
