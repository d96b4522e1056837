using System.Globalization;
using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// IBN-a (IBN-Net; Pan et al., arXiv 1807.09441): the first channels normalized by the sample's own statistics, the others by the stored ones.
/// Split, InstanceNormalization, BatchNormalization, Concat; from opset 7.
/// </summary>
/// <param name="Statistics">Stored mean and variance of all channels.</param>
/// <param name="Scale">γ.</param>
/// <param name="Bias">β.</param>
/// <param name="InstanceChannels">How many channels, from the first, are normalized by the sample's own statistics; at least 1, not all.</param>
public sealed record InstanceBatchNorm(ChannelStatistics Statistics, IReadOnlyList<double> Scale, IReadOnlyList<double> Bias, int InstanceChannels) : Normalization
{
    internal override string? WhyNot(IReadOnlyList<int> dims) => OtherChannels(dims, Scale.Count) ?? NoPositions(dims);

    internal override Value Write(SubgraphWriter to, Value x)
    {
        IReadOnlyList<Value> halves = to.Split(x, InstanceChannels, Scale.Count - InstanceChannels);
        IReadOnlyList<double> Rest(IReadOnlyList<double> list) => [.. list.Skip(InstanceChannels)];
        var instance = new InstanceNorm([.. Scale.Take(InstanceChannels)], [.. Bias.Take(InstanceChannels)]) { Epsilon = Epsilon };
        var batch = new BatchNorm(new ChannelStatistics(Rest(Statistics.Mean), Rest(Statistics.Variance)), Rest(Scale), Rest(Bias)) { Epsilon = Epsilon };
        return to.Op("Concat", instance.Write(to, halves[0]), batch.Write(to, halves[1])).With("axis", 1);
    }

    internal override IEnumerable<string> Faults() =>
        new BatchNorm(Statistics, Scale, Bias).Faults()
            .Concat(InstanceChannels > 0 && InstanceChannels < Scale.Count ? [] : [string.Create(CultureInfo.InvariantCulture, $"{nameof(InstanceChannels)} is {InstanceChannels}, expected 1 to {Scale.Count - 1}")]);
}

/// <summary>
/// IBN-b (IBN-Net; Pan et al., arXiv 1807.09441): instance normalization of a residual block's sum, y = IN(x + skip). Add, InstanceNormalization; from opset 7.
/// </summary>
/// <param name="Skip">Name of what is added: of the same shape as x.</param>
/// <param name="Scale">γ.</param>
/// <param name="Bias">β.</param>
public sealed record ResidualInstanceNorm(string Skip, IReadOnlyList<double> Scale, IReadOnlyList<double> Bias) : Normalization
{
    private InstanceNorm Instance => new(Scale, Bias) { Epsilon = Epsilon };

    internal override string? WhyNot(IReadOnlyList<int> dims) => Instance.WhyNot(dims);

    internal override Value Write(SubgraphWriter to, Value x) =>
        Instance.Write(to, to.Op("Add", x, to.Named(Skip, ElementType.Float, [null, Scale.Count, .. Enumerable.Repeat<long?>(null, to.Rank - 2)])));

    internal override IEnumerable<string> Faults() => Instance.Faults();
}
