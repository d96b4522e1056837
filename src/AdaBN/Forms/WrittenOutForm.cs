using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Forms;

/// <summary>Puts one BatchNormalization node in the place of one written out in elementary operators, between Transposes where the channels come last.</summary>
internal static class WrittenOutForm
{
    private const string ExportKept = "export the model with BatchNormalization kept";

    /// <summary>Whether it normalizes channels at all: constants of a single number are a preprocessing of the whole image.</summary>
    public static bool IsByChannel(WrittenOutBatchNorm found, ConstantFolder constants) =>
        constants.Evaluate(Read(found.Mean)) is { } mean && ChannelAxis.FromLast(mean) is not null && constants.Evaluate(Read(found.Variance)) is { } variance && ChannelAxis.FromLast(variance) is not null;

    /// <summary>Why it cannot be adapted, or null.</summary>
    public static Refusal? WhyNot(WrittenOutBatchNorm found, OnnxModel copy, ConstantFolder constants)
    {
        HashSet<Node> own = [.. found.Between.Select(value => value.Producer!), found.Last];
        foreach (Value value in found.Between)
        {
            if (value.IsGraphOutput) return new Refusal($"'{value.Name}', which is part of it, is an output of the model", ExportKept);
            if (value.Uses.FirstOrDefault(use => !own.Contains(use.Consumer)) is { Consumer: { } other }) return new Refusal($"'{value.Name}', which is part of it, is also read by {other}", ExportKept);
        }
        ConstantTensor mean = constants.Evaluate(Read(found.Mean))!;
        foreach (Value parameter in Parameters(found))
        {
            if (constants.Evaluate(parameter) is not { } tensor || !tensor.ElementType.IsFloatingPoint()) return new Refusal($"its constant '{parameter.Name}' cannot be computed as numbers", ExportKept);
            bool fits = tensor.Elements.Length == mean.Elements.Length && ChannelAxis.FromLast(tensor) == ChannelAxis.FromLast(mean);
            bool isSingle = tensor.Elements.Length == 1 && parameter != Read(found.Variance);
            if (!fits && !isSingle) return new Refusal($"its constant '{parameter.Name}' has the shape [{string.Join(", ", tensor.Dims)}] beside [{string.Join(", ", mean.Dims)}], expected one number a channel in both", ExportKept);
        }
        if (ChannelAxis.RankOf(copy, found.Data) is not { } rank) return new Refusal($"the number of axes of '{found.Data.Name}' is not declared, so its channels cannot be told", "run ONNX shape inference on the model first");
        int axis = rank - ChannelAxis.FromLast(mean)!.Value;
        return axis == 1 || (axis == rank - 1 && axis > 1) ? null : new Refusal($"its constants lie along axis {axis} of {rank}, expected the channels (axis 1, or the last)", ExportKept);
    }

    /// <summary>How the file writes it.</summary>
    public static string Spelling(WrittenOutBatchNorm found) =>
        $"written out as {string.Join(", ", found.Between.Select(value => value.Producer!).Append(found.Last).Select(node => node.OpType))}";

    /// <summary>Puts the node in its place in the working copy.</summary>
    public static Node Replace(WrittenOutBatchNorm found, OnnxModel copy, ConstantFolder constants)
    {
        ConstantTensor mean = constants.Evaluate(Read(found.Mean))!, variance = constants.Evaluate(Read(found.Variance))!;
        int channels = mean.Elements.Length, rank = ChannelAxis.RankOf(copy, found.Data)!.Value;
        double[] scale = Filled(channels, 1), bias = Filled(channels, 0);
        foreach (Value factor in found.Scales) Combine(scale, constants.Evaluate(factor)!, (a, b) => a * b);
        foreach ((Value summand, int sign) in found.Biases) Combine(bias, constants.Evaluate(summand)!, (a, b) => a + (sign * b));
        string name = found.Last.Outputs[0]!.Name;
        Value Constant(string what, double[] numbers) => GraphEditor.AddConstant(copy, copy.Graph, $"{name}.{what}", mean.ElementType, [channels], numbers).Value;
        Value[] parameters = [Constant("scale", scale), Constant("bias", bias), Constant("mean", mean.Elements), Constant("variance", variance.Elements)];

        bool channelsLast = rank - ChannelAxis.FromLast(mean)!.Value > 1;
        Node node = found.Last;
        if (!channelsLast)
        {
            node = GraphEditor.ReplaceNode(found.Last, BatchNormalization.OpType, [found.Data, .. parameters]);
        }
        else
        {
            long[] toFirst = [0, rank - 1, .. Enumerable.Range(1, rank - 2).Select(axis => (long)axis)], toLast = [0, .. Enumerable.Range(2, rank - 2).Select(axis => (long)axis), 1];
            Value first = GraphEditor.InsertNode(found.Last, "Transpose", [found.Data], $"{name}.channels_first", KeyValuePair.Create("perm", toFirst));
            Value normalized = GraphEditor.InsertNode(found.Last, BatchNormalization.OpType, [first, .. parameters], $"{name}.normalized");
            GraphEditor.ReplaceNode(found.Last, "Transpose", [normalized], KeyValuePair.Create("perm", toLast));
            node = normalized.Producer!;
        }
        GraphEditor.SetFloat(node, BatchNormalization.Epsilon, (float)found.Epsilon);
        return node;
    }

    public static Value Read((Node Node, int Input) place) => place.Node.Inputs[place.Input]!;

    private static IEnumerable<Value> Parameters(WrittenOutBatchNorm found) => [Read(found.Mean), Read(found.Variance), .. found.Scales, .. found.Biases.Select(bias => bias.Value)];

    private static double[] Filled(int count, double value) => [.. Enumerable.Repeat(value, count)];

    private static void Combine(double[] into, ConstantTensor with, Func<double, double, double> combine)
    {
        for (int c = 0; c < into.Length; c++) into[c] = combine(into[c], with.Elements[with.Elements.Length == 1 ? 0 : c]);
    }
}
