using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// Adaptive instance normalization (AdaIN; Huang and Belongie, arXiv 1703.06868): y = σ(s)·(x − μ(x)) / σ(x) + μ(s), with the mean and deviation
/// √(σ² + ε) of each channel of each sample, over the positions of x and of the style's features s. Instance normalization, and seven nodes for
/// the style: GlobalAveragePool, Sub, Mul, GlobalAveragePool, Add, Sqrt, then Mul and Add; from opset 7. Toward a stored style:
/// <see cref="InstanceNorm.Toward"/>; between stored styles: <see cref="InterpolatedInstanceNorm"/>.
/// </summary>
/// <param name="Style">Name of the style's features: N×C×positions, any number of positions.</param>
/// <param name="Channels">Number of channels.</param>
public sealed record AdaptiveInstanceNorm(string Style, int Channels) : Normalization
{
    internal override string? WhyNot(IReadOnlyList<int> dims) => OtherChannels(dims, Channels) ?? NoPositions(dims);

    internal override Value Write(SubgraphWriter to, Value x)
    {
        Value style = to.Named(Style, ElementType.Float, [null, Channels, .. Enumerable.Repeat<long?>(null, to.Rank - 2)]);
        Value normalized = (InstanceNorm.Plain(Channels) with { Epsilon = Epsilon }).Write(to, x);
        Value mean = to.MeanOverPositions(style), centred = to.Op("Sub", style, mean), variance = to.MeanOverPositions(to.Op("Mul", centred, centred));
        Value deviation = to.Op("Sqrt", to.Op("Add", variance, to.Vector("epsilon", [Epsilon])));
        return to.Op("Add", to.Op("Mul", normalized, deviation), mean);
    }
}
