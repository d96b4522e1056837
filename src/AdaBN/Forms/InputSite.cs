using System.Globalization;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Forms;

/// <summary>
/// An input x of the model. With its statistics on the source domain, mean m and variance v, and those decided, m' and v', the model is to
/// read x·a + b, with a = √(v + ε) / √(v' + ε) and b = m − m'·a a channel: AdaIN (Huang and Belongie, arXiv 1703.06868, eq. 8) on pixels, the source domain
/// being the style, by domain instead of by image. Where nothing but Convs without padding reads x, weights and biases take it in:
/// Σ W·(x·a + b) = Σ (W·a)·x + Σ W·b. Anywhere else it is a Mul and an Add in front: behind zero padding Σ W·b would be too much at the border,
/// where zeros stand for pixels that are aligned already, and to add b/a in front and only multiply W saves one node of two, but divides by what
/// may be next to nothing. A Mul and an Add that stand there from an adaptation before take the new ones in. In double, rounded once; m' and v' as float32,
/// which is what the layers behind were measured with.
/// </summary>
internal sealed class InputSite(string input, ReferenceLayer reference, float epsilon) : IStatisticsSite
{
    public void Write(OnnxModel adapted, ChannelStatistics decision)
    {
        double[] scale = [.. reference.Variance.Zip(decision.Variance, (source, target) => Math.Sqrt((source + epsilon) / ((float)target + epsilon)))];
        double[] shift = [.. scale.Select((factor, c) => reference.Mean[c] - ((float)decision.Mean[c] * factor))];
        Value value = Find(adapted);
        Node[] convs = UnpaddedConvs(value);
        foreach (Node conv in convs) Fold(adapted, conv, scale, shift);
        if (convs.Length > 0) return;
        if (PresentAffine(value) is var (mul, add)) Compose(adapted, mul, add, scale, shift);
        else Insert(adapted, value, scale, shift);
    }

    /// <summary>What a user should know of how it will be written.</summary>
    /// <param name="file">The model before it is written.</param>
    public string Describe(OnnxModel file)
    {
        Value value = Find(file);
        string where = UnpaddedConvs(value) is { Length: > 0 } convs ? $"in the weights and biases of {string.Join(", ", convs.Select(conv => conv.ToString()))}"
            : PresentAffine(value) is var (mul, add) ? $"in the constants of {mul} and {add}" : "as a Mul and an Add in front of the model";
        string channels = value.Type!.Shape!.Value.Length > 2 ? "each of its channels" : string.Create(CultureInfo.InvariantCulture, $"each of its {reference.Mean.Count} numbers, taken for a channel each,");
        return $"Input '{input}': {channels} is aligned with its mean and variance on the source domain as far as the policy decides; what that changes is written {where}.";
    }

    private Value Find(OnnxModel model) => model.Graph.TryGetValue(input, out Value? value) ? value : throw new OnnxModelException($"The model has no input '{input}' where one is expected.");

    /// <summary>The Convs that read the input, if they alone do and each can take it in; else none.</summary>
    private Node[] UnpaddedConvs(Value value) =>
        value.Uses.All(use => use is { Consumer: { } reader, InputIndex: Linear.DataInput } && reader.Graph == value.Graph && reader.Is("Conv") && CanFold(reader, value.Type!.ElementType))
            ? [.. value.Uses.Select(use => use.Consumer)] : [];

    private bool CanFold(Node conv, ElementType type) =>
        conv.Inputs[Linear.WeightInput]!.Initializer is { } weights && weights.ElementType == type && !Linear.MayPad(conv) && Linear.InputChannels(conv, reference.Mean.Count) is not null
        && (conv.Inputs.ElementAtOrDefault(Linear.BiasInput) is not { } bias || (bias.Initializer is { Dims: [var length] } initializer && initializer.ElementType == type && length == weights.Dims[0]));

