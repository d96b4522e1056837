using AdaBN.Onnx;

namespace AdaBN.Forms;

/// <summary>Where the statistics of a layer stand in a model file, in whatever form it has there.</summary>
internal interface IStatisticsSite
{
    /// <summary>Writes what was decided.</summary>
    /// <param name="adapted">The model to edit: a clone of the one that the site was found in.</param>
    /// <param name="decision">The layer's new statistics.</param>
    void Write(OnnxModel adapted, ChannelStatistics decision);
}
