namespace AdaBN;

/// <summary>Constants of <see cref="AdaptationPolicy.Gate"/>, in units of the spread between images.</summary>
/// <param name="Threshold">Squared shift, as a multiple of the spread, below which a channel stays; at least 0. Default 0: only sampling error counts.</param>
/// <param name="HalfWay">Squared shift beyond the threshold at which a channel goes half of the way; above 0. Default 1.</param>
/// <param name="Most">The largest share of the way, for many images; above 0, at most 1. Default 0.75.</param>
public sealed record GateSettings(double Threshold = 0, double HalfWay = 1, double Most = 0.75)
{
    /// <summary>Cautious constants for sets whose classes are skewed: a class subset shifts channels by about one spread.</summary>
    public static GateSettings Cautious { get; } = new(4, 4, 0.5);
}
