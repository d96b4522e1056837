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
        float[] mean = ToFloats(decision.Mean, layer, "mean");
        float[] variance = ToFloats(decision.Variance, layer, "variance");
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

    private static float[] ToFloats(double[] values, BatchNormLayer layer, string what)
    {
        var floats = new float[values.Length];
        for (int c = 0; c < floats.Length; c++)
        {
            floats[c] = (float)values[c];
            if (!float.IsFinite(floats[c]))
            {
                throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                    $"The {what} of layer '{layer.Info.Name}', channel {c}, is {values[c]:g4}, more than float32 holds. Check the data's preprocessing (scale, mean)."));
            }
        }
        return floats;
    }
}
