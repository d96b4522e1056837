using AdaBN.Onnx;

namespace AdaBN.Discovery;

/// <summary>
/// A scale and a shift for each channel behind a Conv, Gemm or MatMul, or behind a subtracted mean: what is left of a BatchNormalization
/// when its statistics were multiplied into its scale. Many statistics give the same scale and shift, so none can be read from them.
/// </summary>
internal static class ChannelAffine
{
    private static readonly string[] Weighted = ["Conv", "ConvTranspose", "Gemm", "MatMul"];

    /// <summary>Whether a node adds the shift of such a pair.</summary>
    public static bool IsShift(Node node, ConstantFolder constants)
    {
        if (!(node.Is("Add") || node.Is("Sub")) || Step(node, constants) is not { } shift) return false;
        if (shift.Data.Producer is not { } times || !(times.Is("Mul") || times.Is("Div")) || Step(times, constants) is not { } scale || scale.Length != shift.Length) return false;
        return scale.Data.Producer is { } before && ((Weighted.Contains(before.OpType) && before.Domain.Length == 0) || (before.Is("Sub") && Step(before, constants) is not null));
    }

    private static (Value Data, int Length)? Step(Node node, ConstantFolder constants)
    {
        if (node.Inputs is not [{ } left, { } right] || constants.IsConstant(left) == constants.IsConstant(right)) return null;
        (Value data, Value constant) = constants.IsConstant(left) ? (right, left) : (left, right);
        return constants.Evaluate(constant) is { Elements.Length: > 1 } tensor && tensor.ElementType.IsFloatingPoint() && ChannelAxis.FromLast(tensor) is not null ? (data, tensor.Elements.Length) : null;
    }
}
