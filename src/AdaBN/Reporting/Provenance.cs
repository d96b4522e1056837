using System.Globalization;
using AdaBN.Onnx;

namespace AdaBN.Reporting;

/// <summary>Writes into a model's metadata how it came about.</summary>
internal static class Provenance
{
    /// <summary>No clock time: the same input gives the same file.</summary>
    public static void Record(OnnxModel model, string method, VerdictKind verdict, int layers, long samples, string toolVersion, string sourceSha256)
    {
        model.SetMetadata("adabn.method", method);
        model.SetMetadata("adabn.verdict", verdict.ToString());
        model.SetMetadata("adabn.layers", layers.ToString(CultureInfo.InvariantCulture));
        model.SetMetadata("adabn.samples", samples.ToString(CultureInfo.InvariantCulture));
        model.SetMetadata("adabn.version", toolVersion);
        model.SetMetadata("adabn.source_sha256", sourceSha256);
    }
}
