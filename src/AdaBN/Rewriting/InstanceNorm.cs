using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// Instance normalization (Ulyanov et al., arXiv 1607.08022): y = (x − μ(x)) / √(σ²(x) + ε) · γ + β, with the mean and variance of each
/// sample's own channel over its positions. The operator <c>InstanceNormalization</c>; from opset 7.
/// </summary>
/// <param name="Scale">γ.</param>
/// <param name="Bias">β.</param>
public sealed record InstanceNorm(IReadOnlyList<double> Scale, IReadOnlyList<double> Bias) : Normalization
{
    /// <summary>Without scale and bias.</summary>
    /// <param name="channels">Number of channels.</param>
    public static InstanceNorm Plain(int channels) => new([.. Enumerable.Repeat(1.0, channels)], new double[channels]);

    /// <summary>
    /// Adaptive instance normalization (AdaIN; Huang and Belongie, arXiv 1703.06868) toward a stored style: σ(s)·(x − μ(x)) / σ(x) + μ(s). That
    /// is instance normalization whose scale and bias are the style's deviation and mean.
    /// </summary>
    /// <param name="style">Mean and variance of each channel of the style's features.</param>
    /// <param name="epsilon">Added to both variances.</param>
    public static InstanceNorm Toward(ChannelStatistics style, float epsilon = Onnx.Ops.BatchNormalization.DefaultEpsilon)
    {
        ArgumentNullException.ThrowIfNull(style);
        return new InstanceNorm([.. style.Variance.Select(variance => Math.Sqrt(variance + epsilon))], style.Mean) { Epsilon = epsilon };
    }

    internal override string? WhyNot(IReadOnlyList<int> dims) => OtherChannels(dims, Scale.Count) ?? NoPositions(dims);

    internal override Value Write(SubgraphWriter to, Value x) =>
        to.Op("InstanceNormalization", x, to.Vector("scale", Scale), to.Vector("bias", Bias)).With("epsilon", Epsilon);

    internal override IEnumerable<string> Faults() => DifferingLengths((nameof(Scale), Scale.Count), (nameof(Bias), Bias.Count));
}
