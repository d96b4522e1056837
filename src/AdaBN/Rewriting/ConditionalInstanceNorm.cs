using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// Conditional instance normalization (CIN; Dumoulin et al., arXiv 1610.07629): y = (x − μ(x)) / √(σ²(x) + ε) · γ_s + β_s, the scale and bias of
/// each sample picked by its style's number s. Instance normalization, two Gathers, Mul, Add; from opset 7.
/// </summary>
/// <param name="Id">Name of the numbers, int64, one a sample (N), from 0.</param>
/// <param name="Scales">γ of each style.</param>
/// <param name="Biases">β of each style.</param>
public sealed record ConditionalInstanceNorm(string Id, IReadOnlyList<IReadOnlyList<double>> Scales, IReadOnlyList<IReadOnlyList<double>> Biases) : Normalization
{
    internal override string? WhyNot(IReadOnlyList<int> dims) => OtherChannels(dims, Scales[0].Count) ?? NoPositions(dims);

    internal override Value Write(SubgraphWriter to, Value x)
    {
        Value id = to.Named(Id, ElementType.Int64, [null]);
        Value normalized = (InstanceNorm.Plain(Scales[0].Count) with { Epsilon = Epsilon }).Write(to, x);
        Value scale = to.Op("Gather", to.Table("scales", Scales), id), bias = to.Op("Gather", to.Table("biases", Biases), id);
        return to.Op("Add", to.Op("Mul", normalized, scale), bias);
    }

    internal override IEnumerable<string> Faults()
    {
        if (Scales.Count == 0 || Scales.Count != Biases.Count) return [$"{nameof(Scales)} and {nameof(Biases)} differ in their number of styles, or have none"];
        return DifferingLengths([.. Scales.Concat(Biases).Select((row, i) => (i < Scales.Count ? nameof(Scales) : nameof(Biases), row.Count))]);
    }
}
