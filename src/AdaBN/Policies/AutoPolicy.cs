namespace AdaBN.Policies;

/// <summary>
/// The policies that <see cref="AdaptationPolicy.Auto"/> chooses among, in a second step, by what the model makes of drawn images under each. On its own, where
/// nothing can be predicted, it is the gate.
/// </summary>
/// <param name="settings">Constants.</param>
/// <param name="narrow">What to make of each of them, such as its means only.</param>
internal sealed class AutoPolicy(AutoSettings settings, Func<IAdaptationPolicy, IAdaptationPolicy> narrow) : IAdaptationPolicy
{
    public AutoSettings Settings => settings;

    /// <summary>As far as the shift exceeds the spread between images.</summary>
    public IAdaptationPolicy Gate { get; } = narrow(new LivingChannels(AdaptationPolicy.Gate(settings.Gate)));

    /// <summary>Shows whether predictions are skewed once the plainest shift is gone.</summary>
    public IAdaptationPolicy Cautious { get; } = narrow(new LivingChannels(AdaptationPolicy.Gate(GateSettings.Cautious)));

    /// <summary>All the way, but for a few images' worth of the source.</summary>
    public IAdaptationPolicy Full { get; } = narrow(new LivingChannels(AdaptationPolicy.SourcePrior(settings.SourceImages)));

    /// <summary>For sets of few classes.</summary>
    public IAdaptationPolicy Skewed { get; } = narrow(new LivingChannels(AdaptationPolicy.DepthGate(settings.SkewedShallow, settings.SkewedDeep)));

    public string Description => $"auto: {Gate.Description}";

    public bool NeedsImages => Gate.NeedsImages;

    public AutoPolicy Narrowed(Func<IAdaptationPolicy, IAdaptationPolicy> further) => new(settings, policy => further(narrow(policy)));

    public ChannelStatistics Decide(LayerEvidence layer) => Gate.Decide(layer);
}
