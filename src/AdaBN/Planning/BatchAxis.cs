using System.Collections.Frozen;
using AdaBN.Onnx;

namespace AdaBN.Planning;

/// <summary>
/// Which nodes surely keep the samples along the first axis, each computed by itself. Where all do, a stage may run with another batch
/// size than the one before; where one may not (shapes computed from the batch, Loop …), every stage keeps the same batches.
/// </summary>
internal static class BatchAxis
{
    private static readonly FrozenSet<string> Keepers = FrozenSet.ToFrozenSet(
    [
        "Conv", "ConvTranspose", "BatchNormalization", "InstanceNormalization", "LRN", "GlobalAveragePool", "GlobalMaxPool", "AveragePool", "MaxPool",
        "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Mish", "Gelu", "Clip", "Erf", "Exp", "Log", "Sqrt", "Abs", "Neg",
        "Add", "Sub", "Mul", "Div", "Identity", "Cast", "Dropout", "DepthToSpace", "SpaceToDepth", "Pad",
    ]);

    /// <param name="node">The node.</param>
    /// <param name="isConstant">Whether a value does not depend on the data.</param>
    public static bool IsKeptBy(Node node, Func<Value, bool> isConstant) => node.Domain.Length == 0 && node.OpType switch
    {
        "MatMul" => isConstant(node.Inputs[1]!),
        "Gemm" => node.GetInt("transA", 0) == 0 && isConstant(node.Inputs[1]!),
        "Flatten" => node.GetInt("axis", 1) == 1,
        "Transpose" => node.GetInts("perm") is [0, ..],
        "Concat" => node.GetInt("axis", 0) > 0,
        "Reshape" => node.Inputs is not [_, { } shape, ..] || isConstant(shape),
        _ => Keepers.Contains(node.OpType),
    };
}
