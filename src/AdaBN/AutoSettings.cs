using System.Globalization;

namespace AdaBN;

/// <summary>
/// Constants of <see cref="AdaptationPolicy.Auto"/>. Entropy (0 sure, 1 unsure) and diversity (0 one class, 1 all classes) are those of <see cref="PredictionSummary"/>.
/// They were chosen on five networks under shifts, few images and skewed sets (docs/auto.md).
/// </summary>
public sealed record AutoSettings
{
    /// <summary>The policy that is taken unless the predictions speak for another.</summary>
    public GateSettings Gate { get; init; } = new();

    /// <summary>The policy for sets of few classes, in the shallowest layer.</summary>
    public GateSettings SkewedShallow { get; init; } = new(3, 1, 1);

    /// <summary>The same in the deepest layer; between them by depth.</summary>
    public GateSettings SkewedDeep { get; init; } = GateSettings.Cautious;

    /// <summary>The third policy, full replacement, counts the source as so many images, so that few target images do not take over; at least 0.</summary>
    public double SourceImages { get; init; } = 4;

    /// <summary>Diversity of the cautiously adapted model below which the set is taken to be skewed if that model is also surer than the gate's; 0 to 1.</summary>
    public double SkewedBelow { get; init; } = 0.8;

    /// <summary>Diversity of the gate's model below which surer predictions of the cautious one are enough; 0 to 1.</summary>
    public double SurelySkewedBelow { get; init; } = 0.5;

    /// <summary>What diversity weighs against entropy: a model that sees one class only is sure too easily; at least 0.</summary>
    public double DiversityWeight { get; init; } = 0.15;

    /// <summary>Advantage, in entropy, that another policy must have over the gate.</summary>
    public double GateAdvantage { get; init; } = 0.015;

    /// <summary>Advantage, in entropy, that the source model must have over all others to be kept.</summary>
    public double SourceHandicap { get; init; } = 0.03;

    /// <summary>Share of equal predictions from which the source model is kept where it is as sure; 0 to 1.</summary>
    public double SameAbove { get; init; } = 0.94;

    /// <summary>Throws when a constant is out of range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">At least one is.</exception>
    internal void Validate()
    {
        double[] shares = [SkewedBelow, SurelySkewedBelow, SameAbove], amounts = [SourceImages, DiversityWeight, GateAdvantage, SourceHandicap];
        if (!shares.All(share => share is >= 0 and <= 1) || !amounts.All(amount => amount >= 0 && double.IsFinite(amount)))
            throw new ArgumentOutOfRangeException(nameof(AutoSettings), string.Create(CultureInfo.InvariantCulture, $"Expected shares from 0 to 1 and amounts of 0 or more, found {this}."));
    }
}
