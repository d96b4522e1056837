using System.Runtime.CompilerServices;
using AdaBN.Onnx;

namespace AdaBN.Layout;

/// <summary>Weights in the blocked layout, which a piece takes as an input: so no session keeps a copy of them, or of the file they came in.</summary>
/// <param name="Name">The input.</param>
/// <param name="Dims">Its shape.</param>
/// <param name="Fill">Writes the weights into memory that is zero.</param>
internal sealed record BlockedWeights(string Name, long[] Dims, Action<Span<float>> Fill)
{
    public int Length => checked((int)Dims.Aggregate(1L, (product, length) => product * length));
}

/// <summary>A piece of a model in the blocked layout.</summary>
/// <param name="File">The piece as a model file, its convolutions and pools in the domain com.microsoft.nchwc.</param>
/// <param name="Weights">Inputs that are the same for every batch.</param>
/// <param name="BlockedInputs">Names of inputs that it wants blocked; it takes the others as they are.</param>
/// <param name="Channels">For each output, all of which are blocked, its number of channels before filling up.</param>
internal sealed record BlockedPiece(byte[] File, IReadOnlyList<BlockedWeights> Weights, IReadOnlySet<string> BlockedInputs, IReadOnlyDictionary<string, int> Channels)
{
    /// <summary>
    /// Writes a piece in the blocked layout. Declines, giving null, when it has any node but two-dimensional Conv with constant weights,
    /// MaxPool, AveragePool and Pad by nothing; then ONNX Runtime reorders as it sees fit.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">The piece's inputs with their types in the plain layout.</param>
    /// <param name="outputs">Its outputs.</param>
    /// <param name="block">Channels a block.</param>
    public static BlockedPiece? TryConvert(OnnxModel model, IReadOnlyList<KeyValuePair<Value, TensorType>> inputs, IReadOnlyList<Value> outputs, int block)
    {
        OnnxModel piece = SubgraphExtractor.Extract(model, inputs, outputs);
        var converter = new Converter(piece, block, [.. inputs.Select(input => input.Key).Where(value => value.IsGraphInput).Select(value => value.Name)]);
        return converter.Run() ? new BlockedPiece(converter.ToBytes(), converter.Weights, converter.BlockedInputs, converter.OutputChannels) : null;
    }

    /// <param name="piece">The piece.</param>
    /// <param name="block">Channels a block.</param>
    /// <param name="images">Names of inputs that come from the data, in the plain layout, not from a stage.</param>
    private sealed class Converter(OnnxModel piece, int block, HashSet<string> images)
    {
        private const long MostWeights = 1 << 28; // a gigabyte; filling up blocks may make few weights many

        private readonly GraphBuilder _builder = new(piece.IrVersion, [.. piece.OpsetImports, KeyValuePair.Create(BlockedLayout.Domain, 1L)]);
        private readonly Dictionary<Value, (string Name, int Channels)> _blocked = [];
        private readonly HashSet<string> _plainInputs = [];

        public List<BlockedWeights> Weights { get; } = [];

        public HashSet<string> BlockedInputs { get; } = [];

        public Dictionary<string, int> OutputChannels { get; } = [];

        public bool Run()
        {
            foreach (Node node in piece.Graph.TopologicalOrder())
            {
                bool done = node.Is("Conv") ? Convolve(node) : node.Is("MaxPool") || node.Is("AveragePool") ? Pool(node)
                    : node.Is("Pad") ? PassOn(node) : node.Is("Constant");
                if (!done) return false;
            }
            if (_plainInputs.Overlaps(BlockedInputs)) return false;
            foreach (Value output in piece.Graph.Outputs)
            {
                if (!_blocked.TryGetValue(output, out (string Name, int Channels) found) || found.Name != output.Name) return false;
                OutputChannels.Add(output.Name, found.Channels);
                _builder.Output(output.Name);
            }
            foreach (Value input in piece.Graph.RequiredInputs)
            {
                TensorType type = input.Type!;
                _builder.Input(input.Name, BlockedInputs.Contains(input.Name)
                    ? type with { Shape = type.Shape!.Value.SetItem(1, new Dimension(BlockedLayout.Padded((int)type.Shape.Value[1].Length!.Value, block))) }
                    : type);
            }
            return true;
        }

        public byte[] ToBytes() => _builder.ToBytes();

