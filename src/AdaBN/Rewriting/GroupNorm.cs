using System.Globalization;
using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// Group normalization (Wu and He, arXiv 1803.08494): as <see cref="InstanceNorm"/>, with the statistics of a group of neighbouring channels
/// together; one group is layer normalization over all channels and positions. From opset 21 the operator <c>GroupNormalization</c> (that of
/// opset 18 has a scale a group, not a channel); from opset 7 instance normalization of N×G×(C/G·positions) between Reshapes.
/// </summary>
/// <param name="Groups">Number of groups; a divisor of the number of channels.</param>
/// <param name="Scale">γ, one a channel.</param>
/// <param name="Bias">β, one a channel.</param>
public sealed record GroupNorm(int Groups, IReadOnlyList<double> Scale, IReadOnlyList<double> Bias) : Normalization
{
    private const long FirstOpsetOfChannelScales = 21;

    internal override string? WhyNot(IReadOnlyList<int> dims) => OtherChannels(dims, Scale.Count) ?? (Groups == Scale.Count ? NoPositions(dims) : null);

    internal override Value Write(SubgraphWriter to, Value x)
    {
        if (to.Opset >= FirstOpsetOfChannelScales)
            return to.Op("GroupNormalization", x, to.Vector("scale", Scale), to.Vector("bias", Bias)).With("num_groups", Groups).With("epsilon", Epsilon);
        Value grouped = to.Op("Reshape", x, to.Integers("groups", 0, Groups, -1));
        Value normalized = (InstanceNorm.Plain(Groups) with { Epsilon = Epsilon }).Write(to, grouped);
        Value restored = to.Op("Reshape", normalized, to.Op("Shape", x));
        return to.Op("Add", to.Op("Mul", restored, to.PerChannel("scale", Scale)), to.PerChannel("bias", Bias));
    }

    internal override IEnumerable<string> Faults() =>
        DifferingLengths((nameof(Scale), Scale.Count), (nameof(Bias), Bias.Count))
            .Concat(Groups > 0 && Scale.Count % Groups == 0 ? [] : [string.Create(CultureInfo.InvariantCulture, $"{nameof(Groups)} is {Groups}, expected a divisor of the {Scale.Count} channels")]);
}
