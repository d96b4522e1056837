using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Discovery;

/// <summary>A Conv, ConvTranspose or Gemm with constant parameters, into which a BatchNormalization may have been folded.</summary>
/// <param name="Node">The node.</param>
/// <param name="Output">What it computes; its name tells the layer in every copy of the model.</param>
/// <param name="NotFoldedBecause">Why no BatchNormalization is thought to be in it, or null where it looks as if one were.</param>
internal sealed record LinearLayer(Node Node, Value Output, string? NotFoldedBecause)
{
    public int Channels => Linear.Channels(Node);

    public bool LooksFolded => NotFoldedBecause is null;

    /// <summary>What is told of it in public.</summary>
    public NormalizationLayer Describe(int index, int? depth, string? declinedBecause) =>
        new(index, Node.DisplayName, LooksFolded || declinedBecause is null ? $"{Node.OpType} {NormalizationLayer.FoldedIn}" : Node.OpType, Channels, depth, declinedBecause)
        {
            Mend = LooksFolded && declinedBecause is not null ? "measure them on source images ('adabn reference'), or export the model with BatchNormalization kept" : null,
        };
}