        private bool Convolve(Node node)
        {
            if (node.Inputs[1] is not { Initializer: { ElementType: ElementType.Float, Dims: [var o, var i, var kh, var kw] } weights } weightValue) return false;
            float[]? bias = node.Inputs.Count > 2 && node.Inputs[2] is { } biasValue ? biasValue.ConstantFloats() : [];
            if (bias is null || (bias.Length > 0 && bias.Length != o) || node.Inputs[0] is not { } data) return false;
            long group = node.GetInt("group", 1);
            if (weights.Dims.Contains(0) || group < 1 || o % group != 0) return false;
            (int outputs, int inputs, int kernel, int paddedOutputs) = ((int)o, (int)i, (int)(kh * kw), BlockedLayout.Padded((int)o, block));
            if ((long)paddedOutputs * BlockedLayout.Padded(inputs, block) * kernel > MostWeights) return false;

            bool isDepthwise = group > 1 && inputs == 1 && outputs == group;
            bool takesPlain = group == 1 && inputs < block && images.Contains(data.Name); // there is a kernel for images, which saves filling up their few channels
            if (group > 1 && !isDepthwise && (inputs % block != 0 || outputs / group % block != 0)) return false;
            if (takesPlain ? !TakesPlain(data) : Blocked(data) is not { } found || found.Channels != inputs * group) return false;

            string name = $"{weightValue.Name}:{node.Outputs[0]!.Name}";
            int paddedInputs = takesPlain || isDepthwise ? inputs : BlockedLayout.Padded(inputs, block);
            AddWeights(name, [paddedOutputs, paddedInputs, kh, kw], reordered =>
            {
                if (takesPlain || isDepthwise) ReorderOutputs(weights.AsFloats(), reordered, outputs, inputs, kernel);
                else ReorderBoth(weights.AsFloats(), reordered, outputs, inputs, kernel);
            });
            if (bias.Length > 0) AddWeights($"{name}:bias", [paddedOutputs], bias.CopyTo);
            string[] names = [takesPlain ? data.Name : Blocked(data)!.Value.Name, name, .. bias.Length > 0 ? [$"{name}:bias"] : Array.Empty<string>()];
            return Add(node, "Conv", names, outputs, KeyValuePair.Create("group", new[] { isDepthwise ? paddedOutputs : group }), KeyValuePair.Create("kernel_shape", new[] { kh, kw }));
        }

        private void AddWeights(string name, long[] dims, Action<Span<float>> fill)
        {
            Weights.Add(new BlockedWeights(name, dims, fill));
            _builder.Input(name, new TensorType(ElementType.Float, [.. dims.Select(length => new Dimension(length))]));
        }

        private bool Pool(Node node)
        {
            if (node.Inputs[0] is not { } data || node.Outputs.OfType<Value>().Count() != 1 || node.GetInts("kernel_shape").Count != 2 || Blocked(data) is not { } found) return false;
            return Add(node, node.OpType, [found.Name], found.Channels);
        }

        /// <summary>Pad by nothing, as some exporters write before a pool.</summary>
        private bool PassOn(Node node)
        {
            bool isNothing = node.HasAttribute("pads") ? node.GetInts("pads").All(pad => pad == 0) : node.Inputs is [_, { } amounts, ..] && amounts.ConstantIntegers() is { } pads && pads.All(pad => pad == 0);
            if (!isNothing || node.Inputs[0] is not { } data || Blocked(data) is not { } found) return false;
            _blocked.Add(node.Outputs[0]!, found);
            return true;
        }

        private bool Add(Node node, string opType, string[] inputs, int channels, params KeyValuePair<string, long[]>[] integers)
        {
            Value output = node.Outputs[0]!;
            _builder.Node(BlockedLayout.Domain, opType, inputs, output.Name, node, integers);
            _blocked.Add(output, (output.Name, channels));
            return true;
        }

        private bool TakesPlain(Value value) => value.IsGraphInput && value.Producer is null && (_plainInputs.Add(value.Name) || true);

        private (string Name, int Channels)? Blocked(Value value)
        {
            if (_blocked.TryGetValue(value, out (string, int) found)) return found;
            if (!value.IsGraphInput || value.Type is not { ElementType: ElementType.Float, Shape: [_, { Length: { } channels }, _, _] }) return null;
            BlockedInputs.Add(value.Name);
            return (value.Name, (int)channels);
        }

        /// <summary>Output × input × kernel to [output block][input block][kernel][input of the block][output of the block].</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void ReorderBoth(ReadOnlySpan<float> weights, Span<float> result, int outputs, int inputs, int kernel)
        {
            int inputBlocks = BlockedLayout.Padded(inputs, block) / block;
            for (int outputBlock = 0; outputBlock < outputs; outputBlock += block)
            {
                int used = Math.Min(block, outputs - outputBlock);
                for (int i = 0; i < inputs; i++)
                {
                    int target = (((outputBlock * inputBlocks) + (i / block * block)) * kernel * block) + (i % block * block);
                    for (int k = 0; k < kernel; k++, target += block * block)
                    {
                        int source = (((outputBlock * inputs) + i) * kernel) + k;
                        for (int o = 0; o < used; o++) result[target + o] = weights[source + (o * inputs * kernel)];
                    }
                }
            }
        }

        /// <summary>Output × input × kernel to [output block][input][kernel][output of the block].</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void ReorderOutputs(ReadOnlySpan<float> weights, Span<float> result, int outputs, int inputs, int kernel)
        {
            for (int o = 0; o < outputs; o++)
            {
                for (int rest = 0; rest < inputs * kernel; rest++)
                    result[(((o / block * inputs * kernel) + rest) * block) + (o % block)] = weights[(o * inputs * kernel) + rest];
            }
        }
    }
}
