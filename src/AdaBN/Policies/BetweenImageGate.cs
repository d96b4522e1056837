using System.Globalization;

namespace AdaBN.Policies;

/// <summary>
/// Moves a channel toward its target statistics only as far as the shift exceeds what images differ by among themselves. One deviation between
/// images of shift goes half of the way, which absorbs benign offsets (of padding in training, of classes in the set); corruption shifts by
/// many. With n images, spreads are first pooled with the mean over channels (as 4 further images), so that few images do not make sure:
/// t = threshold + 8/(n − 1), about 2.8 standard errors; share = most·n/(n + 4)·x/(x + halfWay·spread), x = max(0, shift² − t·spread).
/// </summary>
internal sealed class BetweenImageGate(GateSettings settings) : IAdaptationPolicy
{
    private const double PooledImages = 4, ErrorsOfOneTest = 8, ImagesToTrust = 4, SmallestSpread = 1e-6;

    public string Description => string.Create(CultureInfo.InvariantCulture, $"gate on the spread between images (threshold {settings.Threshold:0.##}, half way {settings.HalfWay:0.##}, at most {settings.Most:0.##})");

    public ChannelStatistics Decide(LayerEvidence layer)
    {
        if (layer.EffectiveImages < 2) return layer.Source; // the spread between images is unknown
        double[] unit = [.. layer.Source.Variance.Select(variance => variance + layer.Epsilon)];
        double[] meanSpread = Pool(layer, layer.MeanSpread, unit), varianceSpread = Pool(layer, layer.VarianceSpread, [.. unit.Select(v => v * v)]);
        return layer.Between(
            c => Share(layer.EffectiveImages, layer.Target.Mean[c] - layer.Source.Mean[c], meanSpread[c], SmallestSpread * unit[c]),
            c => Share(layer.EffectiveImages, layer.Target.Variance[c] - layer.Source.Variance[c], varianceSpread[c], SmallestSpread * SmallestSpread * unit[c] * unit[c]));
    }

    private double Share(double images, double shift, double spread, double least)
    {
        double beyond = Math.Max(0, (shift * shift) - ((settings.Threshold + (ErrorsOfOneTest / (images - 1))) * spread));
        return settings.Most * images / (images + ImagesToTrust) * beyond / (beyond + (settings.HalfWay * spread) + least);
    }

    private static double[] Pool(LayerEvidence layer, IReadOnlyList<double> spread, double[] unit)
    {
        double average = spread.Select((value, c) => value / unit[c]).Average();
        double images = layer.EffectiveImages - 1;
        return [.. spread.Select((value, c) => unit[c] * ((images * value / unit[c]) + (PooledImages * average)) / (images + PooledImages))];
    }
}
