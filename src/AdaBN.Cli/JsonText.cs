using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace AdaBN.Cli;

/// <summary>What commands print as JSON: camelCase, indented; infinite numbers as the strings <c>"Infinity"</c> and <c>"-Infinity"</c>.</summary>
internal static class JsonText
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static string Of<T>(T content) => JsonSerializer.Serialize(content, Options);

    /// <summary>A report with more properties behind its own.</summary>
    public static string Of<T>(string report, T more)
    {
        JsonObject all = JsonNode.Parse(report)!.AsObject();
        foreach ((string name, JsonNode? value) in JsonSerializer.SerializeToNode(more, Options)!.AsObject()) all[name] = value?.DeepClone();
        return all.ToJsonString(Options);
    }
}
