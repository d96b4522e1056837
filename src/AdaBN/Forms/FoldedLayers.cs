using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Forms;

/// <summary>
/// Gives layers the BatchNormalization back that was folded into them, and inputs one that they never had. The inserted one is the identity
/// on the source domain: its mean and bias, its variance and scale are those of the layer's own output (or the input) there. Once its
/// statistics are decided, <see cref="FoldedSite"/> folds it back, <see cref="InputSite"/> writes it in front of the model.
/// </summary>
internal static class FoldedLayers
{
    private const float SmallestEpsilon = 1e-30f; // far from what float32 rounds to nothing

    /// <summary>Inserts a layer's normalization with its statistics on the source domain.</summary>
    /// <param name="copy">The working copy to edit; it holds the layer.</param>
    /// <param name="found">The layer.</param>
    /// <param name="reference">Its statistics.</param>
    /// <param name="site">The way back.</param>
    public static BatchNormLayer Unfold(OnnxModel copy, FoundLayer found, ReferenceLayer reference, out IStatisticsSite site)
    {
        float epsilon = EpsilonFor(reference.Variance);
        site = found.Folded is { } folded ? new FoldedSite(folded, reference, epsilon) : new InputSite(found.Input!.Name, reference, epsilon);
        return Insert(copy, found, [.. reference.Mean], [.. reference.Variance], [.. reference.Variance.Select(variance => Math.Sqrt(variance + epsilon))], epsilon);
    }

    /// <summary>Inserts (x − 0) / √1 · 1 + 0: the layer's output (or the input) is measured and nothing changes.</summary>
    public static BatchNormLayer Expose(OnnxModel copy, FoundLayer found)
    {
        double[] zeros = new double[found.Info.Channels!.Value], ones = [.. zeros.Select(_ => 1.0)];
        return Insert(copy, found, zeros, ones, ones, epsilon: 0);
    }

    /// <summary>
    /// BatchNormalization's own default, in proportion to the layer's variance: outputs may have any scale. It keeps channels that never
    /// varied on a domain from being blown up.
    /// </summary>
    private static float EpsilonFor(IReadOnlyList<double> variance) =>
        variance.Average() is > 0 and var spread ? Math.Max((float)(BatchNormalization.DefaultEpsilon * spread), SmallestEpsilon) : BatchNormalization.DefaultEpsilon;

    private static BatchNormLayer Insert(OnnxModel copy, FoundLayer found, double[] mean, double[] variance, double[] scale, float epsilon)
    {
        Value measured = found.Referenced!;
        Node node = GraphEditor.InsertBehind(copy, measured, BatchNormalization.OpType,
            Parameter("scale", scale), Parameter("bias", mean), Parameter("mean", mean), Parameter("variance", variance));
        GraphEditor.SetFloat(node, BatchNormalization.Epsilon, epsilon);
        return new BatchNormLayer(found.Info, node);

        KeyValuePair<string, double[]> Parameter(string what, double[] values) => KeyValuePair.Create($"{measured.Name}.{what}", values);
    }
}
