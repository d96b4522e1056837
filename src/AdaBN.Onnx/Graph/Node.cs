using AdaBN.Onnx.Serialization;

namespace AdaBN.Onnx;

/// <summary>One operator call of a <see cref="Graph"/>.</summary>
public sealed class Node
{
    private readonly List<Value?> _inputs = [];
    private readonly List<Value?> _outputs = [];
    private readonly List<Graph> _nestedGraphs = [];
    private readonly List<Value> _captures = [];
    private readonly HashSet<Value> _captured = [];

    internal Node(Graph graph, NodeProto proto)
    {
        Graph = graph;
        Proto = proto;
    }

    /// <summary>As stored; never changed in place, because copies of a model share it.</summary>
    internal NodeProto Proto { get; private set; }

    /// <summary>The graph that holds the node.</summary>
    public Graph Graph { get; }

    /// <summary>Its name; empty where the exporter gave none.</summary>
    public string Name => Proto.Name;

    /// <summary>Its operator, such as <c>Conv</c>.</summary>
    public string OpType => Proto.OpType;

    /// <summary>The operator's domain; empty for ONNX's own operators.</summary>
    public string Domain => Proto.Domain == "ai.onnx" ? "" : Proto.Domain;

    /// <summary>What it reads, in the operator's order; null where an optional input is left out.</summary>
    public IReadOnlyList<Value?> Inputs => _inputs;

    /// <summary>What it computes, in the operator's order; null where an optional output is left out.</summary>
    public IReadOnlyList<Value?> Outputs => _outputs;

    /// <summary>Graphs among its attributes: bodies of If, Loop and Scan.</summary>
    public IReadOnlyList<Graph> NestedGraphs => _nestedGraphs;

    /// <summary>Values of the node's own graph or of graphs around it that its <see cref="NestedGraphs"/> read.</summary>
    public IReadOnlyList<Value> Captures => _captures;

    /// <summary>All values whose data the node depends on: its inputs, then what its nested graphs capture.</summary>
    public IEnumerable<Value> Dependencies => _inputs.OfType<Value>().Concat(_captures);

    /// <summary>The name for messages: its own, else its first output's.</summary>
    public string DisplayName => Name.Length > 0 ? Name : _outputs.OfType<Value>().FirstOrDefault()?.Name ?? OpType;

    /// <summary>Whether it calls ONNX's own operator of that name (not a namesake of another domain).</summary>
    public bool Is(string opType) => OpType == opType && Domain.Length == 0;

    /// <summary>An integer attribute, or the given default.</summary>
    public long GetInt(string attribute, long defaultValue) => Find(attribute)?.I ?? defaultValue;

    /// <summary>A float attribute, or the given default.</summary>
    public float GetFloat(string attribute, float defaultValue) => Find(attribute)?.F ?? defaultValue;

    /// <summary>A text attribute, or the given default.</summary>
    public string GetText(string attribute, string defaultValue) => Find(attribute)?.S.ToStringUtf8() ?? defaultValue;

    /// <summary>Whether the attribute is there at all.</summary>
    public bool HasAttribute(string attribute) => Find(attribute) is not null;

    /// <summary>An attribute that lists integers; empty where it is absent.</summary>
    public IReadOnlyList<long> GetInts(string attribute) => Find(attribute)?.Ints ?? (IReadOnlyList<long>)[];

    /// <summary>Whether another node calls the same operator with the same attributes.</summary>
    public bool IsSameCall(Node other) => OpType == other.OpType && Domain == other.Domain && Proto.Attribute.Equals(other.Proto.Attribute);

    /// <inheritdoc/>
    public override string ToString() => $"{OpType} '{DisplayName}'";

    internal void AddInput(Value? value)
    {
        value?.AddUse(this, _inputs.Count);
        _inputs.Add(value);
    }

    internal void AddOutput(Value? value)
    {
        if (value is not null) value.Producer = this;
        _outputs.Add(value);
    }

    internal void AddNestedGraph(Graph graph) => _nestedGraphs.Add(graph);

    internal void AddCapture(Value value)
    {
        if (_captured.Add(value)) _captures.Add(value);
    }

    internal void ReplaceCapture(Value old, Value value)
    {
        if (!_captured.Remove(old)) return;
        _captures.Remove(old);
        AddCapture(value);
    }

    internal void SetInput(int index, Value value)
    {
        _inputs[index]?.RemoveUse(this, index);
        _inputs[index] = value;
        value.AddUse(this, index);
    }

    internal void SetAttribute(string name, AttributeProto? attribute)
    {
        NodeProto edited = Proto.Clone();
        if (edited.Attribute.FirstOrDefault(old => old.Name == name) is { } old) edited.Attribute.Remove(old);
        if (attribute is not null) edited.Attribute.Add(attribute);
        Proto = edited;
    }

    internal void Rename(string name)
    {
        Proto = Proto.Clone();
        Proto.Name = name;
    }

    internal void KeepFirstOutput()
    {
        NodeProto edited = Proto.Clone();
        while (edited.Output.Count > 1) edited.Output.RemoveAt(1);
        Proto = edited;
        _outputs.RemoveRange(1, _outputs.Count - 1);
    }

    /// <summary>Unhooks the node, bodies included, from all that it reads.</summary>
    internal void ReleaseInputs()
    {
        for (int i = 0; i < _inputs.Count; i++) _inputs[i]?.RemoveUse(this, i);
        foreach (Graph nested in _nestedGraphs)
        {
            foreach (Node node in nested.Nodes) node.ReleaseInputs();
            foreach (Value capture in _captures) capture.RemoveUse(this, -1);
        }
    }

    internal void ReplaceOutput(Value old, Value value)
    {
        _outputs[_outputs.IndexOf(old)] = value;
        (old.Producer, value.Producer) = (null, this);
    }

    internal float[]? ConstantFloats(Value value) => Find("value") switch
    {
        { T: { DataType: (int)ElementType.Float } tensor } => new Initializer(value, tensor).ToFloatArray(),
        null when Find("value_float") is { } single => [single.F],
        null when Find("value_floats") is { } list => [.. list.Floats],
        _ => null,
    };

    internal long[]? ConstantIntegers(Value value) => Find("value") switch
    {
        { T: { DataType: (int)ElementType.Int64 } tensor } => new Initializer(value, tensor).ToIntegerArray(),
        null when Find("value_int") is { } single => [single.I],
        null when Find("value_ints") is { } list => [.. list.Ints],
        _ => null,
    };

    private AttributeProto? Find(string name) => Proto.Attribute.FirstOrDefault(attribute => attribute.Name == name);
}
