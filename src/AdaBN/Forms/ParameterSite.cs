using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN.Forms;

/// <summary>Statistics that stand in the file as constants, read by one node or by several that share one statistic. Only these are written.</summary>
/// <param name="layer">The layer; the first of them where several share.</param>
/// <param name="means">Places of the running mean.</param>
/// <param name="variances">Places of the running variance.</param>
internal sealed class ParameterSite(BatchNormLayer layer, IReadOnlyList<StatisticsPlace> means, IReadOnlyList<StatisticsPlace> variances) : IStatisticsSite
{
    public void Write(OnnxModel adapted, ChannelStatistics decision)
    {
        decision.ToFloat(layer); // refuses what the file's type cannot hold
        Write(adapted, means, decision.Mean);
        Write(adapted, variances, decision.Variance);
    }

    private static void Write(OnnxModel adapted, IReadOnlyList<StatisticsPlace> places, IReadOnlyList<double> data)
    {
        var reads = places.Select(place => (Node: place.Node.Find(adapted), place.Input)).ToArray();
        foreach (var sharing in reads.GroupBy(read => (read.Node.Inputs[read.Input], read.Input)).ToArray())
            GraphEditor.ReplaceInitializer(adapted, [.. sharing.Select(read => read.Node)], sharing.Key.Input, [.. data]);
    }
}
