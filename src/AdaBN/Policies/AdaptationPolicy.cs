using AdaBN.Policies;

namespace AdaBN;

/// <summary>The policies there are, and ways to narrow them.</summary>
public static class AdaptationPolicy
{
    /// <summary>
    /// Chooses how far to go by what it can see without labels; the default. Source model, <see cref="Gate"/>, and a fuller policy are tried on <see cref="AdaptationOptions.JudgementImages"/>
    /// drawn images, where few classes seem to be seen a more cautious one as well. Where that one sees few and is surer than the gate's, the set is skewed, and shallow
    /// layers are adapted more than deep ones; else the one of least entropy, weighed against its diversity, is taken; where predictions stay as they were, the source
    /// model. The policy chosen is then measured on the whole set.
    /// </summary>
    /// <param name="settings">Constants; defaults where null.</param>
    public static IAdaptationPolicy Auto(AutoSettings? settings = null)
    {
        settings ??= new AutoSettings();
        settings.Validate();
        return new AutoPolicy(settings, policy => policy);
    }

    /// <summary>The target's statistics take the source's place entirely (Li et al. 2016, arXiv 1603.04779).</summary>
    public static IAdaptationPolicy AdaBN { get; } = new FullReplacement();

    /// <summary>Nothing changes; the report tells what was measured.</summary>
    public static IAdaptationPolicy KeepSource { get; } = new KeepSource();

    /// <summary>The source counts as so many images beside the target's (Schneider et al. 2020, arXiv 2006.16971).</summary>
    /// <param name="images">At least 0; 16 is usual. 0 is <see cref="AdaBN"/>.</param>
    public static IAdaptationPolicy SourcePrior(double images) =>
        images >= 0 && double.IsFinite(images) ? new SourcePrior(images) : throw new ArgumentOutOfRangeException(nameof(images), images, "Expected 0 or more images.");

    /// <summary>A fixed mix of source and target.</summary>
    /// <param name="share">The target's share, 0 to 1.</param>
    public static IAdaptationPolicy Mix(double share) =>
        share is >= 0 and <= 1 ? new FixedMix(share) : throw new ArgumentOutOfRangeException(nameof(share), share, "Expected a share from 0 to 1.");

    /// <summary>Each channel goes as far as its shift exceeds the spread between images.</summary>
    /// <param name="settings">Constants; defaults where null.</param>
    public static IAdaptationPolicy Gate(GateSettings? settings = null)
    {
        settings ??= new GateSettings();
        Check(settings, nameof(settings));
        return new BetweenImageGate(settings);
    }

    /// <summary>A gate whose constants go from one end to the other with the depth of the layer.</summary>
    /// <param name="shallow">Constants in the shallowest layer.</param>
    /// <param name="deep">Constants in the deepest layer.</param>
    public static IAdaptationPolicy DepthGate(GateSettings shallow, GateSettings deep)
    {
        ArgumentNullException.ThrowIfNull(shallow);
        ArgumentNullException.ThrowIfNull(deep);
        Check(shallow, nameof(shallow));
        Check(deep, nameof(deep));
        return new DepthGate(shallow, deep);
    }

    /// <summary>The policy's means; variances stay.</summary>
    public static IAdaptationPolicy MeanOnly(this IAdaptationPolicy policy) => Part(policy, "means only", (_, _) => true, (_, _) => false);

    /// <summary>The policy's variances; means stay.</summary>
    public static IAdaptationPolicy VarianceOnly(this IAdaptationPolicy policy) => Part(policy, "variances only", (_, _) => false, (_, _) => true);

    /// <summary>The policy for some layers; the others are measured and stay as they are.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="takes">Chooses layers, by name, index, depth or form.</param>
    public static IAdaptationPolicy ForLayers(this IAdaptationPolicy policy, Func<NormalizationLayer, bool> takes)
    {
        ArgumentNullException.ThrowIfNull(takes);
        return Part(policy, "some layers", (layer, _) => takes(layer), (layer, _) => takes(layer));
    }

