using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN.Forms;

/// <summary>A constant in the file that a node reads: a running mean or variance.</summary>
/// <param name="Node">The node.</param>
/// <param name="Input">Position among its inputs.</param>
/// <param name="Source">What it is in the source model.</param>
/// <param name="Operator">The node's operator.</param>
internal sealed record StatisticsPlace(NodePath Node, int Input, ConstantTensor Source, string Operator)
{
    /// <summary>Whether a model has the place, outside of local functions.</summary>
    public bool IsIn(OnnxModel model) => Node.TryFind(model) is { } node && node.Is(Operator);

    /// <summary>Gives the place an initializer where the constant is made by nodes, so that it can be replaced.</summary>
    public void Settle(OnnxModel target)
    {
        Node node = Node.Find(target);
        if (node.Inputs[Input]!.Initializer is null) GraphEditor.SetConstant(target, node, Input, Source.ElementType, Source.Dims, Source.Elements);
    }
}
