using System.Globalization;
using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>A convolution over two axes that keeps their lengths: stride 1, zeros around.</summary>
/// <param name="Channels">Number of channels out.</param>
/// <param name="InputChannels">Number of channels in.</param>
/// <param name="KernelSize">Length of the square kernel, odd.</param>
/// <param name="Weights">Channels × InputChannels × KernelSize × KernelSize, row-major.</param>
/// <param name="Bias">One a channel.</param>
public sealed record Convolution(int Channels, int InputChannels, int KernelSize, IReadOnlyList<double> Weights, IReadOnlyList<double> Bias)
{
    internal Value Write(SubgraphWriter to, Value map, string what, double share = 1)
    {
        long margin = KernelSize / 2;
        IReadOnlyList<double> Shared(IReadOnlyList<double> numbers) => [.. numbers.Select(number => number * share)];
        return to.Op("Conv", map, to.Constant($"{what}.weight", Shared(Weights), Channels, InputChannels, KernelSize, KernelSize), to.Vector($"{what}.bias", Shared(Bias)))
            .With("pads", [margin, margin, margin, margin]);
    }

    internal IEnumerable<string> Faults(string what, int channels, int inputChannels)
    {
        if (KernelSize < 1 || KernelSize % 2 == 0) yield return string.Create(CultureInfo.InvariantCulture, $"{what} has a kernel of length {KernelSize}, expected an odd one");
        if (Channels != channels || InputChannels != inputChannels)
            yield return string.Create(CultureInfo.InvariantCulture, $"{what} makes {Channels} channels of {InputChannels}, expected {channels} of {inputChannels}");
        if (Weights.Count != (long)Channels * InputChannels * KernelSize * KernelSize || Bias.Count != Channels)
            yield return string.Create(CultureInfo.InvariantCulture, $"{what} has {Weights.Count} weights and {Bias.Count} biases, not those of its kernel");
    }
}

/// <summary>
/// Spatially-adaptive normalization (SPADE; Park et al., arXiv 1903.07291): y = x̂·γ(m) + β(m), scale and shift of each channel and position
/// computed from a segmentation map m by convolutions, γ = C_γ(h), β = C_β(h), h = ReLU(C_h(m)); x̂ is x normalized without scale and bias. The
/// map is brought to the size of x (nearest pixel). From opset 11, Resize's first with lengths; without <see cref="ResizesMap"/> from opset 7.
/// </summary>
/// <remarks>Networks trained with the authors' code scale by 1 + C_γ(h): add 1 to the bias of C_γ.</remarks>
/// <param name="Inner">What makes x̂: a <see cref="BatchNorm"/> or <see cref="InstanceNorm"/>.</param>
/// <param name="Map">Name of the segmentation map, float32, N×classes×height×width, usually one-hot.</param>
/// <param name="Hidden">C_h.</param>
/// <param name="Scale">C_γ.</param>
/// <param name="Shift">C_β.</param>
public sealed record SpatialNorm(Normalization Inner, string Map, Convolution Hidden, Convolution Scale, Convolution Shift) : Normalization
{
    private const long FirstOpsetOfResize = 11;

    /// <summary>Whether to bring the map to the size of x; default: true. Else it must have it.</summary>
    public bool ResizesMap { get; init; } = true;

    /// <inheritdoc/>
    public override long LowestOpset => ResizesMap ? FirstOpsetOfResize : Inner.LowestOpset;

    internal override string? WhyNot(IReadOnlyList<int> dims) =>
        dims.Count != 4 ? "its input has no height and width" : OtherChannels(dims, Scale.Channels) ?? Inner.WhyNot(dims);

    internal override Value Write(SubgraphWriter to, Value x)
    {
        Value hidden = WriteHidden(to, WriteMap(to, x));
        return to.Op("Add", to.Op("Mul", Inner.Write(to, x), Scale.Write(to, hidden, "gamma")), Shift.Write(to, hidden, "beta"));
    }

    internal Value WriteMap(SubgraphWriter to, Value x)
    {
        Value map = to.Named(Map, ElementType.Float, [null, Hidden.InputChannels, null, null]);
        if (!ResizesMap) return map;
        Value size = to.Op("Concat", to.Op("Gather", to.Op("Shape", map), to.Integers("samples_and_classes", 0, 1)), to.Op("Gather", to.Op("Shape", x), to.Integers("height_and_width", 2, 3))).With("axis", 0);
        const long firstWithoutScales = 13;
        Value? none = to.Opset < firstWithoutScales ? to.Constant("none", [], 0) : null;
        return to.Op("Resize", map, none, none, size).With("mode", "nearest").With("coordinate_transformation_mode", "asymmetric").With("nearest_mode", "floor");
    }

    internal Value WriteHidden(SubgraphWriter to, Value map) => to.Op("Relu", Hidden.Write(to, map, "hidden"));

    internal override IEnumerable<string> Faults() =>
    [
        .. Inner.Faults(), .. Hidden.Faults(nameof(Hidden), Hidden.Channels, Hidden.InputChannels),
        .. Scale.Faults(nameof(Scale), Scale.Channels, Hidden.Channels), .. Shift.Faults(nameof(Shift), Scale.Channels, Hidden.Channels),
    ];
}