    /// <summary>The policy for layers of some depths; the others are measured and stay as they are.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="from">The shallowest, as <see cref="LayerEvidence.RelativeDepth"/>: 0 for the first of the layers adapted.</param>
    /// <param name="to">The deepest: 1 for the last.</param>
    public static IAdaptationPolicy ForDepths(this IAdaptationPolicy policy, double from, double to)
    {
        ArgumentNullException.ThrowIfNull(policy);
        if (!(from is >= 0 and <= 1 && to >= from && to <= 1)) throw new ArgumentOutOfRangeException(nameof(from), $"{from} to {to}", "Expected 0 ≤ from ≤ to ≤ 1.");
        return Narrow(policy, one => new DepthRange(one, from, to));
    }

    /// <summary>The policy for some channels; the others stay as they are.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="takes">Chooses channels of a layer.</param>
    public static IAdaptationPolicy ForChannels(this IAdaptationPolicy policy, Func<NormalizationLayer, int, bool> takes)
    {
        ArgumentNullException.ThrowIfNull(takes);
        return Part(policy, "some channels", takes, takes);
    }

    /// <summary>
    /// The policy as if the images that lie farthest from the others had not been there: damaged ones, blank ones, some of another kind. Each
    /// layer leaves out its own, by the distance of their means and standard deviations from the median image's, in median absolute deviations over all channels.
    /// </summary>
    /// <remarks>
    /// The share is left out whether there is something wrong or not. Of a clean set it takes the most unusual images, so variances come out a little too
    /// small and means shift where images are skewed. Set it to the share of bad
    /// images that you fear: bad ones beyond it stay. It does not depend on the images' order.
    /// </remarks>
    /// <param name="policy">The policy.</param>
    /// <param name="share">Of the images, 0 to below 0.5; rounded down to whole images.</param>
    public static IAdaptationPolicy Trimmed(this IAdaptationPolicy policy, double share = 0.1)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return share is >= 0 and < 0.5 ? Narrow(policy, one => new TrimmedImages(one, share)) : throw new ArgumentOutOfRangeException(nameof(share), share, "Expected a share from 0 to below 0.5.");
    }

    /// <summary>
    /// The policy with the target's statistics taken as the median, channel by channel, over groups of images (Lugosi and Mendelson 2019, arXiv 1906.04280).
    /// It stands any images, however bad, in fewer than half of the groups; so it needs more than twice as many groups as bad images.
    /// </summary>
    /// <remarks>
    /// Unlike everything else this depends on the images' order, if little: image i is in group i mod <paramref name="batches"/>. The standard error is
    /// up to 1.25 times that of the plain mean (the median's, √(π/2), for many groups); the evidence does not count that.
    /// </remarks>
    /// <param name="policy">The policy; it sees no image by itself. To trim as well, write <c>policy.MedianOfBatches(8).Trimmed()</c>, in this order.</param>
    /// <param name="batches">Number of groups, at least 2; fewer are made where a group would hold fewer than two images.</param>
    public static IAdaptationPolicy MedianOfBatches(this IAdaptationPolicy policy, int batches = 8)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 2);
        if (policy.NeedsImages)
            throw new ArgumentException($"The policy '{policy.Description}' looks at each image by itself, which a median of batches takes from it; write MedianOfBatches before it, such as policy.MedianOfBatches(8).Trimmed(0.1).", nameof(policy));
        return Narrow(policy, one => new MedianOfGroups(one, batches));
    }

    private static void Check(GateSettings settings, string name)
    {
        if (!(settings is { Threshold: >= 0, HalfWay: > 0, Most: > 0 and <= 1 } && double.IsFinite(settings.Threshold + settings.HalfWay)))
            throw new ArgumentOutOfRangeException(name, settings, "Expected Threshold of 0 or more, HalfWay above 0, Most above 0 and at most 1.");
    }

    private static IAdaptationPolicy Part(IAdaptationPolicy policy, string where, Func<NormalizationLayer, int, bool> takesMean, Func<NormalizationLayer, int, bool> takesVariance)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return Narrow(policy, one => new PartOf(one, where, takesMean, takesVariance));
    }

    /// <summary>Auto chooses among policies by itself: each of them is narrowed.</summary>
    private static IAdaptationPolicy Narrow(IAdaptationPolicy policy, Func<IAdaptationPolicy, IAdaptationPolicy> narrow) => policy is AutoPolicy auto ? auto.Narrowed(narrow) : narrow(policy);
}
