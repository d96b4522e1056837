namespace AdaBN;

/// <summary>
/// Decides what statistics a layer shall have on the target domain. A pure function of the evidence: called once a layer, shallow to
/// deep, each layer measured with what was decided for those before it. Write your own, or start from <see cref="AdaptationPolicy"/>.
/// </summary>
public interface IAdaptationPolicy
{
    /// <summary>What it does, in a few words for reports, such as <c>source prior of 16 images</c>.</summary>
    string Description { get; }

    /// <summary>
    /// Whether it looks at <see cref="LayerEvidence.PerImage"/>. Default: false; these moments then cost nothing. A policy that hands its
    /// evidence on to another answers for that one too.
    /// </summary>
    bool NeedsImages => false;

    /// <summary>Decides one layer.</summary>
    /// <param name="layer">What is known of it.</param>
    /// <returns>One mean and one variance, not negative, a channel.</returns>
    ChannelStatistics Decide(LayerEvidence layer);
}
