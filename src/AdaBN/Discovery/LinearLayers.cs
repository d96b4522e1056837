using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Discovery;

/// <summary>
/// Finds the layers into which a BatchNormalization could have been folded, and judges whether one was. Once folded nothing in the file
/// says so; what is judged by is what follows the layer, and which names its parameters have.
/// </summary>
internal static class LinearLayers
{
    /// <summary>
    /// All that could be adapted, in the order of computation. Passed over are layers whose parameters are not constants of float32, and
    /// those right before a normalization: they are its business.
    /// </summary>
    public static IReadOnlyList<LinearLayer> Find(OnnxModel model)
    {
        IReadOnlyList<Node> ordered = model.Graph.TopologicalOrder();
        HashSet<Value> fromData = [.. model.Graph.RequiredInputs];
        foreach (Node node in ordered.Where(node => node.Dependencies.Any(fromData.Contains))) fromData.UnionWith(node.Outputs.OfType<Value>());
        var surroundings = new LayerSurroundings(fromData);
        List<LinearLayer> layers = [.. ordered.Where(node => IsFoldable(node) && fromData.Contains(node.Inputs[Linear.DataInput]!) && !LayerSurroundings.IsNormalized(node))
            .Select(node => new LinearLayer(node, node.Outputs[0]!, surroundings.WhyNotFolded(node)))];

        // Folding makes new parameters and leaves the old names to layers that it passes over; a model in which all names are a module's
        // own may have been folded before its export, so names tell something only where there are both, or normalizations left.
        bool namesTell = layers.Any(layer => layer.LooksFolded && !HasNamesOfModule(layer.Node)) || ordered.Any(node => node.Is(BatchNormalization.OpType));
        return [.. layers.Select(layer => layer.LooksFolded && namesTell && HasNamesOfModule(layer.Node)
            ? layer with { NotFoldedBecause = $"its parameters still have the names they had in training ('{layer.Node.Inputs[Linear.WeightInput]!.Name}'), so nothing was folded into it" }
            : layer)];
    }

    private static bool IsFoldable(Node node)
    {
        if (!Linear.Is(node) || node.Outputs is not [{ } output] || output.Uses.Count + (output.IsGraphOutput ? 1 : 0) == 0 || node.Inputs.Count <= Linear.WeightInput) return false;
        if (node.Inputs[Linear.DataInput] is null || node.Inputs[Linear.WeightInput]?.Initializer is not { ElementType: ElementType.Float } || Linear.Channels(node) is not (> 0 and var channels)) return false;
        if (node.Inputs.Count <= Linear.BiasInput || node.Inputs[Linear.BiasInput] is not { } bias) return true;
        // A Gemm may spread one number over all channels, or ignore its bias.
        return bias.Initializer is { ElementType: ElementType.Float, Dims: [.., var length] } initializer && length == channels
            && initializer.Dims.Count(dim => dim != 1) <= 1 && node.GetFloat(Linear.Beta, 1) != 0;
    }

    /// <summary>Names such as <c>features.3.weight</c> and <c>features.3.bias</c>, which exporters of PyTorch modules keep.</summary>
    private static bool HasNamesOfModule(Node node)
    {
        const string weight = ".weight", bias = ".bias";
        string name = node.Inputs[Linear.WeightInput]!.Name;
        return name.EndsWith(weight, StringComparison.Ordinal) && (node.Inputs.ElementAtOrDefault(Linear.BiasInput) is not { } value || value.Name == name[..^weight.Length] + bias);
    }
}
