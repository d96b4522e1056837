using System.Collections.Immutable;
using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN.Forms;

/// <summary>A normalization of the working copy.</summary>
/// <param name="Info">What is told of it in public.</param>
/// <param name="Batch">Its node and places if it is a BatchNormalization that can be adapted; else null.</param>
/// <param name="Folded">The layer that a BatchNormalization was, or could have been, folded into; else null.</param>
/// <param name="Input">The input of the model that it is; else null.</param>
internal sealed record FoundLayer(NormalizationLayer Info, AdaptableNode? Batch, FoldedNode? Folded = null, Value? Input = null)
{
    /// <summary>The value whose statistics on the source domain are not in the file, but in a reference; null where they are in the file.</summary>
    public Value? Referenced => Folded?.Layer.Output ?? Input;

    /// <summary>The name of what the layer computes (of the input itself), where it can be adapted.</summary>
    public string? Output => Batch?.Node.Outputs[0]!.Name ?? Referenced?.Name;
}

/// <summary>A node of the working copy into which a BatchNormalization may have been folded.</summary>
/// <param name="Layer">The node and the judgement.</param>
/// <param name="Path">Where it stands in the file.</param>
internal sealed record FoldedNode(LinearLayer Layer, NodePath Path);

/// <summary>A BatchNormalization node of the working copy and what it is in the file.</summary>
/// <param name="Node">The node: inference form, float32 initializers.</param>
/// <param name="Mean">Where the running mean stands.</param>
/// <param name="Variance">Where the running variance stands.</param>
/// <param name="Spelling">How the file writes it, where it is not just such a node.</param>
/// <param name="Identity">Constants that make up the layer; layers with the same ones may be one module, called at several places.</param>
/// <param name="Training">The node of the file to turn into inference form, or null.</param>
internal sealed record AdaptableNode(Node Node, StatisticsPlace Mean, StatisticsPlace Variance, string? Spelling, ImmutableArray<Value> Identity, NodePath? Training)
{
    /// <summary>The layer's name in the file.</summary>
    public string Name { get; init; } = Node.DisplayName;

    /// <summary>Whether it is a BatchNormalization node in the file, too.</summary>
    public bool IsNode { get; init; } = true;

    public int Channels => Mean.Source.Elements.Length;
}
