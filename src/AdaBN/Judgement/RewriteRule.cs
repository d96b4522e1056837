namespace AdaBN.Judgement;

/// <summary>
/// Whether drawn images speak for a rewritten model, against the one as it is: the weights are those of <see cref="AutoRule"/>, but here the model as it is has the advantage. docs/auto.md
/// has the reasons.
/// </summary>
internal sealed class RewriteRule(AutoSettings settings)
{
    private const double Normal95 = 1.959963984540054, StandardErrors = 2, Margin = 0.1;
    private readonly AutoRule _rule = new(settings);

    /// <summary>Mean difference of the images' entropies and its 95 % interval.</summary>
    public static Estimate EntropyChange(Predictions source, Predictions rewritten)
    {
        (double mean, double error) = Difference(source, rewritten);
        return new Estimate(mean, mean - (Normal95 * error), mean + (Normal95 * error));
    }

    /// <summary>Clearly surer without seeing fewer classes; or more classes without being less sure for it, where the set is not one of few classes.</summary>
    public bool IsBetter(Predictions source, Predictions rewritten)
    {
        (double mean, double error) = Difference(source, rewritten);
        double before = source.Summary.Diversity, gained = Math.Min(1, rewritten.Summary.Diversity) - Math.Min(1, before);
        bool isSurer = mean < -Math.Max(settings.SourceHandicap, StandardErrors * error) && gained >= -Margin;
        bool seesMore = before >= settings.SurelySkewedBelow && gained >= Margin && Cost(rewritten) <= Cost(source);
        return isSurer || seesMore;
    }

    /// <summary>The less the better.</summary>
    public double Cost(Predictions of) => _rule.Cost(of.Summary);

    private static (double Mean, double Error) Difference(Predictions source, Predictions rewritten)
    {
        double[] changes = [.. rewritten.Entropy.Zip(source.Entropy, (after, before) => after - before)];
        double mean = changes.Average();
        return (mean, Math.Sqrt(changes.Sum(change => (change - mean) * (change - mean)) / Math.Max(1, changes.Length - 1) / changes.Length));
    }
}
