using System.Globalization;

namespace AdaBN.Onnx;

/// <summary>Edits of a graph. Each checks what it needs before it changes anything.</summary>
public static class GraphEditor
{
    private const int FirstIrVersionWithFreeInitializers = 4;

    /// <summary>
    /// Gives one node input other constant data of the same shape. Where any other node, a nested graph or the caller sees the
    /// same initializer, it stays as it is and this input gets a copy under a new name.
    /// </summary>
    /// <param name="model">The model that holds the node; its IR version decides how a copy is declared.</param>
    /// <param name="node">The node to edit.</param>
    /// <param name="inputIndex">Position among the node's inputs.</param>
    /// <param name="data">Row-major elements, as many as the initializer has.</param>
    /// <returns>The initializer that the input has now.</returns>
    /// <exception cref="OnnxModelException">The input is no float32 initializer of that many elements.</exception>
    public static Initializer ReplaceInitializer(OnnxModel model, Node node, int inputIndex, ReadOnlySpan<float> data)
    {
        Value? value = inputIndex < node.Inputs.Count ? node.Inputs[inputIndex] : null;
        if (value?.Initializer is not { ElementType: ElementType.Float } old)
            throw new OnnxModelException($"Input {inputIndex.ToString(CultureInfo.InvariantCulture)} of {node} is no float32 initializer and cannot be replaced.");
        int expected = old.ToFloatArray().Length;
        if (data.Length != expected)
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture, $"Initializer '{old.Name}' has {expected} elements, not {data.Length}."));

        if (value.Uses.Count == 1 && !value.IsGraphOutput)
        {
            Initializer replacement = old.With(value, data);
            value.Graph.ReplaceInitializer(old, replacement);
            return replacement;
        }

        Value copy = NewValue(value.Graph, value.Name, value.Type);
        Initializer cloned = old.With(copy, data);
        value.Graph.AddInitializer(cloned);
        if (value.IsGraphInput && model.IrVersion < FirstIrVersionWithFreeInitializers) value.Graph.AddInput(copy);
        node.SetInput(inputIndex, copy);
        return cloned;
    }

    /// <summary>Gives a node an optional input that it leaves out so far: a new vector of constants.</summary>
    /// <param name="model">The model that holds the node; its IR version decides how the constant is declared.</param>
    /// <param name="node">The node to edit, of the main graph.</param>
    /// <param name="inputIndex">Position of the input: the next one, or one left empty.</param>
    /// <param name="stem">What to name the constant after.</param>
    /// <param name="data">The vector.</param>
    /// <returns>The new initializer.</returns>
    /// <exception cref="OnnxModelException">The input is there already, or inputs before it are missing.</exception>
    public static Initializer AddInput(OnnxModel model, Node node, int inputIndex, string stem, ReadOnlySpan<float> data)
    {
        if (node.Graph != model.Graph || inputIndex > node.Inputs.Count || (inputIndex < node.Inputs.Count && node.Inputs[inputIndex] is not null))
            throw new OnnxModelException($"Input {inputIndex.ToString(CultureInfo.InvariantCulture)} of {node} cannot be added: it is there already, or one before it is missing.");
        Initializer vector = NewVector(model, stem, data);
        if (inputIndex == node.Inputs.Count) node.AddInput(vector.Value);
        else node.SetInput(inputIndex, vector.Value);
        return vector;
    }

    /// <summary>
    /// Puts a node between a value's producer and all that read the value, the caller and nested graphs included: the new node computes
    /// the value, from what the producer gives under a new name.
    /// </summary>
    /// <param name="model">The model to edit.</param>
    /// <param name="value">A value that a node of the main graph computes.</param>
    /// <param name="opType">The new node's operator, one of ONNX's own with a single output.</param>
    /// <param name="vectors">Its inputs behind the first, all constants: names to name them after, and their data.</param>
    /// <param name="floats">Its attributes.</param>
    /// <returns>The new node.</returns>
    /// <exception cref="OnnxModelException">No node of the main graph computes the value.</exception>
    public static Node InsertBehind(
        OnnxModel model, Value value, string opType, IReadOnlyList<KeyValuePair<string, float[]>> vectors, params IEnumerable<KeyValuePair<string, float>> floats)
    {
        if (value.Graph != model.Graph || value.Producer is not { } producer)
            throw new OnnxModelException($"No node can be put behind '{value.Name}': no node of the main graph computes it.");
        Value before = NewValue(model.Graph, value.Name, value.Type);
        producer.ReplaceOutput(value, before);
        var node = new Node(model.Graph, opType, floats);
        node.AddInput(before);
        foreach ((string stem, float[] data) in vectors) node.AddInput(NewVector(model, stem, data).Value);
        node.AddOutput(value);
        model.Graph.InsertNode(node, producer);
        return node;
    }

    private static Initializer NewVector(OnnxModel model, string stem, ReadOnlySpan<float> data)
    {
        Value value = NewValue(model.Graph, stem, new TensorType(ElementType.Float, [new Dimension(data.Length)]));
        var vector = new Initializer(value, data);
        model.Graph.AddInitializer(vector);
        if (model.IrVersion < FirstIrVersionWithFreeInitializers) model.Graph.AddInput(value);
        return vector;
    }

    private static Value NewValue(Graph graph, string stem, TensorType? type)
    {
        // ONNX names are unique across a graph and the graphs nested in it.
        Graph[] scopes = [graph, .. graph.NodesAndNested().SelectMany(node => node.NestedGraphs)];
        for (int i = 1; ; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{stem}_{i}");
            if (scopes.Any(scope => scope.TryGetValue(name, out _))) continue;
            Value value = graph.GetOrAddValue(name);
            value.Type = type;
            return value;
        }
    }
}
