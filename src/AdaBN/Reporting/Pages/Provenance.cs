using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Reporting.Pages;

/// <summary>Where a report comes from.</summary>
internal static class Provenance
{
    public static Markup Section(ReportContext context, IEnumerable<(string Name, string Value)> facts)
    {
        IEnumerable<(string Name, string Value)> all =
        [
            .. context.Models.Select((model, i) => (context.Models.Count == 1 ? "Model" : FormattableString.Invariant($"Model {i + 1}"), model)),
            .. facts,
            .. context.Written is { } written ? [("Written", written.Name), ("Written, SHA-256", written.Sha256)] : Array.Empty<(string, string)>(),
            .. context.Data.Select(data => ("Data", data)),
            ("ONNX Runtime", OrtEnv.Instance().GetVersionString()),
            .. context.Settings.Select(setting => (setting.Key, setting.Value)),
        ];
        return Page.Section("Where this comes from", Markup.Of($"<dl class=\"origin\">{all.Select(fact => Markup.Of($"<div><dt>{fact.Name}</dt><dd><bdi>{fact.Value}</bdi></dd></div>\n"))}</dl>\n"));
    }
}
