using System.Globalization;

namespace AdaBN.Policies;

/// <summary>
/// Another policy's decision on the median of means (Lugosi and Mendelson 2019, arXiv 1906.04280, section 2.1): a channel's median over k
/// groups of images, of the groups' means, then of their mean squares around that median. Around the common mean, because a group's variance
/// around its own lacks what groups differ by; a spoiled group's is then far too large, which a median does not mind. Image i is in group
/// i mod k: in a set sorted by class every group holds every class. Spreads between images are the groups' medians as well.
/// </summary>
internal sealed class MedianOfGroups(IAdaptationPolicy policy, int groups) : IAdaptationPolicy
{
    private const int FewestImages = 2; // a group of one has no spread

    public string Description => string.Create(CultureInfo.InvariantCulture, $"{policy.Description}, median of {groups} batches");

    public bool NeedsImages => true;

    public ChannelStatistics Decide(LayerEvidence layer)
    {
        int images = layer.EachImage.Count, count = Math.Min(groups, images / FewestImages);
        if (count < 2) return policy.Decide(layer with { PerImage = null });
        LayerEvidence population = layer with { Kind = VarianceKind.Population };
        LayerEvidence[] parts = [.. Enumerable.Range(0, count).Select(group => population.Only([.. Enumerable.Range(0, images).Where(image => image % count == group)]))];
        double[] Medians(Func<LayerEvidence, int, double> number) => [.. Enumerable.Range(0, layer.Channels).Select(c => Median.Of(parts.Select(part => number(part, c))))];

        double[] mean = Medians((part, c) => part.Target.Mean[c]);
        double[] variance = Medians((part, c) => part.Target.Variance[c] + ((part.Target.Mean[c] - mean[c]) * (part.Target.Mean[c] - mean[c])));
        double correction = layer.Kind == VarianceKind.Sample ? layer.ValuesPerChannel / (layer.ValuesPerChannel - 1.0) : 1;
        return policy.Decide(layer with
        {
            Target = new ChannelStatistics(mean, [.. variance.Select(v => v * correction)]),
            MeanSpread = Medians((part, c) => part.MeanSpread[c]),
            VarianceSpread = Medians((part, c) => part.VarianceSpread[c]),
            PerImage = null, // no image's moments lead to these numbers
        });
    }
}
