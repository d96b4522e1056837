using System.Globalization;
using AdaBN.Forms;

namespace AdaBN;

/// <summary>
/// How sure the target's means are, in one number: the standard error of a layer's channel means in source standard deviations, root mean square
/// over channels, of the worst layer.
/// </summary>
/// <param name="Reached">It; infinite for one image. It counts <see cref="AdaptationReport.EffectiveImages"/>, and errors of layers one by one.</param>
/// <param name="Wanted"><see cref="AdaptationOptions.WantedStandardError"/>; null where nothing was wanted.</param>
/// <param name="Foretold">Samples that this was foretold to take, from the spread between the first ones; null where nothing was wanted.</param>
public sealed record SamplingPrecision(double Reached, double? Wanted = null, long? Foretold = null)
{
    /// <summary>Samples that the foretelling rests on: the first ones, read in any case.</summary>
    public const int PilotSamples = 64;

    private const double Slack = 1.1; // 64 samples do not foretell better

    /// <summary>What a user should know where less was reached than wanted.</summary>
    internal IEnumerable<string> Findings(long samples)
    {
        if (Wanted is null || double.IsInfinity(Reached) || Reached <= (samples < Foretold ? Wanted : Slack * Wanted)) yield break;
        yield return string.Create(CultureInfo.InvariantCulture,
            $"Wanted was a standard error of {Wanted:g3}, reached is {Reached:g3}: {(samples < Foretold ? $"that was foretold to take {Foretold} samples, and there were {samples} to read" : $"the first {Math.Min(samples, PilotSamples)} samples differ less among themselves than the {samples} read")}.");
    }

    /// <summary>The error of the worst layer, as one pass has measured it.</summary>
    internal static double ReachedBy(AdaptedLayers pass) => Math.Sqrt(pass.Layers.Max(layer => Enumerable.Range(0, layer.Evidence.Channels).Average(c =>
        layer.Evidence.MeanSpread[c] / layer.Evidence.EffectiveImages / (layer.Evidence.Source.Variance[c] + layer.Evidence.Epsilon))));

    /// <summary>Errors go with one over the square root of the number of samples.</summary>
    internal static long Foretell(AdaptedLayers pilot, double wanted, long earlier)
    {
        double needed = Math.Ceiling((earlier + pilot.Samples) * Math.Pow(ReachedBy(pilot) / wanted, 2)) - earlier;
        return needed < long.MaxValue ? Math.Max(pilot.Samples, (long)needed) : long.MaxValue; // nor where it is no number
    }
}
