using AdaBN.Measurement;

namespace AdaBN;

/// <summary>What is known of a layer when its statistics are decided. All lists have one number a channel.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Epsilon">What it adds to the variance.</param>
/// <param name="Source">Its statistics on the source domain, as the model has them.</param>
/// <param name="Target">Those measured on the target domain.</param>
/// <param name="Images">Images measured.</param>
/// <param name="ValuesPerChannel">Values measured a channel: images × positions.</param>
/// <param name="MeanSpread">
/// Variance, from image to image, of an image's own mean; its unbiased estimate, infinite for a single image. Images are what is drawn from
/// a domain, not pixels, so this decides how sure the target's mean is.
/// </param>
/// <param name="VarianceSpread">The same of an image's mean square distance from <see cref="Target"/>'s mean: how sure the target's variance is.</param>
public sealed record LayerEvidence(
    NormalizationLayer Layer, double Epsilon, ChannelStatistics Source, ChannelStatistics Target, long Images, long ValuesPerChannel,
    IReadOnlyList<double> MeanSpread, IReadOnlyList<double> VarianceSpread)
{
    /// <summary>
    /// Mean and population variance of each image by itself, in the order of reading; null unless the policy says <see cref="IAdaptationPolicy.NeedsImages"/>.
    /// They take images × channels × 16 bytes, for one stage at a time (and for layers in front of a Concat until the last layer behind it).
    /// </summary>
    public IReadOnlyList<ChannelStatistics>? PerImage { get; init; }

    /// <summary>Number of channels.</summary>
    public int Channels => Target.Mean.Count;

    /// <summary>
    /// Independent images that <see cref="Images"/> are worth, at most as many: fewer where they follow each other alike, as in a film (<see cref="AdaptationReport.EffectiveImages"/>).
    /// What says how sure something is counts these.
    /// </summary>
    public double EffectiveImages { get; init; } = Images;

    /// <summary>Standard error of the target's mean in a channel.</summary>
    public double MeanStandardError(int channel) => Math.Sqrt(MeanSpread[channel] / EffectiveImages);

    /// <summary>Standard error of the target's variance in a channel.</summary>
    public double VarianceStandardError(int channel) => Math.Sqrt(VarianceSpread[channel] / EffectiveImages);

    /// <summary>What would be known had only some of the images been measured: their exact moments, not those of this layer behind layers decided otherwise.</summary>
    /// <param name="images">Numbers of the images, from 0; at least one.</param>
    /// <exception cref="InvalidOperationException"><see cref="PerImage"/> is null.</exception>
    /// <exception cref="AdaptationException">One value is left and the variance is <see cref="VarianceKind.Sample"/>.</exception>
    public LayerEvidence Only(IReadOnlyList<int> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentOutOfRangeException.ThrowIfZero(images.Count, nameof(images));
        return Of(Layer, Epsilon, Source, ChannelMoments.Of([.. images.Select(image => EachImage[image])], ValuesPerChannel / EachImage.Count), Kind) with
        {
            RelativeDepth = RelativeDepth,
            EffectiveImages = images.Count * EffectiveImages / EachImage.Count,
        };
    }

    internal VarianceKind Kind { get; init; }

    /// <summary><see cref="PerImage"/>, where a policy relies on it.</summary>
    internal IReadOnlyList<ChannelStatistics> EachImage => PerImage ?? throw new InvalidOperationException(
        $"{nameof(PerImage)} of layer '{Layer.Name}' is null: the policy in {nameof(AdaptationOptions)} must say {nameof(IAdaptationPolicy.NeedsImages)}, also for those that it hands its evidence on to.");

    /// <summary>Statistics between source and target.</summary>
    /// <param name="meanShare">How far the mean goes, a channel: 0 stays with the source, 1 is the target's.</param>
    /// <param name="varianceShare">The same for the variance.</param>
    public ChannelStatistics Between(Func<int, double> meanShare, Func<int, double> varianceShare)
    {
        ArgumentNullException.ThrowIfNull(meanShare);
        ArgumentNullException.ThrowIfNull(varianceShare);
        return new ChannelStatistics(Mix(Source.Mean, Target.Mean, meanShare), Mix(Source.Variance, Target.Variance, varianceShare));
    }

    /// <summary>Where the layer stands among those adapted: 0 for the shallowest, 1 for the deepest (and where there is one depth only, 0).</summary>
    public double RelativeDepth { get; init; }

    internal static LayerEvidence Of(NormalizationLayer layer, double epsilon, ChannelStatistics source, ChannelMoments measured, VarianceKind kind)
    {
        long divisor = kind == VarianceKind.Sample ? measured.Count - 1 : measured.Count;
        if (divisor == 0)
            throw new AdaptationException(AdaptationError.EmptyData, "One value in each channel has no sample variance; give more images or use the population variance.");
        double[] Spread(double[] squares) => [.. squares.Select(sum => measured.Images > 1 ? Math.Max(0, sum) / (measured.Images - 1) : double.PositiveInfinity)];
        return new LayerEvidence(
            layer, epsilon, source, new ChannelStatistics(measured.Mean, [.. measured.M2.Select(m2 => m2 / divisor)]), measured.Images, measured.Count,
            Spread(measured.MeanSpread), Spread(measured.SquareSpread))
        {
            PerImage = measured.PerImage,
            Kind = kind,
        };
    }

    /// <summary>Both ends exactly: all the way is the target's own bits.</summary>
    private static double[] Mix(IReadOnlyList<double> source, IReadOnlyList<double> target, Func<int, double> share)
    {
        var mixed = new double[source.Count];
        for (int c = 0; c < mixed.Length; c++) mixed[c] = share(c) switch { 0 => source[c], 1 => target[c], var w => source[c] + (w * (target[c] - source[c])) };
        return mixed;
    }
}
