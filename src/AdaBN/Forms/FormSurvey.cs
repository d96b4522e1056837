using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Planning;

namespace AdaBN.Forms;

/// <summary>
/// Goes through a model and, on a copy, puts every layer that can be adapted into the one form that the engine computes: a BatchNormalization
/// node of the main graph in inference form with float32 initializers. Says of each normalization what it is and what would be done.
/// </summary>
internal sealed class FormSurvey
{
    // Their statistics are the sample's own, computed anew each time: https://onnx.ai/onnx/operators/
    private static readonly string[] SampleNormalizations =
        ["InstanceNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "LRN", "LpNormalization", "MeanVarianceNormalization"];
    private readonly Dictionary<Node, AdaptableNode> _adaptable = [];
    private readonly Dictionary<Node, Refusal> _refused = [];

    private FormSurvey(OnnxModel file)
    {
        File = file;
        Copy = file.Clone();
    }

    /// <summary>The model as it will be written, still with the source's statistics.</summary>
    public OnnxModel File { get; }

    /// <summary>The working copy.</summary>
    public OnnxModel Copy { get; private set; }

    /// <summary>All normalizations, in the order of computation.</summary>
    public IReadOnlyList<FoundLayer> Layers { get; private set; } = [];

    public static FormSurvey Of(OnnxModel model)
    {
        var survey = new FormSurvey(model.Clone());
        survey.Standardize();
        survey.Layers = [.. survey.List()];
        return survey;
    }

    private void Standardize()
    {
        var constants = new ConstantFolder(Copy);
        foreach (Node node in Copy.Graph.TopologicalOrder().Where(node => node.Is(BatchNormalization.OpType)))
        {
            if (BatchNormForm.WhyNot(node, constants) is { } refusal) _refused.Add(node, refusal);
            else _adaptable.Add(node, Describe(node, constants));
        }
        foreach ((Node node, AdaptableNode found) in _adaptable)
        {
            if (found.Training is not null) BatchNormForm.ToInference(node, Copy);
            BatchNormForm.ToInitializers(node, Copy, constants);
        }
        if (Float32Conversion.Concerns(Copy, [.. _adaptable.Keys.SelectMany(node => node.Inputs.OfType<Value>())])) Float32Conversion.Apply(Copy);
    }

    private AdaptableNode Describe(Node node, ConstantFolder constants)
    {
        var path = NodePath.InMainGraph(node.Outputs[0]!.Name);
        StatisticsPlace Place(int input) => new(path, input, constants.Evaluate(node.Inputs[input]!)!);
        return new AdaptableNode(
            node, Place(BatchNormalization.MeanInput), Place(BatchNormalization.VarianceInput), BatchNormForm.Spelling(node, Copy),
            [.. BatchNormForm.Parameters(node).Select(ConstantFolder.Root)], BatchNormForm.IsTraining(node, Copy) ? path : null);
    }

    private IEnumerable<FoundLayer> List()
    {
        IReadOnlyList<Node> ordered = Copy.Graph.TopologicalOrder();
        Dictionary<Value, int> depths = BatchNormDepth.Of(Copy.Graph, ordered, node => node.Is(BatchNormalization.OpType));
        int index = 0;
        foreach (Node node in ordered.SelectMany(node => node.NestedGraphs.SelectMany(nested => nested.NodesAndNested()).Prepend(node)))
        {
            int? depth = node.Inputs.Count > 0 && node.Inputs[0] is { } input && depths.TryGetValue(input, out int found) ? found : null;
            if (node.Is(BatchNormalization.OpType)) yield return BatchNorm(node, index++, depth);
            else if (node.Domain.Length == 0 && SampleNormalizations.Contains(node.OpType)) yield return OfTheSample(node, index++, depth);
        }
        foreach (LocalFunction function in Copy.Functions.Where(function => function.OpTypes.Contains(BatchNormalization.OpType)))
        {
            yield return new FoundLayer(new NormalizationLayer(index++, function.Name, BatchNormalization.OpType, null, null, "it sits in a local function")
            {
                Mend = "inline the functions first (onnx.inliner.inline_local_functions)",
            }, null);
        }
    }

    private FoundLayer BatchNorm(Node node, int index, int? depth)
    {
        AdaptableNode? adaptable = _adaptable.GetValueOrDefault(node);
        Refusal? refusal = node.Graph.Owner is { } owner
            ? new Refusal($"it sits in the body of {owner}, whose activations are not the model's own", "export the model without it, or leave the layer out")
            : _refused.TryGetValue(node, out Refusal? found) ? found
            : depth is null ? new Refusal("its input does not depend on the model's inputs", "leave the layer out; it is a constant")
            : null;
        var info = new NormalizationLayer(index, node.DisplayName, BatchNormalization.OpType, adaptable?.Channels, depth, refusal?.Reason)
        {
            Mend = refusal?.Mend,
            Spelling = adaptable?.Spelling,
            Statistics = adaptable is null ? null : $"{NameOf(adaptable.Mean)}, {NameOf(adaptable.Variance)}",
        };
        return new FoundLayer(info, refusal is null ? adaptable : null);
    }

    private string NameOf(StatisticsPlace place) => $"'{place.Node.Find(File).Inputs[place.Input]!.Name}'";

    private static FoundLayer OfTheSample(Node node, int index, int? depth) => new(
        new NormalizationLayer(index, node.DisplayName, node.OpType, null, depth, "it normalizes each sample with the sample's own statistics, so there is nothing of the source domain to replace"), null);
}
