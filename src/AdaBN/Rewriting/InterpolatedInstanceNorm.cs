using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// AdaIN between stored styles (Huang and Belongie, arXiv 1703.06868, section 7.2): y = Σ w_k·AdaIN(x, s_k) = (Σ w_k·σ(s_k))·(x − μ(x)) / σ(x) + Σ w_k·μ(s_k),
/// the weights given at run time, for each sample. Instance normalization, two MatMul, two Reshape, Mul, Add; from opset 7.
/// </summary>
/// <param name="Weights">Name of the weights w, float32, N×styles; those of a sample usually add up to 1.</param>
/// <param name="Styles">Mean and variance of each style's features.</param>
public sealed record InterpolatedInstanceNorm(string Weights, IReadOnlyList<ChannelStatistics> Styles) : Normalization
{
    internal override string? WhyNot(IReadOnlyList<int> dims) => OtherChannels(dims, Styles[0].Mean.Count) ?? NoPositions(dims);

    internal override Value Write(SubgraphWriter to, Value x)
    {
        int channels = Styles[0].Mean.Count;
        InstanceNorm[] toward = [.. Styles.Select(style => InstanceNorm.Toward(style, Epsilon))];
        Value weights = to.Named(Weights, ElementType.Float, [null, Styles.Count]), shape = to.Integers("shape", [0, channels, .. Enumerable.Repeat(1L, to.Rank - 2)]);
        Value Mixed(string what, Func<InstanceNorm, IReadOnlyList<double>> of) =>
            to.Op("Reshape", to.Op("MatMul", weights, to.Constant(what, [.. toward.SelectMany(of)], Styles.Count, channels)), shape);
        Value normalized = (InstanceNorm.Plain(channels) with { Epsilon = Epsilon }).Write(to, x);
        return to.Op("Add", to.Op("Mul", normalized, Mixed("deviations", style => style.Scale)), Mixed("means", style => style.Bias));
    }

    internal override IEnumerable<string> Faults() => Styles.Count == 0 ? [$"{nameof(Styles)} is empty"]
        : DifferingLengths([.. Styles.SelectMany(style => new[] { ("a style's mean", style.Mean.Count), ("a style's variance", style.Variance.Count) })]);
}
