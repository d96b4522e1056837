using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Policies;

namespace AdaBN.Forms;

/// <summary>A BatchNormalization node of the main graph whose running mean and variance are initializers. Only these two are written.</summary>
internal sealed class ParameterSite(BatchNormLayer layer) : IStatisticsSite
{
    private readonly string _output = layer.Node.Outputs[0]!.Name;

    public void Write(OnnxModel adapted, StatisticsDecision decision)
    {
        Node node = adapted.Graph.TryGetValue(_output, out Value? value) ? value.Producer! : throw new InvalidOperationException($"'{_output}' is not in the clone.");
        (float[] mean, float[] variance) = decision.ToFloat(layer);
        GraphEditor.ReplaceInitializer(adapted, node, BatchNormalization.MeanInput, mean);
        GraphEditor.ReplaceInitializer(adapted, node, BatchNormalization.VarianceInput, variance);
    }
}