    private static void Fold(OnnxModel adapted, Node conv, double[] scale, double[] shift)
    {
        Initializer source = conv.Inputs[Linear.WeightInput]!.Initializer!;
        double[] weights = source.ToDoubleArray();
        double[]? present = conv.Inputs.ElementAtOrDefault(Linear.BiasInput)?.Initializer!.ToDoubleArray();
        double[] bias = present ?? new double[source.Dims[0]];
        int[] channels = Linear.InputChannels(conv, scale.Length)!;
        int taps = weights.Length / channels.Length, kernels = channels.Length / bias.Length;
        for (int i = 0; i < weights.Length; i++)
        {
            int channel = channels[i / taps];
            bias[i / taps / kernels] += weights[i] * shift[channel];
            weights[i] *= scale[channel];
        }
        Check(source.ElementType, [.. weights, .. bias], $"The weights of layer '{conv.DisplayName}'");
        GraphEditor.ReplaceInitializer(adapted, [conv], Linear.WeightInput, weights);
        if (present is not null) GraphEditor.ReplaceInitializer(adapted, [conv], Linear.BiasInput, bias);
        else GraphEditor.AddInput(adapted, conv, Linear.BiasInput, $"{source.Name}.bias", source.ElementType, bias);
    }

    /// <summary>A Mul and an Add of one number a channel, such as <see cref="Insert"/> makes, through which alone the input is read; else null.</summary>
    private static (Node Mul, Node Add)? PresentAffine(Value value)
    {
        Node? Reader(Value read, string opType) => read is { IsGraphOutput: false, Uses: [{ Consumer: { Inputs: [_, { Initializer: { } constant }] } node, InputIndex: 0 }] } && node.Graph == value.Graph
            && node.Is(opType) && constant.ElementType == value.Type!.ElementType && constant.Dims.SequenceEqual(Dims(value)) ? node : null;
        return Reader(value, "Mul") is { } mul && Reader(mul.Outputs[0]!, "Add") is { } add ? (mul, add) : null;
    }

    private void Compose(OnnxModel adapted, Node mul, Node add, double[] scale, double[] shift)
    {
        double[] presentScale = mul.Inputs[1]!.Initializer!.ToDoubleArray(), presentShift = add.Inputs[1]!.Initializer!.ToDoubleArray();
        double[] newScale = [.. scale.Zip(presentScale, (factor, present) => factor * present)];
        double[] newShift = [.. shift.Select((offset, c) => (offset * presentScale[c]) + presentShift[c])];
        Check(mul.Inputs[1]!.Initializer!.ElementType, [.. newScale, .. newShift], $"The alignment of input '{input}'");
        GraphEditor.ReplaceInitializer(adapted, [mul], 1, newScale);
        GraphEditor.ReplaceInitializer(adapted, [add], 1, newShift);
    }

    private void Insert(OnnxModel adapted, Value value, double[] scale, double[] shift)
    {
        ElementType type = value.Type!.ElementType;
        Check(type, [.. scale, .. shift], $"The alignment of input '{input}'");
        Value Constant(string what, double[] numbers) => GraphEditor.AddConstant(adapted, adapted.Graph, $"{input}.aligned_{what}", type, Dims(value), numbers).Value;
        Node first = adapted.Graph.Nodes[0];
        Value scaled = GraphEditor.InsertNode(first, "Mul", [value, Constant("scale", scale)], $"{input}.scaled");
        Value aligned = GraphEditor.InsertNode(first, "Add", [scaled, Constant("shift", shift)], $"{input}.aligned");
        GraphEditor.MoveReaders(value, aligned);
        GraphEditor.SetInput(scaled.Producer!, 0, value);
    }

    private static long[] Dims(Value value) => [1, value.Type!.Shape!.Value[1].Length!.Value, .. Enumerable.Repeat(1L, value.Type.Shape.Value.Length - 2)];

    private static void Check(ElementType type, IEnumerable<double> numbers, string what)
    {
        if (numbers.FirstOrDefault(number => !double.IsFinite(type.Round(number))) is var beyond and not 0)
        {
            throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                $"{what} would have to hold {beyond:g4}, more than {type}. Check the data's preprocessing (scale, mean), or leave the input out with the layer filter."));
        }
    }
}
