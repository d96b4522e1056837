using System.Globalization;

namespace AdaBN.Policies;

/// <summary>
/// The gate, the more cautious the deeper the layer: settings between <paramref name="shallow"/> and <paramref name="deep"/> by relative depth. Which classes a set
/// holds hardly shows in shallow statistics and a great deal in deep ones, while a change of camera or light shows in the shallow ones first.
/// </summary>
internal sealed class DepthGate(GateSettings shallow, GateSettings deep) : IAdaptationPolicy
{
    public string Description => string.Create(CultureInfo.InvariantCulture, $"gate on the spread between images, from threshold {shallow.Threshold:0.##} in the shallowest layer to {deep.Threshold:0.##} in the deepest");

    public ChannelStatistics Decide(LayerEvidence layer)
    {
        double Between(double one, double other) => one + ((other - one) * layer.RelativeDepth);
        return new BetweenImageGate(new GateSettings(Between(shallow.Threshold, deep.Threshold), Between(shallow.HalfWay, deep.HalfWay), Between(shallow.Most, deep.Most))).Decide(layer);
    }
}
