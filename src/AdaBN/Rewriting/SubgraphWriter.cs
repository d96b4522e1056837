using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Rewriting;

/// <summary>Writes the nodes of a normalization in front of a node, counting what they cost at run time.</summary>
internal sealed class SubgraphWriter
{
    // These read their data once for the statistics and once to normalize; all others once.
    private static readonly string[] OfTheSample = ["InstanceNormalization", "LayerNormalization", "GroupNormalization"];
    private static readonly string[] Free = ["Reshape", "Shape"], Reducing = ["GlobalAveragePool", "Shape"];
    private readonly OnnxModel _model;
    private readonly Node _before;
    private readonly string _name;
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<Value, double> _parts = [];

    public SubgraphWriter(OnnxModel model, Node before, Value x, int rank)
    {
        (_model, _before, Rank) = (model, before, rank);
        _name = before.Outputs[0]!.Name;
        _parts.Add(x, 1);
    }

    public long Opset => _model.Opset;

    /// <summary>Number of axes of what is normalized.</summary>
    public int Rank { get; }

    /// <summary>The nodes written, in order.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>How often the tensor that is normalized is read or written, in tensors of its size.</summary>
    public double Passes { get; private set; }

    /// <summary>The node that goes by the old one's name: what keeps statistics, else what normalizes.</summary>
    public Node Heir => _nodes.Find(node => node.Is(BatchNormalization.OpType)) ?? _nodes.Find(SampleNormalization.IsOperator) ?? _nodes[^1];

    /// <summary>Writes a node with one output.</summary>
    public Value Op(string opType, params IReadOnlyList<Value?> inputs)
    {
        double parts = inputs.Sum(PartOf), most = inputs.Max(PartOf);
        double read = Free.Contains(opType) ? 0 : parts + (OfTheSample.Contains(opType) ? most : 0);
        return Insert(opType, inputs, read, [Reducing.Contains(opType) ? 0 : opType == "Concat" ? parts : most]).Outputs[0]!;
    }

    /// <summary>Splits a value along the channels.</summary>
    public IReadOnlyList<Value> Split(Value x, params long[] channels)
    {
        const long firstWithInput = 13;
        double part = PartOf(x);
        double[] parts = [.. channels.Select(count => part * count / channels.Sum())];
        Node node = Opset < firstWithInput ? Insert("Split", [x], part, parts) : Insert("Split", [x, Integers("split", channels)], part, parts);
        GraphEditor.SetInt(node, "axis", 1);
        if (Opset < firstWithInput) GraphEditor.SetInts(node, "split", channels);
        return [.. node.Outputs.Select(output => output!)];
    }

    public Value Cast(Value value, ElementType type) => Op("Cast", value).With("to", (long)type);

    /// <summary>The mean over all positions, N×C×1×…×1.</summary>
    public Value MeanOverPositions(Value value) => Op("GlobalAveragePool", value);

    /// <summary>One float32 number a channel.</summary>
    public Value Vector(string what, IReadOnlyList<double> data) => Constant(what, data, data.Count);

    /// <summary>One float32 number a channel, broadcast over samples and positions.</summary>
    public Value PerChannel(string what, IReadOnlyList<double> data) => Constant(what, data, [data.Count, .. Enumerable.Repeat(1L, Rank - 2)]);

    /// <summary>A row of such numbers for each style or domain.</summary>
    public Value Table(string what, IReadOnlyList<IReadOnlyList<double>> rows) =>
        Constant(what, [.. rows.SelectMany(row => row)], [rows.Count, rows[0].Count, .. Enumerable.Repeat(1L, Rank - 2)]);

    public Value Constant(string what, IReadOnlyList<double> data, params long[] dims)
    {
        int at = data.ToList().FindIndex(number => !float.IsFinite((float)number));
        if (at >= 0)
        {
            throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                $"Number {at} of the {what} to write at {_before} is {data[at]:g4}, expected one that float32 holds. Check the layer's statistics and scale."));
        }
        return GraphEditor.AddConstant(_model, _model.Graph, $"{_name}.{what}", ElementType.Float, dims, [.. data]).Value;
    }

    public Value Integers(string what, params long[] data) => GraphEditor.AddIntegers(_model, _model.Graph, $"{_name}.{what}", data).Value;

    /// <summary>A value of the model, or else a new input of it.</summary>
    /// <exception cref="AdaptationException">The value is computed behind the place where it is needed.</exception>
    public Value Named(string name, ElementType type, params long?[] dims)
    {
        Graph graph = _model.Graph;
        if (!graph.TryGetValue(name, out Value? value)) return GraphEditor.AddGraphInput(_model, name, new TensorType(type, [.. dims.Select(dim => new Dimension(dim))]));
        if (value.Producer is null || graph.Nodes.TakeWhile(node => node != _before).Contains(value.Producer)) return value;
        throw new AdaptationException(AdaptationError.UnsupportedForm, $"'{name}', which the normalization at {_before} is to read, is computed behind it in the file. Name a value that stands before it, or a new input.");
    }

    private double PartOf(Value? value) => value is null ? 0 : _parts.GetValueOrDefault(value);

    private Node Insert(string opType, IReadOnlyList<Value?> inputs, double read, IReadOnlyList<double> written)
    {
        Node node = GraphEditor.InsertNode(_before, opType, inputs, [.. written.Select(_ => $"{_name}.{opType}")]);
        _nodes.Add(node);
        foreach ((Value? output, double part) in node.Outputs.Zip(written)) _parts[output!] = part;
        Passes += read + (Free.Contains(opType) ? 0 : written.Sum());
        return node;
    }
}

/// <summary>Attributes of the node that computes a value.</summary>
internal static class NodeAttributes
{
    public static Value With(this Value value, string attribute, long number)
    {
        GraphEditor.SetInt(value.Producer!, attribute, number);
        return value;
    }

    public static Value With(this Value value, string attribute, float number)
    {
        GraphEditor.SetFloat(value.Producer!, attribute, number);
        return value;
    }

    public static Value With(this Value value, string attribute, string text)
    {
        GraphEditor.SetText(value.Producer!, attribute, text);
        return value;
    }

    public static Value With(this Value value, string attribute, long[] numbers)
    {
        GraphEditor.SetInts(value.Producer!, attribute, numbers);
        return value;
    }
}
