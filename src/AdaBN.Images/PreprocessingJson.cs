using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace AdaBN.Images;

/// <summary>A <see cref="Preprocessing"/> as JSON; names and values are those of docs/preprocessing.md.</summary>
internal static class PreprocessingJson
{
    private static readonly JsonWriterOptions _oneLine = new() { Indented = false };

    public static string Write(Preprocessing value)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, _oneLine))
        {
            json.WriteStartObject();
            if (value.Size is { } size) WriteNumbers(json, "size", [size.Height, size.Width]);
            json.WriteString("fit", NameOf(value.Fit));
            json.WriteNumber("cropShare", value.CropShare);
            json.WriteString("resampling", NameOf(value.Resampling));
            if (value.Colors is { } colors) json.WriteString("colors", NameOf(colors));
            if (value.Layout is { } layout) json.WriteString("layout", NameOf(layout));
            json.WriteNumber("scale", value.Scale);
            WriteNumbers(json, "mean", value.Mean);
            WriteNumbers(json, "std", value.StandardDeviation);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    public static Preprocessing Read(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 4 });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new InvalidDataException("Preprocessing is a JSON object, such as { \"preset\": \"imagenet\" }.");
            JsonProperty[] properties = [.. document.RootElement.EnumerateObject()];
            if (properties.GroupBy(property => property.Name).FirstOrDefault(group => group.Count() > 1) is { } twice) throw new InvalidDataException($"'{twice.Key}' stands there twice.");
            Preprocessing start = properties.Where(property => property.NameEquals("preset")).Select(property => Preset(Text(property.Value))).FirstOrDefault() ?? new Preprocessing();
            Preprocessing read = properties.Aggregate(start, With);
            read.Validate();
            return read;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new InvalidDataException(e is JsonException ? $"This is no JSON ({e.Message})." : e.Message, e);
        }
    }

    private static Preprocessing Preset(string name) => Preprocessing.Presets.GetValueOrDefault(name)
        ?? throw new InvalidDataException($"There is no preset '{name}', only {string.Join(", ", Preprocessing.Presets.Keys)}.");

    private static Preprocessing With(Preprocessing read, JsonProperty property) => property.Name switch
    {
        "preset" => read,
        "size" => read with { Size = property.Value.ValueKind == JsonValueKind.Null ? null : SizeOf(property.Value) },
        "fit" => read with { Fit = Named<Fit>(property) },
        "cropShare" => read with { CropShare = property.Value.GetDouble() },
        "resampling" => read with { Resampling = Named<Resampling>(property) },
        "colors" => read with { Colors = Named<PixelColors>(property) },
        "layout" => read with { Layout = Named<PixelLayout>(property) },
        "scale" => read with { Scale = property.Value.GetDouble() },
        "mean" => read with { Mean = Numbers(property) },
        "std" => read with { StandardDeviation = Numbers(property) },
        _ => throw new InvalidDataException($"'{property.Name}' is not known here, only preset, size, fit, cropShare, resampling, colors, layout, scale, mean, std."),
    };

    private static ImageSize SizeOf(JsonElement value)
    {
        int[] sides = [.. (value.ValueKind == JsonValueKind.Number ? [value, value] : value.EnumerateArray().ToArray()).Select(side => side.GetInt32())];
        return sides is [var height, var width] ? new ImageSize(height, width) : throw new InvalidDataException("'size' is a height and a width, such as [224, 224].");
    }

    private static ImmutableArray<double> Numbers(JsonProperty property) =>
        property.Value.ValueKind == JsonValueKind.Number ? [property.Value.GetDouble()] : [.. property.Value.EnumerateArray().Select(number => number.GetDouble())];

    private static T Named<T>(JsonProperty property) where T : struct, Enum
    {
        string text = Text(property.Value);
        foreach (T value in Enum.GetValues<T>())
            if (NameOf(value) == text) return value;
        throw new InvalidDataException($"'{property.Name}' is '{text}', expected {string.Join(", ", Enum.GetValues<T>().Select(NameOf))}.");
    }

    private static string Text(JsonElement value) => value.GetString() ?? "";

    private static string NameOf<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static void WriteNumbers(Utf8JsonWriter json, string name, IReadOnlyList<double> numbers)
    {
        json.WriteStartArray(name);
        foreach (double number in numbers) json.WriteNumberValue(number);
        json.WriteEndArray();
    }
}
