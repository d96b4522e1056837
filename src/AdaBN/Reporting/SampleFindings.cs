using System.Globalization;

namespace AdaBN.Reporting;

/// <summary>What is worth a word about the samples of an adaptation, in words.</summary>
internal static class SampleFindings
{
    private const int FewSamples = 64;
    private const double MuchLess = 0.5; // the share of effective samples that is worth a word

    public static IEnumerable<string> Of(long samples, double effective, IReadOnlyList<LayerReport> layers)
    {
        if (samples < FewSamples)
            yield return string.Create(CultureInfo.InvariantCulture, $"Only {samples} samples: statistics of fewer than {FewSamples} images are often worse than the source model's.");
        if (effective < MuchLess * samples)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"Successive samples are much alike, as in a film: the {samples} are worth about {Math.Ceiling(effective)} independent ones, and count so in standard errors and decisions. Take samples farther apart.");
        }
        foreach (LayerReport layer in layers)
        {
            int dead = layer.TargetVariance.Count(variance => variance == 0);
            if (dead > 0)
                yield return string.Create(CultureInfo.InvariantCulture, $"Layer '{layer.Name}': {dead} of {layer.Channels} channels do not vary at all on the target domain.");
        }
    }
}
