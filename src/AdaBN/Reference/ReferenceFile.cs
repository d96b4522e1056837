using System.Globalization;
using System.IO.Compression;
using System.Text.Json;

namespace AdaBN.Reference;

/// <summary>
/// Reference statistics as JSON: format and version first; numbers in the shortest form that reads back as the same double. In a model's
/// metadata the same, compressed, in base64.
/// </summary>
internal static class ReferenceFile
{
    public const string MetadataKey = "adabn.reference";
    private const string Format = "adabn reference";
    private const int Version = 1;
    private const long LongestFile = 1L << 29;
    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web) { RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    public static void Write(ReferenceStatistics reference, Stream stream) => JsonSerializer.Serialize(stream, new Content(
        Format, Version, reference.ComputationSha256, reference.ModelSha256, reference.Samples, reference.ToolVersion, reference.Layers), JsonOptions);

    /// <summary>Reads a file to its end.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="where">What to call it in errors.</param>
    public static ReferenceStatistics Read(Stream stream, string where)
    {
        byte[] json = ReadAll(stream, where);
        try
        {
            Header header = JsonSerializer.Deserialize<Header>(json, JsonOptions) ?? throw new JsonException("It is null.");
            if (header.Format != Format) throw Invalid(where, $"it is no file of reference statistics (no \"format\": \"{Format}\" in it)");
            if (header.Version != Version)
            {
                throw Invalid(where, string.Create(CultureInfo.InvariantCulture,
                    $"it has version {header.Version} of the format, this library reads version {Version}; use the library that wrote it, or measure anew"));
            }
            Content content = JsonSerializer.Deserialize<Content>(json, JsonOptions)!;
            if (content.Layers.Any(layer => layer is null)) throw new JsonException("A layer is null.");
            if (content.Layers.Select(layer => layer.Output).Distinct().Count() < content.Layers.Count) throw new JsonException("A layer is listed twice.");
            if (content.Layers.FirstOrDefault(IsDamaged) is { } damaged) throw new JsonException($"The numbers of layer '{damaged.Name}' are none that a mean and a variance can be, or not as many means as variances.");
            return new ReferenceStatistics(content.ComputationSha256, content.ModelSha256, content.Samples, content.ToolVersion, content.Layers);
        }
        catch (JsonException e)
        {
            throw Invalid(where, $"it is damaged or no file of reference statistics ({e.Message})", e);
        }
    }

    public static string Pack(ReferenceStatistics reference)
    {
        using var packed = new MemoryStream();
        using (var compressor = new BrotliStream(packed, CompressionLevel.Optimal, leaveOpen: true)) Write(reference, compressor);
        return Convert.ToBase64String(packed.GetBuffer(), 0, (int)packed.Length);
    }

    public static ReferenceStatistics Unpack(string text)
    {
        const string where = $"The model's metadata entry '{MetadataKey}'";
        try
        {
            using var unpacked = new BrotliStream(new MemoryStream(Convert.FromBase64String(text)), CompressionMode.Decompress);
            return Read(unpacked, where);
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or InvalidDataException)
        {
            throw Invalid(where, $"it is damaged ({e.Message})", e);
        }
    }

    private static byte[] ReadAll(Stream stream, string where)
    {
        using var all = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (stream.Read(buffer) is > 0 and var read)
        {
            bool startsAsJson = all.Length > 0 || buffer.AsSpan(0, read).TrimStart(" \t\r\n"u8) is [(byte)'{', ..];
            if (!startsAsJson || all.Length + read > LongestFile) throw Invalid(where, startsAsJson ? "it is too long for reference statistics" : "it is no file of reference statistics");
            all.Write(buffer, 0, read);
        }
        return all.ToArray();
    }

    private static bool IsDamaged(ReferenceLayer layer) =>
        layer.Mean.Count != layer.Variance.Count || layer.Mean.Count == 0
        || !layer.Mean.All(mean => double.IsFinite((float)mean)) || !layer.Variance.All(variance => variance >= 0 && double.IsFinite((float)variance));

    private static AdaptationException Invalid(string where, string what, Exception? cause = null) =>
        new(AdaptationError.InvalidReference, $"{where} cannot be read: {what}. 'adabn reference MODEL --data SOURCE.npy --out FILE' writes one.", cause);

    private sealed record Header(string Format, int Version);

    private sealed record Content(
        string Format, int Version, string ComputationSha256, string ModelSha256, long Samples, string ToolVersion, IReadOnlyList<ReferenceLayer> Layers);
}
