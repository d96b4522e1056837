using System.Globalization;

namespace AdaBN.Benchmarks.Systems;

/// <summary>Whether two systems have measured the same.</summary>
internal static class Agreement
{
    private const double Limit = 1e-4;

    /// <summary>Throws where means differ by more than float rounding explains, in standard deviations of their channel.</summary>
    public static void Check(string what, double[] means, IReadOnlyList<double> exactMeans, IReadOnlyList<double> exactVariances)
    {
        double worst = Enumerable.Range(0, means.Length).Max(c => Math.Abs(means[c] - exactMeans[c]) / Math.Sqrt(exactVariances[c] + 1e-12));
        if (means.Length != exactMeans.Count || !(worst <= Limit))
            throw Disagreement(what, worst, "standard deviations");
    }

    /// <summary>The same for variances, relative.</summary>
    public static void Check(string what, double[] variances, IReadOnlyList<double> exactVariances)
    {
        double worst = Enumerable.Range(0, variances.Length).Max(c => Math.Abs(variances[c] - exactVariances[c]) / (exactVariances[c] + 1e-12));
        if (!(worst <= Limit))
            throw Disagreement(what, worst, "of their value");
    }

    private static InvalidOperationException Disagreement(string what, double worst, string unit) => new(string.Create(
        CultureInfo.InvariantCulture, $"{what} are off the exact ones by {worst:g3} {unit}, expected at most {Limit}."));
}
