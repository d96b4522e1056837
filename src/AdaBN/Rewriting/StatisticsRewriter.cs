using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Policies;

namespace AdaBN.Rewriting;

/// <summary>Writes decided statistics and their provenance into a model. Scale, bias, epsilon and everything else stay.</summary>
internal static class StatisticsRewriter
{
    public static void Apply(OnnxModel model, BatchNormLayer layer, StatisticsDecision decision)
    {
        (float[] mean, float[] variance) = decision.ToFloat(layer);
        GraphEditor.ReplaceInitializer(model, layer.Node, BatchNormalization.MeanInput, mean);
        GraphEditor.ReplaceInitializer(model, layer.Node, BatchNormalization.VarianceInput, variance);
    }

    /// <summary>Records how the model came about. No clock time: the same input gives the same file.</summary>
    public static void RecordProvenance(OnnxModel model, AdaptationReport report)
    {
        model.SetMetadata("adabn.method", report.Method);
        model.SetMetadata("adabn.layers", report.Layers.Count.ToString(CultureInfo.InvariantCulture));
        model.SetMetadata("adabn.samples", report.Samples.ToString(CultureInfo.InvariantCulture));
        model.SetMetadata("adabn.version", report.ToolVersion);
        model.SetMetadata("adabn.source_sha256", report.SourceSha256);
    }
}
