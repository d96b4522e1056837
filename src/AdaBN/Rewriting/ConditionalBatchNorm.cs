using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// Batch normalization with statistics of several domains, each sample's picked by its domain's number d: y = (x − μ_d) / √(σ²_d + ε) · γ + β.
/// AdaBN (Li et al., arXiv 1603.04779) of many domains in one model, scale and bias shared. Two Gathers, Sub, Mul, Add; from opset 7.
/// </summary>
/// <param name="Id">Name of the numbers, int64, one a sample (N), from 0.</param>
/// <param name="Statistics">μ and σ² of each domain.</param>
/// <param name="Scale">γ.</param>
/// <param name="Bias">β.</param>
public sealed record ConditionalBatchNorm(string Id, IReadOnlyList<ChannelStatistics> Statistics, IReadOnlyList<double> Scale, IReadOnlyList<double> Bias) : Normalization
{
    internal override string? WhyNot(IReadOnlyList<int> dims) => OtherChannels(dims, Scale.Count);

    internal override Value Write(SubgraphWriter to, Value x)
    {
        Value id = to.Named(Id, ElementType.Int64, [null]);
        IReadOnlyList<double>[] factors = [.. Statistics.Select(domain => domain.Variance.Select((variance, c) => Scale[c] / Math.Sqrt(variance + Epsilon)).ToArray())];
        Value mean = to.Op("Gather", to.Table("means", [.. Statistics.Select(domain => domain.Mean)]), id), factor = to.Op("Gather", to.Table("factors", factors), id);
        return to.Op("Add", to.Op("Mul", to.Op("Sub", x, mean), factor), to.PerChannel("bias", Bias));
    }

    internal override IEnumerable<string> Faults() =>
        (Statistics.Count == 0 ? [$"{nameof(Statistics)} has no domain"] : Array.Empty<string>())
            .Concat(Statistics.SelectMany(domain => (new BatchNorm(domain, Scale, Bias) { Epsilon = Epsilon }).Faults()).Distinct());
}
