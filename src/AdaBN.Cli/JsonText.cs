using System.Text.Json;
using System.Text.Json.Serialization;

namespace AdaBN.Cli;

/// <summary>What commands print as JSON: camelCase, indented.</summary>
internal static class JsonText
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    public static string Of<T>(T content) => JsonSerializer.Serialize(content, Options);
}
