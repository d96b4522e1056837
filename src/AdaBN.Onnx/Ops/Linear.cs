namespace AdaBN.Onnx.Ops;

/// <summary>
/// Facts of the operators that multiply by weights and add a bias, one a channel of their output (axis 1): <c>Conv</c>,
/// <c>ConvTranspose</c> and <c>Gemm</c>. Sources: https://onnx.ai/onnx/operators/onnx__Conv.html, onnx__ConvTranspose.html, onnx__Gemm.html.
/// </summary>
public static class Linear
{
    /// <summary>Position of the data input.</summary>
    public const int DataInput = 0;

    /// <summary>Position of the weights: Conv (C, in/group, …), ConvTranspose (in, C/group, …), Gemm (in, C), or (C, in) with <c>transB</c>.</summary>
    public const int WeightInput = 1;

    /// <summary>Position of the bias, one number a channel; may be left out (of Gemm since version 11).</summary>
    public const int BiasInput = 2;

    /// <summary>Gemm's attribute: the bias is multiplied by it.</summary>
    public const string Beta = "beta";

    private const string Group = "group", TransposeA = "transA", TransposeB = "transB";

    /// <summary>Whether a node is one of these operators, with samples along its first axis.</summary>
    public static bool Is(Node node) => node.Is("Conv") || node.Is("ConvTranspose") || (node.Is("Gemm") && node.GetInt(TransposeA, 0) == 0);

    /// <summary>Number of channels that a node with constant weights computes; 0 where the weights' shape is not what the operator takes.</summary>
    public static int Channels(Node node)
    {
        ReadOnlySpan<long> dims = node.Inputs[WeightInput]!.Initializer!.Dims.AsSpan();
        if (dims.Length < 2 || (node.OpType == "Gemm" && dims.Length != 2) || dims.Contains(0)) return 0;
        long channels = node.OpType switch
        {
            "Conv" => dims[0],
            "ConvTranspose" => node.GetInt(Group, 1) is > 0 and var groups && dims[0] % groups == 0 ? dims[1] * groups : 0,
            _ => dims[node.GetInt(TransposeB, 0) != 0 ? 0 : 1],
        };
        return channels is > 0 and <= int.MaxValue ? (int)channels : 0;
    }

    /// <summary>Whether a Conv may read zeros beyond the border of its input.</summary>
    public static bool MayPad(Node conv) => conv.GetText("auto_pad", "NOTSET") switch
    {
        "NOTSET" => conv.GetInts("pads").Any(pad => pad != 0),
        var mode => mode != "VALID",
    };

    /// <summary>The channel of a Conv's input that each kernel of its weights multiplies, output channel by output channel; null where the weights' shape does not take so many channels.</summary>
    /// <param name="conv">A Conv with constant weights.</param>
    /// <param name="channels">Channels of its input.</param>
    public static int[]? InputChannels(Node conv, int channels)
    {
        ReadOnlySpan<long> dims = conv.Inputs[WeightInput]!.Initializer!.Dims.AsSpan();
        long groups = conv.GetInt(Group, 1);
        if (dims.Length < 3 || dims.Contains(0) || groups < 1 || dims[0] % groups != 0 || dims[1] * groups != channels) return null;
        long outputsOfGroup = dims[0] / groups, inputsOfGroup = dims[1];
        return [.. Enumerable.Range(0, checked((int)(dims[0] * inputsOfGroup))).Select(kernel => (int)((kernel / inputsOfGroup / outputsOfGroup * inputsOfGroup) + (kernel % inputsOfGroup)))];
    }

    /// <summary>Multiplies all weights of a channel by one factor.</summary>
    /// <param name="node">The node that the weights belong to.</param>
    /// <param name="weights">Its weights, row-major.</param>
    /// <param name="factors">One a channel.</param>
    public static void Scale(Node node, Span<double> weights, ReadOnlySpan<double> factors)
    {
        ReadOnlySpan<long> dims = node.Inputs[WeightInput]!.Initializer!.Dims.AsSpan();
        bool isFirstAxis = node.OpType == "Conv" || (node.OpType == "Gemm" && node.GetInt(TransposeB, 0) != 0);
        int rowsOfChannels = (int)(isFirstAxis ? dims[0] : dims[1]);
        int taps = isFirstAxis ? weights.Length / rowsOfChannels : (int)(weights.Length / dims[0] / rowsOfChannels);
        long inputsOfGroup = node.OpType == "ConvTranspose" ? dims[0] / node.GetInt(Group, 1) : long.MaxValue;
        for (int i = 0; i < weights.Length; i++)
        {
            int row = i / taps, channel = row % rowsOfChannels;
            if (!isFirstAxis) channel += (int)(row / rowsOfChannels / inputsOfGroup) * rowsOfChannels;
            weights[i] *= factors[channel];
        }
    }
}
