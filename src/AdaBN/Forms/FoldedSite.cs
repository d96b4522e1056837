using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Policies;

namespace AdaBN.Forms;

/// <summary>
/// Weights W and bias b of a layer that a BatchNormalization was folded into. With the output's statistics on the source domain, mean m
/// and variance v, and those decided, m' and v', what the layer computes becomes (y − m')·s + m with s = √(v + ε) / √(v' + ε): per
/// channel, W·s takes the place of W, and (b − m')·s + m that of b. In double, rounded once.
/// </summary>
internal sealed class FoldedSite(LinearLayer layer, ReferenceLayer reference, float epsilon) : IStatisticsSite
{
    private readonly string _output = layer.Output.Name, _name = layer.Node.DisplayName;

    public void Write(OnnxModel adapted, StatisticsDecision decision)
    {
        Node node = adapted.Graph.TryGetValue(_output, out Value? value) ? value.Producer! : throw new InvalidOperationException($"'{_output}' is not in the clone.");
        double beta = node.OpType == "Gemm" ? node.GetFloat(Linear.Beta, 1) : 1;
        float[]? present = node.Inputs.ElementAtOrDefault(Linear.BiasInput)?.Initializer!.ToFloatArray();
        double[] factors = [.. reference.Variance.Zip(decision.Variance, (source, target) => Math.Sqrt((source + epsilon) / (target + epsilon)))];
        var bias = new float[factors.Length];
        for (int c = 0; c < bias.Length; c++) bias[c] = (float)(((((present?[c] * beta ?? 0) - decision.Mean[c]) * factors[c]) + reference.Mean[c]) / beta);
        float[] weights = node.Inputs[Linear.WeightInput]!.Initializer!.ToFloatArray();
        Linear.Scale(node, weights, factors);
        if (weights.Concat(bias).Any(number => !float.IsFinite(number)))
        {
            throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                $"The weights of layer '{_name}' leave float32 when adapted (largest factor {factors.Max():g4}). Check the data's preprocessing (scale, mean), or leave the layer out with the layer filter."));
        }
        GraphEditor.ReplaceInitializer(adapted, node, Linear.WeightInput, weights);
        if (present is not null) GraphEditor.ReplaceInitializer(adapted, node, Linear.BiasInput, bias);
        else GraphEditor.AddInput(adapted, node, Linear.BiasInput, $"{node.Inputs[Linear.WeightInput]!.Name}.bias", bias);
    }
}
