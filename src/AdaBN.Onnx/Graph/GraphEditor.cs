using System.Globalization;

namespace AdaBN.Onnx;

/// <summary>Edits of a graph. Each checks what it needs before it changes anything.</summary>
public static class GraphEditor
{
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

        Value copy = value.Graph.GetOrAddValue(UnusedName(value));
        copy.Type = value.Type;
        Initializer cloned = old.With(copy, data);
        value.Graph.AddInitializer(cloned);
        const int firstIrVersionWithFreeInitializers = 4;
        if (value.IsGraphInput && model.IrVersion < firstIrVersionWithFreeInitializers) value.Graph.AddInput(copy);
        node.SetInput(inputIndex, copy);
        return cloned;
    }

    private static string UnusedName(Value value)
    {
        // ONNX names are unique across a graph and the graphs nested in it.
        Graph[] scopes = [value.Graph, .. value.Graph.NodesAndNested().SelectMany(node => node.NestedGraphs)];
        for (int i = 1; ; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{value.Name}_{i}");
            if (!scopes.Any(scope => scope.TryGetValue(name, out _))) return name;
        }
    }
}
