using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Discovery;

/// <summary>A BatchNormalization that can be adapted, with its place in the graph.</summary>
/// <param name="Info">What is told of it in public.</param>
/// <param name="Node">The node.</param>
/// <param name="StoredAs">The type in which the file holds its statistics.</param>
internal sealed record BatchNormLayer(NormalizationLayer Info, Node Node, ElementType StoredAs = ElementType.Float)
{
    /// <summary>The value whose statistics the layer normalizes with.</summary>
    public Value Input => Node.Inputs[BatchNormalization.DataInput]!;

    /// <summary>The name of what the layer computes, or of the input that it is; unique in every copy of the model.</summary>
    public string Output => (Info.IsInput ? Input : Node.Outputs[0]!).Name;

    public int Channels => Info.Channels!.Value;

    public float[] RunningMean => Node.Inputs[BatchNormalization.MeanInput]!.Initializer!.ToFloatArray();

    public float[] RunningVariance => Node.Inputs[BatchNormalization.VarianceInput]!.Initializer!.ToFloatArray();

    /// <summary>The running statistics.</summary>
    public ChannelStatistics Source => new([.. RunningMean], [.. RunningVariance]);

    public float Epsilon => Node.GetFloat(BatchNormalization.Epsilon, BatchNormalization.DefaultEpsilon);
}
