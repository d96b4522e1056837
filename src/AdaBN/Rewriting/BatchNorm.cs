using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// Batch normalization at inference (Ioffe and Szegedy, arXiv 1502.03167): y = (x − μ) / √(σ² + ε) · γ + β with the stored mean μ and
/// variance σ² of each channel. The operator <c>BatchNormalization</c>; from opset 7.
/// </summary>
/// <param name="Statistics">μ and σ².</param>
/// <param name="Scale">γ.</param>
/// <param name="Bias">β.</param>
public sealed record BatchNorm(ChannelStatistics Statistics, IReadOnlyList<double> Scale, IReadOnlyList<double> Bias) : Normalization
{
    internal override string? WhyNot(IReadOnlyList<int> dims) => OtherChannels(dims, Scale.Count);

    internal override Value Write(SubgraphWriter to, Value x) =>
        to.Op(BatchNormalization.OpType, x, to.Vector("scale", Scale), to.Vector("bias", Bias), to.Vector("mean", Statistics.Mean), to.Vector("variance", Statistics.Variance))
            .With(BatchNormalization.Epsilon, Epsilon);

    internal override IEnumerable<string> Faults() =>
        DifferingLengths((nameof(Scale), Scale.Count), (nameof(Bias), Bias.Count), ("Mean", Statistics.Mean.Count), ("Variance", Statistics.Variance.Count))
            .Concat(Statistics.Variance.Any(variance => !(variance >= 0)) ? ["Variance has negative numbers"] : []);
}
