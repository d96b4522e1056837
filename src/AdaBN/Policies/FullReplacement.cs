using AdaBN.Measurement;

namespace AdaBN.Policies;

/// <summary>AdaBN as its authors define it (Li et al. 2016, arXiv 1603.04779, algorithm 1): the target's statistics take the source's place entirely.</summary>
internal static class FullReplacement
{
    /// <summary>Decides one layer.</summary>
    /// <exception cref="AdaptationException">A sample variance is asked for and there is only one value in each channel.</exception>
    public static StatisticsDecision Decide(ChannelMoments measured, VarianceKind kind)
    {
        long divisor = kind == VarianceKind.Sample ? measured.Count - 1 : measured.Count;
        if (divisor == 0)
            throw new AdaptationException(AdaptationError.EmptyData, "One value in each channel has no sample variance; give more images or use the population variance.");
        return new StatisticsDecision(measured.Mean, [.. measured.M2.Select(m2 => m2 / divisor)]);
    }
}
