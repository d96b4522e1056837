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

    /// <summary>Lists a model's normalizations, in the order of computation, those in nested graphs and local functions included.</summary>
    public static IReadOnlyList<NormalizationLayer> Inspect(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [.. Find(model).Select(found => found.Info)];
    }

    internal static IReadOnlyList<BatchNormLayer> AdaptableLayers(OnnxModel model, Func<NormalizationLayer, bool>? filter)
    {
        List<(NormalizationLayer Info, Node? Node)> batchNorms = Find(model).Where(found => found.Info.Form == BatchNormalization.OpType).ToList();
        if (batchNorms.Count == 0)
        {
            throw new AdaptationException(AdaptationError.NoBatchNormalization,
                "The model has no BatchNormalization node, so there are no running statistics to re-estimate. Exporters fold BatchNormalization into Conv by " +
                "default; export the model again with it kept, in PyTorch: torch.onnx.export(model.eval(), …, " +
                "training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False).");
        }
        batchNorms = [.. batchNorms.Where(found => filter?.Invoke(found.Info) ?? true)];
        if (batchNorms.Count == 0)
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

    private static IEnumerable<(NormalizationLayer Info, Node? Node)> Find(OnnxModel model)
    {
        IReadOnlyList<Node> ordered = model.Graph.TopologicalOrder();
        Dictionary<Value, int> depths = BatchNormDepth.Of(model.Graph, ordered, node => node.Is(BatchNormalization.OpType));
        int index = 0;
        foreach (Node node in ordered.SelectMany(node => node.NestedGraphs.SelectMany(nested => nested.NodesAndNested()).Prepend(node)))
        {
            bool isBatchNorm = node.Is(BatchNormalization.OpType);
            if (!isBatchNorm && !(node.Domain.Length == 0 && SampleNormalizations.Contains(node.OpType))) continue;
            int? depth = node.Inputs.Count > 0 && node.Inputs[0] is { } input && depths.TryGetValue(input, out int found) ? found : null;
            string? declined = isBatchNorm
                ? WhyDeclined(node, model, depth)
                : "it normalizes each sample with the sample's own statistics, so there is nothing of the source domain to replace";
            yield return (new NormalizationLayer(index++, node.DisplayName, node.OpType, Channels(node), depth, declined), node);
        }
        foreach (LocalFunction function in model.Functions.Where(function => function.OpTypes.Contains(BatchNormalization.OpType)))
        {
            yield return (new NormalizationLayer(index++, function.Name, BatchNormalization.OpType, null, null,
                "it sits in a local function; inline the functions first (onnx.inliner.inline_local_functions)"), null);
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
