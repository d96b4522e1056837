using System.Text.Json;
using System.Text.Json.Serialization;

namespace AdaBN.Reporting;

/// <summary>Reports as JSON: camelCase, indented; infinite numbers as the strings <c>"Infinity"</c> and <c>"-Infinity"</c>.</summary>
internal static class ReportJson
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static string Write<T>(T report) => JsonSerializer.Serialize(report, Options);
}
