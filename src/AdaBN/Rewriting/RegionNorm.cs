using System.Globalization;
using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// Semantic region-adaptive normalization (SEAN; Zhu et al., arXiv 1911.12861): y = x̂·γ + β with γ = a·γ_s + (1 − a)·γ_m and β = b·β_s + (1 − b)·β_m. γ_m
/// and β_m are SPADE's, of the mask. γ_s = C_γ(s), β_s = C_β(s) are convolved from a style map s: at each position the code of the regions that
/// the mask tells there, each code first through its region's own layer. The weights a and b are multiplied into the convolutions. Beside SPADE's
/// nodes two Einsum, Add, two Conv, two Add; from opset 12, Einsum's first.
/// </summary>
/// <param name="Mask">SPADE of the mask: its map, one channel a region.</param>
/// <param name="Codes">Name of the style codes, float32, N×regions×length.</param>
/// <param name="CodeLength">Length of a code.</param>
/// <param name="RegionWeights">Regions × <paramref name="CodeLength"/> × (channels into C_γ): the layers that codes go through, row-major.</param>
/// <param name="RegionBiases">Regions × (channels into C_γ).</param>
/// <param name="Scale">C_γ of the style map.</param>
/// <param name="Shift">C_β of the style map.</param>
/// <param name="ScaleWeight">a, 0 (mask only) to 1 (style only).</param>
/// <param name="ShiftWeight">b, likewise.</param>
public sealed record RegionNorm(
    SpatialNorm Mask, string Codes, int CodeLength, IReadOnlyList<double> RegionWeights, IReadOnlyList<double> RegionBiases,
    Convolution Scale, Convolution Shift, double ScaleWeight, double ShiftWeight) : Normalization
{
    private const long FirstOpsetOfEinsum = 12;

    private int Regions => Mask.Hidden.InputChannels;

    /// <inheritdoc/>
    public override long LowestOpset => Math.Max(FirstOpsetOfEinsum, Mask.LowestOpset);

    internal override string? WhyNot(IReadOnlyList<int> dims) => Mask.WhyNot(dims);

    internal override Value Write(SubgraphWriter to, Value x)
    {
        int length = Scale.InputChannels;
        Value mask = Mask.WriteMap(to, x), hidden = Mask.WriteHidden(to, mask);
        Value codes = to.Named(Codes, ElementType.Float, [null, Regions, CodeLength]);
        Value own = to.Op("Einsum", codes, to.Constant("regions.weight", RegionWeights, Regions, CodeLength, length)).With("equation", "nrd,rde->nre");
        Value style = to.Op("Einsum", to.Op("Add", own, to.Constant("regions.bias", RegionBiases, Regions, length)), mask).With("equation", "nre,nrhw->nehw");
        Value scale = to.Op("Add", Scale.Write(to, style, "style.gamma", ScaleWeight), Mask.Scale.Write(to, hidden, "gamma", 1 - ScaleWeight));
        Value shift = to.Op("Add", Shift.Write(to, style, "style.beta", ShiftWeight), Mask.Shift.Write(to, hidden, "beta", 1 - ShiftWeight));
        return to.Op("Add", to.Op("Mul", Mask.Inner.Write(to, x), scale), shift);
    }

    internal override IEnumerable<string> Faults()
    {
        foreach (string fault in Mask.Faults()) yield return fault;
        foreach (string fault in Scale.Faults(nameof(Scale), Mask.Scale.Channels, Scale.InputChannels)) yield return fault;
        foreach (string fault in Shift.Faults(nameof(Shift), Mask.Scale.Channels, Scale.InputChannels)) yield return fault;
        if (RegionWeights.Count != (long)Regions * CodeLength * Scale.InputChannels || RegionBiases.Count != (long)Regions * Scale.InputChannels)
            yield return string.Create(CultureInfo.InvariantCulture, $"{nameof(RegionWeights)} has {RegionWeights.Count} numbers and {nameof(RegionBiases)} {RegionBiases.Count}, expected {(long)Regions * CodeLength * Scale.InputChannels} and {(long)Regions * Scale.InputChannels}");
        if (ScaleWeight is not (>= 0 and <= 1) || ShiftWeight is not (>= 0 and <= 1))
            yield return string.Create(CultureInfo.InvariantCulture, $"{nameof(ScaleWeight)} is {ScaleWeight} and {nameof(ShiftWeight)} {ShiftWeight}, expected 0 to 1");
    }
}
