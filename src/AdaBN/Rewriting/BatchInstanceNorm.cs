using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// Batch-instance normalization (BIN; Nam and Kim, arXiv 1805.07925): y = (ρ·x̂_B + (1 − ρ)·x̂_I)·γ + β, a channel's mix of batch and instance
/// normalization. Written as BatchNormalization with the scale ρ·γ and the bias β, InstanceNormalization with (1 − ρ)·γ and 0, and Add; from opset 7.
/// </summary>
/// <param name="Statistics">Stored mean and variance of the batch part.</param>
/// <param name="Scale">γ.</param>
/// <param name="Bias">β.</param>
/// <param name="BatchShare">ρ, 0 (instance) to 1 (batch).</param>
public sealed record BatchInstanceNorm(ChannelStatistics Statistics, IReadOnlyList<double> Scale, IReadOnlyList<double> Bias, IReadOnlyList<double> BatchShare) : Normalization
{
    internal override string? WhyNot(IReadOnlyList<int> dims) => OtherChannels(dims, Scale.Count) ?? NoPositions(dims);

    internal override Value Write(SubgraphWriter to, Value x)
    {
        var batch = new BatchNorm(Statistics, [.. Scale.Zip(BatchShare, (scale, share) => scale * share)], Bias) { Epsilon = Epsilon };
        var instance = new InstanceNorm([.. Scale.Zip(BatchShare, (scale, share) => scale * (1 - share))], new double[Scale.Count]) { Epsilon = Epsilon };
        return to.Op("Add", batch.Write(to, x), instance.Write(to, x));
    }

    internal override IEnumerable<string> Faults() =>
        new BatchNorm(Statistics, Scale, Bias).Faults()
            .Concat(DifferingLengths((nameof(Scale), Scale.Count), (nameof(BatchShare), BatchShare.Count)))
            .Concat(BatchShare.All(share => share is >= 0 and <= 1) ? [] : [$"{nameof(BatchShare)} has numbers that are not from 0 to 1"]);
}
