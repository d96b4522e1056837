using System.Globalization;

namespace AdaBN.Reporting.Pages;

/// <summary>A scale that ends at round numbers.</summary>
/// <param name="From">Its first tick.</param>
/// <param name="Step">Between ticks: 1, 2 or 5 times a power of ten.</param>
/// <param name="Steps">How many.</param>
internal sealed record Axis(double From, double Step, int Steps)
{
    public double To => From + (Steps * Step);

    public IEnumerable<double> Ticks => Enumerable.Range(0, Steps + 1).Select(i => From + (i * Step));

    /// <summary>That holds all of some numbers; those that are not finite are passed over.</summary>
    public static Axis Over(IEnumerable<double> values, int ticks = 4, double leastStep = 0)
    {
        double[] finite = [.. values.Where(double.IsFinite)];
        (double low, double high) = finite.Length == 0 ? (0, 1) : (finite.Min(), finite.Max());
        if (high - low <= 1e-12 * Math.Max(Math.Abs(low), Math.Abs(high))) (low, high) = low == 0 ? (0, 1) : (low - (0.1 * Math.Abs(low)), low + (0.1 * Math.Abs(low)));
        double raw = Math.Max((high - low) / ticks, leastStep), power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        double step = power * (raw <= power ? 1 : raw <= 2 * power ? 2 : raw <= 5 * power ? 5 : 10), from = Math.Floor(low / step) * step;
        return new Axis(from, step, Math.Max(1, (int)Math.Ceiling(((high - from) / step) - 1e-9)));
    }

    /// <summary>Where a number lies, from 0 to 1; beyond the ends at the ends.</summary>
    public double Place(double value) => double.IsNaN(value) ? 0 : Math.Clamp((value - From) / (To - From), 0, 1);

    public string Label(double tick)
    {
        double rounded = Math.Round(tick / Step) * Step, largest = Math.Max(Math.Abs(From), Math.Abs(To));
        bool isPlain = Step >= 1e-4 && largest < 1e5;
        string digits = string.Create(CultureInfo.InvariantCulture, $"g{Math.Clamp((int)Math.Ceiling(Math.Log10(largest / Step)) + 1, 1, 15)}");
        return rounded.ToString(isPlain ? "0.####" : digits, CultureInfo.InvariantCulture).Replace('-', '−');
    }
}
