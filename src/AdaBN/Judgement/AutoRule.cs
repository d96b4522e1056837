namespace AdaBN.Judgement;

/// <summary>Which policy predictions speak for.</summary>
internal enum AutoChoice
{
    Source,
    Gate,
    Full,
}

/// <summary>How <see cref="AdaptationPolicy.Auto"/> decides, as functions of what each model says of the same images. docs/auto.md has the reasons.</summary>
internal sealed class AutoRule(AutoSettings settings)
{
    private const double Margin = 0.1, AsSure = 1.05;

    /// <summary>Whether a cautious policy, which lies between source and gate, could see few classes; where both see many, it cannot.</summary>
    public bool MayBeSkewed(PredictionSummary source, PredictionSummary gate) => Math.Min(source.Diversity, gate.Diversity) < settings.SkewedBelow + Margin;

    /// <summary>Whether the set holds few of the classes.</summary>
    public bool IsSkewed(PredictionSummary gate, PredictionSummary cautious) =>
        (cautious.Diversity < settings.SkewedBelow || gate.Diversity < settings.SurelySkewedBelow) && cautious.Entropy < gate.Entropy;

    /// <summary>The best policy for a set that is not skewed.</summary>
    /// <param name="source">The source model's predictions.</param>
    /// <param name="gate">The gate's.</param>
    /// <param name="full">Full replacement's.</param>
    /// <param name="agreement">Share of equal predictions of source and gate.</param>
    public AutoChoice Best(PredictionSummary source, PredictionSummary gate, PredictionSummary full, double agreement)
    {
        double gateCost = Cost(gate) - settings.GateAdvantage, fullCost = Cost(full);
        if (Cost(source) + settings.SourceHandicap < Math.Min(gateCost, fullCost)) return AutoChoice.Source;
        if (fullCost < gateCost) return AutoChoice.Full;
        return IsInVain(source, gate, agreement) ? AutoChoice.Source : AutoChoice.Gate;
    }

    /// <summary>Whether adapting leaves predictions as they were, and no surer.</summary>
    public bool IsInVain(PredictionSummary source, PredictionSummary adapted, double agreement) => agreement >= settings.SameAbove && source.Entropy <= adapted.Entropy * AsSure;

    /// <summary>Whether the source model is clearly the surer one.</summary>
    public bool IsWorse(PredictionSummary source, PredictionSummary adapted) => Cost(source) + settings.SourceHandicap < Cost(adapted);

    /// <summary>Unsure is bad; but a model that sees one class only is sure too easily.</summary>
    public double Cost(PredictionSummary of) => of.Entropy - (settings.DiversityWeight * Math.Min(of.Diversity, 1));
}
