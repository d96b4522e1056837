using System.Globalization;
using AdaBN.Onnx;

namespace AdaBN.Reporting;

/// <summary>Writes into a model's metadata how it came about.</summary>
internal static class Provenance
{
    /// <summary>No clock time: the same input gives the same file.</summary>
    public static void Record(OnnxModel model, AdaptationReport report)
    {
        model.SetMetadata("adabn.method", report.Method);
        model.SetMetadata("adabn.verdict", report.Verdict.Kind.ToString());
        model.SetMetadata("adabn.layers", report.Layers.Count.ToString(CultureInfo.InvariantCulture));
        model.SetMetadata("adabn.samples", report.Samples.ToString(CultureInfo.InvariantCulture));
        model.SetMetadata("adabn.version", report.ToolVersion);
        model.SetMetadata("adabn.source_sha256", report.SourceSha256);
    }
}
