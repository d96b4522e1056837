namespace AdaBN.Policies;

/// <summary>The statistics a layer shall normalize with from now on.</summary>
/// <param name="Mean">Mean of each channel.</param>
/// <param name="Variance">Variance of each channel.</param>
internal sealed record StatisticsDecision(double[] Mean, double[] Variance);
