using System.Collections.Frozen;

namespace AdaBN.Onnx.Ops;

/// <summary>
/// How many leading inputs an operator cannot do without, in every version that has it (https://onnx.ai/onnx/operators/). Who looks into a
/// node of these may take them, and the node's first output, for granted; <see cref="BatchNormalization"/> is looked at more closely.
/// </summary>
internal static class OperatorInputs
{
    private static readonly (int Count, string[] OpTypes)[] Needed =
    [
        (1, [
            "Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Softsign", "Mish", "Gelu", "Clip", "Erf", "Exp", "Log", "Sqrt",
            "Reciprocal", "Abs", "Neg", "Identity", "Dropout", "Cast", "Shape", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Pad", "DepthToSpace", "SpaceToDepth",
            "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "LRN", "Softmax", "LogSoftmax", "ReduceMean", "ReduceSum", "Slice", "BatchNormalization",
        ]),
        (2, ["Add", "Sub", "Mul", "Div", "Pow", "PRelu", "MatMul", "Gemm", "Conv", "ConvTranspose", "Gather"]),
        (3, ["InstanceNormalization", "Where"]),
    ];

    private static readonly FrozenDictionary<string, int> Counts =
        Needed.SelectMany(row => row.OpTypes.Select(opType => KeyValuePair.Create(opType, row.Count))).ToFrozenDictionary();

    /// <exception cref="OnnxModelException">The node lacks one of them, or its first output.</exception>
    public static void Check(Node node)
    {
        if (node.Domain.Length > 0 || !Counts.TryGetValue(node.OpType, out int needed)) return;
        int found = node.Inputs.TakeWhile(input => input is not null).Count();
        if (found >= needed && node.Outputs is [not null, ..]) return;
        throw new OnnxModelException(string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"{node} has {found} input(s) and {node.Outputs.OfType<Value>().Count()} output(s), expected at least {needed} and 1. The file is damaged; export the model again."));
    }
}
