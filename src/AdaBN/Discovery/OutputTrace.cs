using System.Collections.Frozen;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Discovery;

/// <summary>
/// Follows an output back to the input, along the path with most convolutions: how many channels it has, how large it is against the input,
/// and what shaped it last. Stops where the path leaves the plane of positions.
/// </summary>
internal sealed class OutputTrace
{
    private static readonly FrozenSet<string> ClassScores = FrozenSet.ToFrozenSet(["Softmax", "LogSoftmax", "Hardmax", "ArgMax", "TopK", "NonMaxSuppression"]);
    private static readonly FrozenSet<string> Leavers = FrozenSet.ToFrozenSet(
    [
        "Flatten", "Gemm", "MatMul", "Reshape", "Squeeze", "Unsqueeze", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceSum", "Expand", "Gather", "Einsum",
    ]);
    private static readonly long[] ShuffleOrder = [0, 1, 4, 2, 5, 3];

    private bool _isJoined;
    private double _shuffled = 1;

    /// <param name="output">The output.</param>
    /// <param name="convolutions">What <see cref="CountConvolutions"/> found in its graph.</param>
    public OutputTrace(Value output, IReadOnlyDictionary<Value, int> convolutions)
    {
        for (Value? value = output; value is not null;)
        {
            if (value.Producer is not { } node)
            {
                Input = value.IsGraphInput ? value : null;
                return;
            }
            if (!Convolves && ClassScores.Contains(node.OpType)) IsClassScores = true;
            value = Step(node, convolutions);
        }
    }

    /// <summary>The image that the output is computed from; null where there is none.</summary>
    public Value? Input { get; private set; }

    /// <summary>The axis of the input's channels.</summary>
    public int ChannelAxis { get; private set; } = 1;

    /// <summary>The output's channels, where the last convolution tells.</summary>
    public double? Channels { get; private set; }

    /// <summary>The output's height and width over the input's; NaN where they are computed at run time.</summary>
    public double Scale { get; private set; } = 1;

    /// <summary>Whether two-dimensional convolutions compute it.</summary>
    public bool Convolves { get; private set; }

    /// <summary>Whether anything on the way makes more positions.</summary>
    public bool Grows { get; private set; }

    public bool IsClassScores { get; private set; }

    /// <summary>Whether the last convolution's channels are normalized: features then, which no picture's are.</summary>
    public bool IsNormalized { get; private set; }

    /// <summary>Whether the input itself is added behind the last convolution.</summary>
    public bool AddsInput { get; private set; }

    /// <summary>Tanh or Clip behind the last convolution; null where there is neither.</summary>
    public string? Squash { get; private set; }

    /// <summary>Convolutions on the longest way to each value that depends on the data: what the traces of a graph go by.</summary>
    public static IReadOnlyDictionary<Value, int> CountConvolutions(Graph graph)
    {
        Dictionary<Value, int> counts = graph.RequiredInputs.ToDictionary(input => input, _ => 0);
        foreach (Node node in graph.TopologicalOrder())
        {
            int[] before = [.. node.Dependencies.Where(counts.ContainsKey).Select(value => counts[value])];
            if (before.Length == 0) continue;
            foreach (Value output in node.Outputs.OfType<Value>()) counts[output] = before.Max() + (node.OpType is "Conv" or "ConvTranspose" ? 1 : 0);
        }
        return counts;
    }

    /// <summary>Goes over a node; null where the path ends.</summary>
    private Value? Step(Node node, IReadOnlyDictionary<Value, int> convolutions)
    {
        Value[] data = [.. node.Inputs.OfType<Value>().Where(convolutions.ContainsKey).OrderByDescending(value => convolutions[value])];
        if (data.Length == 0) return null;
        switch (node.Domain.Length == 0 ? node.OpType : "")
        {
            case "Conv" or "ConvTranspose":
                if (node.Inputs[Linear.WeightInput]?.Initializer is { Dims.Length: not 4 }) return null;
                if (!Convolves && !_isJoined && !double.IsNaN(_shuffled) && node.Inputs[Linear.WeightInput]?.Initializer is not null) Channels = Linear.Channels(node) * _shuffled;
                Convolves = true;
                Rescale(node.OpType == "Conv" ? 1 / Stride(node) : Stride(node));
                break;
            case "MaxPool" or "AveragePool":
                Rescale(1 / Stride(node));
                break;
            case "DepthToSpace":
                Shuffle(Math.Max(1, node.GetInt("blocksize", 1)));
                break;
            case "SpaceToDepth":
                Shuffle(1.0 / Math.Max(1, node.GetInt("blocksize", 1)));
                break;
            case "Resize" or "Upsample":
                Rescale(ScaleOf(node));
                break;
            case "Concat" or "Slice" or "Split" or "Tile" when !Convolves:
                _isJoined = true;
                break;
            case "Transpose" when node.GetInts("perm") is [_, var channels, _, _] && data[0].IsGraphInput:
                ChannelAxis = (int)Math.Clamp(channels, 0, 3);
                break;
            case "Reshape" when ShuffleBefore(node) is { } spread:
                Shuffle(spread.ConstantSize);
                return spread.Input;
            case "Add" or "Sub" when !Convolves && data.Length > 1 && convolutions[data[0]] > 0 && convolutions[data[^1]] == 0:
                AddsInput = true;
                break;
            case BatchNormalization.OpType when !Convolves:
                IsNormalized = true;
                break;
            case "Tanh" or "Clip" when !Convolves:
                Squash ??= node.OpType;
                break;
            default:
                if (Leavers.Contains(node.OpType)) return null;
                break;
        }
        return data[0];
    }

    private void Rescale(double factor)
    {
        Scale *= factor;
        Grows |= !(factor <= 1); // what is resized to a size computed at run time is mostly a decoder's
    }

    private void Shuffle(double block)
    {
        Rescale(block);
        if (!Convolves) _shuffled /= block * block;
    }

    /// <summary>PyTorch's PixelShuffle as older exporters write it: Reshape to (N, C, r, r, H, W), Transpose, Reshape.</summary>
    private static (Value Input, double ConstantSize)? ShuffleBefore(Node reshape)
    {
        if (reshape.Inputs is not [{ Producer: { } transpose }, ..] || !transpose.Is("Transpose") || !transpose.GetInts("perm").SequenceEqual(ShuffleOrder)) return null;
        if (transpose.Inputs is not [{ Producer: { } spread }] || !spread.Is("Reshape") || spread.Inputs is not [{ } input, { } shape, ..]) return null;
        return (input, shape.ConstantIntegers() is [_, _, > 0 and var size, ..] ? size : double.NaN);
    }

    private static double Stride(Node node) => node.GetInts("strides") is [.., > 0 and var stride] ? stride : 1;

    /// <summary>Of height and width alike, in any layout; NaN where it is computed, or an attribute of old versions.</summary>
    private static double ScaleOf(Node node)
    {
        float[]? scales = node.Inputs.Skip(1).Select(input => input?.ConstantFloats()).FirstOrDefault(numbers => numbers is { Length: 4 });
        return scales is null ? double.NaN : Math.Sqrt(scales.Aggregate(1.0, (product, scale) => product * scale));
    }
}
