namespace AdaBN.Onnx;

/// <summary>One place where a value is read.</summary>
/// <param name="Consumer">The node that reads it; it may sit in a nested graph (a body of If, Loop or Scan).</param>
/// <param name="InputIndex">Position among the node's inputs; −1 where a nested graph returns the value as its output.</param>
public readonly record struct Use(Node Consumer, int InputIndex);

/// <summary>A tensor that flows through a <see cref="Graph"/>: a graph input, an initializer, or a node's output.</summary>
public sealed class Value
{
    private readonly List<Use> _uses = [];

    internal Value(Graph graph, string name)
    {
        Graph = graph;
        Name = name;
    }

    /// <summary>The graph that defines the value.</summary>
    public Graph Graph { get; }

    /// <summary>Its name, unique in its graph.</summary>
    public string Name { get; }

    /// <summary>The node that computes it, or null for inputs and initializers.</summary>
    public Node? Producer { get; internal set; }

    /// <summary>Its constant data, or null. A value may be both input and initializer (IR versions before 4): the data is then a default.</summary>
    public Initializer? Initializer { get; internal set; }

    /// <summary>Whether the graph takes it from its caller.</summary>
    public bool IsGraphInput { get; internal set; }

    /// <summary>Whether the graph returns it.</summary>
    public bool IsGraphOutput { get; internal set; }

    /// <summary>Its declared type, where the file declares one.</summary>
    public TensorType? Type { get; internal set; }

    /// <summary>Every node that reads it, nested graphs included.</summary>
    public IReadOnlyList<Use> Uses => _uses;

    /// <summary>Its elements where it is a constant of float32 numbers, as initializer or made by a Constant node; else null.</summary>
    /// <exception cref="OnnxModelException">The stored tensor is damaged.</exception>
    public float[]? ConstantFloats()
    {
        if (Initializer is { ElementType: ElementType.Float } initializer) return initializer.ToFloatArray();
        return Initializer is null && Producer is { } producer && producer.Is("Constant") ? producer.ConstantFloats(this) : null;
    }

    /// <summary>Its elements where it is a constant of int64 numbers, as initializer or made by a Constant node; else null.</summary>
    /// <exception cref="OnnxModelException">The stored tensor is damaged.</exception>
    public long[]? ConstantIntegers()
    {
        if (Initializer is { ElementType: ElementType.Int64 } initializer) return initializer.ToIntegerArray();
        return Initializer is null && Producer is { } producer && producer.Is("Constant") ? producer.ConstantIntegers(this) : null;
    }

    internal void AddUse(Node consumer, int inputIndex) => _uses.Add(new Use(consumer, inputIndex));

    internal void RemoveUse(Node consumer, int inputIndex) => _uses.Remove(new Use(consumer, inputIndex));

    /// <inheritdoc/>
    public override string ToString() => Type is null ? Name : $"{Name}: {Type}";
}
