using System.Diagnostics.CodeAnalysis;
using AdaBN.Onnx.Serialization;

namespace AdaBN.Onnx;

/// <summary>A computation graph: nodes in the file's order and the values between them, linked by object references.</summary>
public sealed class Graph
{
    private readonly Dictionary<string, Value> _values = new(StringComparer.Ordinal);
    private readonly List<Node> _nodes = [];
    private readonly List<Value> _inputs = [];
    private readonly List<Value> _outputs = [];
    private readonly List<Initializer> _initializers = [];

    internal Graph(GraphProto shell, Node? owner, ModelFolder? folder)
    {
        Shell = shell;
        Owner = owner;
        Folder = folder;
    }

    /// <summary>Where tensor data outside the model file lies; null for a model that came without a folder.</summary>
    internal ModelFolder? Folder { get; }

    /// <summary>All that is stored of the graph but its nodes and initializers.</summary>
    internal GraphProto Shell { get; }

    /// <summary>The graph's name.</summary>
    public string Name => Shell.Name;

    /// <summary>The node whose attribute this graph is, or null for a model's main graph.</summary>
    public Node? Owner { get; }

    /// <summary>The nodes, in the file's order.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Values taken from the caller, in the file's order. Before IR version 4 initializers are listed here too.</summary>
    public IReadOnlyList<Value> Inputs => _inputs;

    /// <summary>The inputs that a caller must supply: <see cref="Inputs"/> without the initializers among them.</summary>
    public IEnumerable<Value> RequiredInputs => _inputs.Where(value => value.Initializer is null);

    /// <summary>Values given to the caller, in the file's order.</summary>
    public IReadOnlyList<Value> Outputs => _outputs;

    /// <summary>Constant tensors, in the file's order.</summary>
    public IReadOnlyList<Initializer> Initializers => _initializers;

    /// <summary>Every value the graph defines.</summary>
    public IReadOnlyCollection<Value> Values => _values.Values;

    /// <summary>Finds a value that this graph (not one around it) defines.</summary>
    public bool TryGetValue(string name, [NotNullWhen(true)] out Value? value) => _values.TryGetValue(name, out value);

    /// <summary>All nodes here and in nested graphs, outer before inner.</summary>
    public IEnumerable<Node> NodesAndNested() =>
        _nodes.SelectMany(node => node.NestedGraphs.SelectMany(nested => nested.NodesAndNested()).Prepend(node));

    /// <summary>The nodes, each after all that it depends on; in the file's order where that already holds.</summary>
    /// <exception cref="OnnxModelException">Nodes depend on each other in a cycle.</exception>
    public IReadOnlyList<Node> TopologicalOrder()
    {
        var sorted = new List<Node>(_nodes.Count);
        var pending = new Dictionary<Node, int>(_nodes.Count);
        var consumers = new Dictionary<Node, List<Node>>();
        var ready = new PriorityQueue<Node, int>();
        var position = new Dictionary<Node, int>(_nodes.Count);
        foreach (Node node in _nodes)
        {
            position.Add(node, position.Count);
            var producers = node.Dependencies.Select(value => value.Producer).Where(producer => producer?.Graph == this).Distinct().ToList();
            pending.Add(node, producers.Count);
            foreach (Node? producer in producers)
            {
                if (!consumers.TryGetValue(producer!, out List<Node>? list)) consumers.Add(producer!, list = []);
                list.Add(node);
            }
        }
        foreach (Node node in _nodes.Where(node => pending[node] == 0)) ready.Enqueue(node, position[node]);
        while (ready.TryDequeue(out Node? node, out _))
        {
            sorted.Add(node);
            foreach (Node consumer in consumers.GetValueOrDefault(node, []))
                if (--pending[consumer] == 0) ready.Enqueue(consumer, position[consumer]);
        }
        if (sorted.Count < _nodes.Count)
        {
            Node stuck = _nodes.First(node => pending[node] > 0);
            throw new OnnxModelException($"The graph has a cycle: {stuck} waits for its own result. The file is damaged; export the model again.");
        }
        return sorted;
    }

    internal Value GetOrAddValue(string name)
    {
        if (!_values.TryGetValue(name, out Value? value)) _values.Add(name, value = new Value(this, name));
        return value;
    }

    internal void AddNode(Node node) => _nodes.Add(node);

    internal void AddInput(Value value)
    {
        value.IsGraphInput = true;
        _inputs.Add(value);
    }

    internal void RemoveInput(Value value)
    {
        value.IsGraphInput = false;
        _inputs.Remove(value);
        if (Shell.Input.FirstOrDefault(input => input.Name == value.Name) is { } stored) Shell.Input.Remove(stored);
    }

    internal void AddOutput(Value value)
    {
        value.IsGraphOutput = true;
        _outputs.Add(value);
    }

    internal void AddInitializer(Initializer initializer)
    {
        initializer.Value.Initializer = initializer;
        _initializers.Add(initializer);
    }

    internal void InsertNode(Node node, Node before) => _nodes.Insert(_nodes.IndexOf(before), node);

    internal void AppendNode(Node node, Node after) => _nodes.Insert(_nodes.IndexOf(after) + 1, node);

    /// <summary>Takes out a node; its outputs go too, unless another node computes them by now.</summary>
    internal void RemoveNode(Node node)
    {
        node.ReleaseInputs();
        _nodes.Remove(node);
        foreach (Value output in node.Outputs.OfType<Value>().Where(output => output.Producer == node)) Forget(output);
    }

    internal void RemoveInitializer(Initializer initializer)
    {
        _initializers.Remove(initializer);
        Forget(initializer.Value);
    }

    internal void Forget(Value value)
    {
        _values.Remove(value.Name);
        if (Shell.ValueInfo.FirstOrDefault(info => info.Name == value.Name) is { } info) Shell.ValueInfo.Remove(info);
    }

    internal void ReplaceInitializer(Initializer old, Initializer replacement)
    {
        _initializers[_initializers.IndexOf(old)] = replacement;
        replacement.Value.Initializer = replacement;
    }
}
