using System.Globalization;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Forms;

/// <summary>
/// Weights W and bias b of a layer that a BatchNormalization was folded into. With the output's statistics on the source domain, mean m
/// and variance v, and those decided, m' and v', what the layer computes becomes (y − m')·s + m with s = √(v + ε) / √(v' + ε): per
/// channel, W·s takes the place of W, and (b − m')·s + m that of b. In double, rounded once; m' and v' as float32, which is what the layers
/// behind were measured with.
/// </summary>
internal sealed class FoldedSite(FoldedNode folded, ReferenceLayer reference, float epsilon) : IStatisticsSite
{
    private readonly string _name = folded.Layer.Node.DisplayName;

    public void Write(OnnxModel adapted, ChannelStatistics decision)
    {
        Node node = folded.Path.Find(adapted);
        double beta = node.OpType == "Gemm" ? node.GetFloat(Linear.Beta, 1) : 1;
        Initializer source = node.Inputs[Linear.WeightInput]!.Initializer!;
        double[]? present = node.Inputs.ElementAtOrDefault(Linear.BiasInput)?.Initializer!.ToDoubleArray();
        double[] factors = [.. reference.Variance.Zip(decision.Variance, (source, target) => Math.Sqrt((source + epsilon) / ((float)target + epsilon)))];
        double[] bias = [.. factors.Select((factor, c) => (((((present?[c] ?? 0) * beta) - (float)decision.Mean[c]) * factor) + reference.Mean[c]) / beta)];
        double[] weights = source.ToDoubleArray();
        Linear.Scale(node, weights, factors);
        if (weights.Concat(bias).Any(number => !double.IsFinite(source.ElementType.Round(number))))
        {
            throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                $"The weights of layer '{_name}' leave {source.ElementType} when adapted (largest factor {factors.Max():g4}). Check the data's preprocessing (scale, mean), or leave the layer out with the layer filter."));
        }
        GraphEditor.ReplaceInitializer(adapted, [node], Linear.WeightInput, weights);
        if (present is not null) GraphEditor.ReplaceInitializer(adapted, [node], Linear.BiasInput, bias);
        else GraphEditor.AddInput(adapted, node, Linear.BiasInput, $"{source.Name}.bias", source.ElementType, bias);
    }
}
