using System.Globalization;
using System.IO.Compression;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace AdaBN.Reference;

/// <summary>
/// A kind of JSON file: format and version first, numbers in the shortest form that reads back as the same. In a model's metadata the same,
/// compressed, in base64. Nothing in a file is trusted.
/// </summary>
/// <param name="format">The format's name, in the file's first property.</param>
/// <param name="version">The only version that is read.</param>
/// <param name="what">What the file holds, for errors.</param>
/// <param name="error">The error where it cannot be read.</param>
/// <param name="howToWrite">The sentence that tells how to get a good one.</param>
internal sealed class VersionedJson<TContent>(string format, int version, string what, AdaptationError error, string howToWrite)
    where TContent : class
{
    private const long LongestFile = 1L << 29;
    private readonly JsonSerializerOptions _options = new(JsonSerializerDefaults.Web)
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    /// <summary>Writes a content, whose first properties are the format and the version.</summary>
    public void Write(TContent content, Stream stream) => JsonSerializer.Serialize(stream, content, _options);

    /// <summary>Reads a file to its end.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="where">What to call it in errors.</param>
    /// <param name="fault">What is wrong with the content, or null.</param>
    public TContent Read(Stream stream, string where, Func<TContent, string?> fault)
    {
        byte[] json = ReadAll(stream, where);
        try
        {
            Header header = JsonSerializer.Deserialize<Header>(json, _options) ?? throw new JsonException("It is null.");
            if (header.Format != format) throw Invalid(where, $"it is no file of {what} (no \"format\": \"{format}\" in it)");
            if (header.Version != version)
            {
                throw Invalid(where, string.Create(CultureInfo.InvariantCulture,
                    $"it has version {header.Version} of the format, this library reads version {version}; use the library that wrote it, or make it anew"));
            }
            TContent content = JsonSerializer.Deserialize<TContent>(json, _options)!;
            if (fault(content) is { } found) throw new JsonException(found);
            return content;
        }
        catch (JsonException e)
        {
            throw Invalid(where, $"it is damaged or no file of {what} ({e.Message})", e);
        }
    }

    /// <summary>The same as text.</summary>
    public string WriteText(TContent content) => JsonSerializer.Serialize(content, _options);

    public TContent ReadText(string text, string where, Func<TContent, string?> fault) => Read(new MemoryStream(Encoding.UTF8.GetBytes(text)), where, fault);

    public string Pack(TContent content)
    {
        using var packed = new MemoryStream();
        using (var compressor = new BrotliStream(packed, CompressionLevel.Optimal, leaveOpen: true)) Write(content, compressor);
        return Convert.ToBase64String(packed.GetBuffer(), 0, (int)packed.Length);
    }

    public TContent Unpack(string text, string where, Func<TContent, string?> fault)
    {
        try
        {
            using var unpacked = new BrotliStream(new MemoryStream(Convert.FromBase64String(text)), CompressionMode.Decompress);
            return Read(unpacked, where, fault);
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or InvalidDataException)
        {
            throw Invalid(where, $"it is damaged ({e.Message})", e);
        }
    }

    private byte[] ReadAll(Stream stream, string where)
    {
        using var all = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (stream.Read(buffer) is > 0 and var read)
        {
            bool startsAsJson = all.Length > 0 || buffer.AsSpan(0, read).TrimStart(" \t\r\n"u8) is [(byte)'{', ..];
            if (!startsAsJson || all.Length + read > LongestFile) throw Invalid(where, startsAsJson ? $"it is too long for {what}" : $"it is no file of {what}");
            all.Write(buffer, 0, read);
        }
        return all.ToArray();
    }

    private AdaptationException Invalid(string where, string why, Exception? cause = null) => new(error, $"{where} cannot be read: {why}. {howToWrite}", cause);

    private sealed record Header(string Format, int Version);
}

/// <summary>What all kinds of files check.</summary>
internal static class VersionedJson
{
    /// <summary>Whether numbers can be means and variances of channels, as many of each, in float32.</summary>
    public static bool AreStatistics<T>(IReadOnlyList<T> mean, IReadOnlyList<T> variance)
        where T : INumberBase<T>, IComparisonOperators<T, T, bool> =>
        mean.Count == variance.Count && mean.Count > 0 && mean.All(IsFloat) && variance.All(number => number >= T.Zero && IsFloat(number));

    private static bool IsFloat<T>(T number) where T : INumberBase<T> => float.IsFinite(float.CreateTruncating(number));
}
