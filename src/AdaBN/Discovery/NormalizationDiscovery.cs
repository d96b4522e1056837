using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Planning;

namespace AdaBN;

/// <summary>Finds what normalizes in a model, in which form, and why a layer is left alone.</summary>
public static class NormalizationDiscovery
{
    // Their statistics are the sample's own, computed anew each time: https://onnx.ai/onnx/operators/
    private static readonly string[] SampleNormalizations =
        ["InstanceNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "LRN", "LpNormalization", "MeanVarianceNormalization"];

    /// <summary>
    /// Lists a model's normalizations, in the order of computation, those in nested graphs and local functions included. Where
    /// BatchNormalization looks as if it were folded into layers, all layers into which it could be are listed as well, each of the
    /// others with the reason why it is not thought to be.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="reference">The source domain's statistics of such layers; those that the model carries where null.</param>
    /// <exception cref="AdaptationException">The reference is damaged or of another model.</exception>
    public static IReadOnlyList<NormalizationLayer> Inspect(OnnxModel model, ReferenceStatistics? reference = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        reference = ReferenceStatistics.For(model, reference);
        bool listsFolded = reference is not null || LinearLayers.Find(model).Any(layer => layer.LooksFolded);
        return [.. Find(model, listsFolded ? WhyDeclined(reference) : null).Select(found => found.Info)];
    }

    /// <summary>The layers that a BatchNormalization is folded into and whose source statistics the reference holds.</summary>
    internal static IReadOnlyList<FoldedLayer> FoldedLayers(OnnxModel model, Func<NormalizationLayer, bool>? filter, ReferenceStatistics reference) =>
        [.. Find(model, WhyDeclined(reference)).Where(found => found is { Layer: not null, Info.CanAdapt: true } && (filter?.Invoke(found.Info) ?? true))
            .Select(found => new FoldedLayer(found.Info, found.Layer!))];

    /// <summary>The layers whose source statistics shall be measured: those that look folded, or those that the filter chooses among all that could be.</summary>
    internal static IReadOnlyList<FoldedLayer> LayersToMeasure(OnnxModel model, Func<NormalizationLayer, bool>? filter) =>
        [.. Find(model, layer => layer.NotFoldedBecause).Where(found => found.Layer is not null && (filter?.Invoke(found.Info) ?? found.Info.CanAdapt))
            .Select(found => new FoldedLayer(found.Info, found.Layer!))];

    internal static IReadOnlyList<BatchNormLayer> AdaptableLayers(OnnxModel model, Func<NormalizationLayer, bool>? filter, ReferenceStatistics? reference, bool mayBeNone)
    {
        List<(NormalizationLayer Info, Node? Node, LinearLayer?)> batchNorms = Find(model, reference is null ? null : WhyDeclined(reference)).Where(found => found.Info.Form == BatchNormalization.OpType).ToList();
        if (batchNorms.Count == 0 && reference is null)
        {
            int looksFolded = LinearLayers.Find(model).Count(layer => layer.LooksFolded);
            throw new AdaptationException(AdaptationError.NoBatchNormalization,
                "The model has no BatchNormalization node, so there are no running statistics to re-estimate. " + (looksFolded == 0
                ? "Exporters fold BatchNormalization into Conv by default; e"
                : string.Create(CultureInfo.InvariantCulture, $"Exporters fold it into Conv by default, and {looksFolded} layer(s) look as if that had been done to them. Either measure ") +
                "what their outputs look like on images of the source domain ('adabn reference', ReferenceStatistics.Measure) and adapt with that reference, or e") +
                "xport the model again with it kept, in PyTorch: torch.onnx.export(model.eval(), …, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False).");
        }
        batchNorms = [.. batchNorms.Where(found => filter?.Invoke(found.Info) ?? true)];
        if (batchNorms.Count == 0 && !mayBeNone)
            throw new AdaptationException(AdaptationError.NoBatchNormalization, "The layer filter turns down every BatchNormalization of the model; nothing is left to adapt.");

        string[] declined = [.. batchNorms.Where(found => !found.Info.CanAdapt).Select(found => $"'{found.Info.Name}': {found.Info.DeclinedBecause}")];
        if (declined.Length > 0)
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm,
                $"{string.Create(CultureInfo.InvariantCulture, $"{declined.Length}")} BatchNormalization node(s) cannot be adapted: {string.Join("; ", declined)}. " +
                "Mend them, or leave these layers out with the layer filter.");
        }
        return [.. batchNorms.Select(found => new BatchNormLayer(found.Info, found.Node!))];
    }

    private static Func<LinearLayer, string?> WhyDeclined(ReferenceStatistics? reference) => layer =>
        reference?.Find(layer.Output) is not null ? null
        : layer.NotFoldedBecause ?? (reference is null ? "its statistics on the source domain are not known; measure them ('adabn reference')" : "the reference does not hold it");

    /// <param name="model">The model.</param>
    /// <param name="whyDeclined">Why a layer with a BatchNormalization folded in cannot be adapted, or null where it can; such layers are left out where the function itself is null.</param>
    private static IEnumerable<(NormalizationLayer Info, Node? Node, LinearLayer? Layer)> Find(OnnxModel model, Func<LinearLayer, string?>? whyDeclined)
    {
        IReadOnlyList<Node> ordered = model.Graph.TopologicalOrder();
        Dictionary<Node, LinearLayer> linear = whyDeclined is null ? [] : LinearLayers.Find(model).ToDictionary(layer => layer.Node);
        Dictionary<Value, int> depths = BatchNormDepth.Of(
            model.Graph, ordered, node => node.Is(BatchNormalization.OpType) || (linear.TryGetValue(node, out LinearLayer? layer) && whyDeclined!(layer) is null));
        int index = 0;
        foreach (Node node in ordered.SelectMany(node => node.NestedGraphs.SelectMany(nested => nested.NodesAndNested()).Prepend(node)))
        {
            if (linear.TryGetValue(node, out LinearLayer? layer))
            {
                yield return (layer.Describe(index++, depths[node.Inputs[Linear.DataInput]!], whyDeclined!(layer)), node, layer);
                continue;
            }
            bool isBatchNorm = node.Is(BatchNormalization.OpType);
            if (!isBatchNorm && !(node.Domain.Length == 0 && SampleNormalizations.Contains(node.OpType))) continue;
            int? depth = node.Inputs.Count > 0 && node.Inputs[0] is { } input && depths.TryGetValue(input, out int found) ? found : null;
            string? declined = isBatchNorm
                ? WhyDeclined(node, model, depth)
                : "it normalizes each sample with the sample's own statistics, so there is nothing of the source domain to replace";
            yield return (new NormalizationLayer(index++, node.DisplayName, node.OpType, Channels(node), depth, declined), node, null);
        }
        foreach (LocalFunction function in model.Functions.Where(function => function.OpTypes.Contains(BatchNormalization.OpType)))
        {
            yield return (new NormalizationLayer(index++, function.Name, BatchNormalization.OpType, null, null,
                "it sits in a local function; inline the functions first (onnx.inliner.inline_local_functions)"), null, null);
        }
    }

    private static string? WhyDeclined(Node node, OnnxModel model, int? depth)
    {
        if (node.Graph.Owner is { } owner) return $"it sits in the body of {owner}, whose activations are not the model's own";
        if (node.Inputs.Count < BatchNormalization.InputCount || node.Inputs.Any(input => input is null))
            return string.Create(CultureInfo.InvariantCulture, $"it has {node.Inputs.OfType<Value>().Count()} inputs, expected {BatchNormalization.InputCount}; export the model again");
        if (node.GetInt(BatchNormalization.TrainingMode, 0) != 0) return "training_mode is 1: it already normalizes with the batch's own statistics; export the model in eval mode";
        if (node.Outputs.Skip(1).Any(output => output is not null)) return "it has more than one output, which means training; export the model in eval mode";
        if (model.Opset < BatchNormalization.FirstVersionWithoutIsTest && node.GetInt(BatchNormalization.IsTest, 0) == 0)
            return "is_test is 0, which means training; export the model in eval mode";
        if (node.GetInt(BatchNormalization.Spatial, 1) == 0) return "spatial is 0: it keeps statistics for each activation instead of each channel";
        for (int i = BatchNormalization.ScaleInput; i < BatchNormalization.InputCount; i++)
        {
            Value parameter = node.Inputs[i]!;
            if (parameter.Initializer is not { } initializer) return $"its parameter '{parameter.Name}' is computed at run time, expected an initializer";
            if (initializer.ElementType != ElementType.Float) return $"its parameter '{parameter.Name}' holds {initializer.ElementType} elements, expected float32";
            if (initializer.Dims is not [var length] || length != Channels(node))
                return $"its parameter '{parameter.Name}' has the shape [{string.Join(", ", initializer.Dims)}], expected one number a channel";
        }
        return depth is null ? "its input does not depend on the model's inputs" : null;
    }

    private static int? Channels(Node node) =>
        node.Inputs.Count > BatchNormalization.ScaleInput
        && node.Inputs[BatchNormalization.ScaleInput]?.Initializer is { Dims: [<= int.MaxValue and >= 0 and var channels] } ? (int)channels : null;
}
