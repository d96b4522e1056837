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
    private readonly Dictionary<Node, AdaptableNode> _adaptable = [];
    private readonly Dictionary<Node, Refusal> _refused = [];
    private readonly HashSet<Node> _partsOfRefused = [];
    private readonly Func<LinearLayer, string?> _whyNotUnfolded;
    private readonly Func<Value, bool> _isWantedInput;
    private Dictionary<Node, FoldedNode> _folded = [];
    private string? _functionsStay;
    private readonly Dictionary<string, NodePath> _paths = new(StringComparer.Ordinal);

    private FormSurvey(OnnxModel file, OnnxModel copy, Func<LinearLayer, string?> whyNotUnfolded, Func<Value, bool> isWantedInput)
    {
        (_whyNotUnfolded, _isWantedInput) = (whyNotUnfolded, isWantedInput);
        File = file;
        Copy = InlineBranches(copy);
    }

    /// <summary>The model as it will be written, still with the source's statistics.</summary>
    public OnnxModel File { get; private set; }

    /// <summary>The working copy.</summary>
    public OnnxModel Copy { get; }

    /// <summary>All normalizations, in the order of computation.</summary>
    public IReadOnlyList<FoundLayer> Layers { get; private set; } = [];

    /// <summary>What was done to <see cref="File"/>, in plain sentences.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>Layers of the kinds that BatchNormalization is folded into, but without one, by what is known.</summary>
    public IEnumerable<LinearLayer> NotFolded => _folded.Values.Select(found => found.Layer).Where(layer => !layer.LooksFolded);

    /// <summary>Layers that BatchNormalization was folded into.</summary>
    public IEnumerable<FoldedNode> LooksFolded => _folded.Values.Where(found => found.Layer.LooksFolded);

    /// <summary>
    /// Looks at a model as an adaptation would. Where BatchNormalization looks as if it were folded into layers, all layers into which it could
    /// be are listed as well, each of the others with the reason why it is not thought to be. Inputs are listed if the reference holds them.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="reference">The source statistics of such layers, and of inputs, where they are known.</param>
    /// <exception cref="AdaptationException">The reference does not fit the layers.</exception>
    public static FormSurvey Of(OnnxModel model, ReferenceStatistics? reference)
    {
        bool knowsLayers = reference?.IsOfInputsOnly(model) == false;
        FormSurvey survey = Of(model, layer =>
            reference?.Find(layer.Output.Name) is not null ? null
            : layer.NotFoldedBecause ?? (knowsLayers ? "the reference does not hold it" : "its statistics on the source domain are not known"), input => reference?.Find(input.Name) is not null, listsFolded: knowsLayers);
        reference?.CheckAgainst(survey._folded.Values.Select(found => (found.Layer.Output, found.Layer.Channels)).Concat(ModelInput.Find(survey.Copy).Select(input => (input.Value, input.Channels))));
        return survey;
    }

    /// <summary>Looks at a model as the measuring of a reference does: every layer that could be measured is listed.</summary>
    public static FormSurvey ToMeasure(OnnxModel model) => Of(model, layer => layer.NotFoldedBecause, _ => false, listsFolded: true);

    /// <summary>The same for a reference of the model's inputs: all of them are listed.</summary>
    public static FormSurvey ToMeasurePixels(OnnxModel model) => Of(model, layer => layer.NotFoldedBecause ?? "only inputs are measured", _ => true, listsFolded: false);

    private static FormSurvey Of(OnnxModel model, Func<LinearLayer, string?> whyNotUnfolded, Func<Value, bool> isWantedInput, bool listsFolded)
    {
        FormSurvey survey;
        try
        {
            OnnxModel inlined = FunctionInliner.Inline(model);
            survey = new FormSurvey(inlined.Clone(), inlined.Clone(), whyNotUnfolded, isWantedInput);
        }
        catch (OnnxModelException e)
        {
            survey = new FormSurvey(model.Clone(), model.Clone(), whyNotUnfolded, isWantedInput) { _functionsStay = e.Message };
        }
        survey.Standardize();
        survey._folded = LinearLayers.Find(survey.Copy).ToDictionary(layer => layer.Node, layer => new FoldedNode(layer, survey.PathOf(layer.Node)));
        if (!listsFolded && !survey.LooksFolded.Any()) survey._folded.Clear();
        survey.KeepFunctionsWithoutLayers(model);
        survey.Layers = [.. survey.List()];
        return survey;
    }

    /// <summary>Functions are written out only where a layer stands in one.</summary>
    private void KeepFunctionsWithoutLayers(OnnxModel model)
    {
        if (model.Functions.Count == 0 || _functionsStay is not null) return;
        Node[] inside =
        [
            .. _adaptable.Values.Where(found => !found.Mean.IsIn(model) || !found.Variance.IsIn(model)).Select(found => found.Node),
            .. _folded.Values.Where(found => _whyNotUnfolded(found.Layer) is null && found.Path.TryFind(model)?.OpType != found.Layer.Node.OpType).Select(found => found.Layer.Node),
        ];
        if (inside.Length == 0) File = model.Clone();
        else Findings.Add($"The model's local functions were written out where they are called, because {string.Join(", ", inside.Select(node => $"'{node.DisplayName}'"))} stands in one; the model computes the same.");
    }

    private OnnxModel InlineBranches(OnnxModel copy)
    {
        while (true)
        {
            var constants = new ConstantFolder(copy);
            Dictionary<Node, bool> conditions = [];
            foreach (Node node in copy.Graph.Nodes.Where(node => node.Is("If") && node is { Inputs: [{ } condition], Outputs: [not null, ..] } && constants.IsConstant(condition)))
                if (constants.Evaluate(node.Inputs[0]!) is { Elements: [var taken] }) conditions.Add(node, taken != 0);
            if (conditions.Count == 0) return copy;
            copy = BranchInliner.Inline(copy, conditions, _paths); // branches may hold more of them
        }
    }

    private NodePath PathOf(Node node) => _paths.GetValueOrDefault(node.Outputs[0]!.Name, NodePath.InMainGraph(node.Outputs[0]!.Name));

    private void Standardize()
    {
        var constants = new ConstantFolder(Copy);
        foreach (Node node in Copy.Graph.TopologicalOrder().Where(node => node.Is(BatchNormalization.OpType)))
        {
            if (BatchNormForm.WhyNot(node, constants) is { } refusal) _refused.Add(node, refusal);
            else _adaptable.Add(node, Describe(node, constants));
        }
        foreach (WrittenOutBatchNorm found in WrittenOutBatchNorm.Find(Copy.Graph, constants).Where(found => WrittenOutForm.IsByChannel(found, constants)).ToArray())
        {
            if (WrittenOutForm.WhyNot(found, Copy, constants) is not { } refusal)
            {
                WriteAsOneNode(found, constants);
                continue;
            }
            _refused.TryAdd(found.Last, refusal);
            _partsOfRefused.UnionWith(found.Between.Select(value => value.Producer!).Append(found.Last));
        }
        foreach ((Node node, AdaptableNode found) in _adaptable)
        {
            if (!found.IsNode) continue;
            if (found.Training is not null) BatchNormForm.ToInference(node, Copy);
            BatchNormForm.ToInitializers(node, Copy, constants);
        }
        IEnumerable<Node> layers = _adaptable.Keys.Concat(Copy.Graph.Nodes.Where(Linear.Is));
        if (Float32Conversion.Concerns(Copy, [.. layers.SelectMany(node => node.Inputs.OfType<Value>()), .. Copy.Graph.RequiredInputs.Where(_isWantedInput)])) Float32Conversion.Apply(Copy);
    }

    private void WriteAsOneNode(WrittenOutBatchNorm found, ConstantFolder constants)
    {
        StatisticsPlace Place((Node Node, int Input) place) => new(PathOf(place.Node), place.Input, constants.Evaluate(WrittenOutForm.Read(place))!, place.Node.OpType);
        (StatisticsPlace mean, StatisticsPlace variance) = (Place(found.Mean), Place(found.Variance));
        Value[] identity = [WrittenOutForm.Read(found.Mean), WrittenOutForm.Read(found.Variance), .. found.Scales, .. found.Biases.Select(bias => bias.Value)];
        string spelling = WrittenOutForm.Spelling(found);
        string name = found.Last.DisplayName;
        Node node = WrittenOutForm.Replace(found, Copy, constants);
        _adaptable.Add(node, new AdaptableNode(node, mean, variance, spelling, [.. identity.Select(ConstantFolder.Root)], null) { Name = name, IsNode = false });
    }

    private AdaptableNode Describe(Node node, ConstantFolder constants)
    {
        NodePath path = PathOf(node);
        StatisticsPlace Place(int input) => new(path, input, constants.Evaluate(node.Inputs[input]!)!, node.OpType);
        return new AdaptableNode(
            node, Place(BatchNormalization.MeanInput), Place(BatchNormalization.VarianceInput), Spelling(node, path),
            [.. BatchNormForm.Parameters(node).Select(ConstantFolder.Root)], BatchNormForm.IsTraining(node, Copy) ? path : null);
    }

    private string? Spelling(Node node, NodePath path)
    {
        string? own = BatchNormForm.Spelling(node, Copy);
        if (path.Owners.IsEmpty) return own;
        string branch = $"in a branch of If '{path.Owners[^1].Output}', whose condition is constant";
        return own is null ? branch : $"{branch}, {own}";
    }

    private IEnumerable<FoundLayer> List()
    {
        IReadOnlyList<Node> ordered = Copy.Graph.TopologicalOrder();
        Dictionary<Value, int> depths = BatchNormDepth.Of(Copy.Graph, ordered,
            node => node.Is(BatchNormalization.OpType) || (_folded.TryGetValue(node, out FoldedNode? found) && _whyNotUnfolded(found.Layer) is null), _isWantedInput);
        var constants = new ConstantFolder(Copy);
        int index = 0;
        foreach (ModelInput input in ModelInput.Find(Copy).Where(input => _isWantedInput(input.Value)))
            yield return new FoundLayer(input.Describe(index++), null, Input: input.Value);
        foreach (Node node in ordered.SelectMany(node => node.NestedGraphs.SelectMany(nested => nested.NodesAndNested()).Prepend(node)))
        {
            int? depth = node.Inputs.OfType<Value>().FirstOrDefault(depths.ContainsKey) is { } input ? depths[input] : null;
            if (_folded.TryGetValue(node, out FoldedNode? folded)) yield return new FoundLayer(folded.Layer.Describe(index++, depth, _whyNotUnfolded(folded.Layer)), null, folded);
            else if (node.Is(BatchNormalization.OpType) || _refused.ContainsKey(node)) yield return BatchNorm(node, index++, depth);
            else if (SampleNormalization.Of(node) is { } sample) yield return OfTheSample(sample, node, index++, depth);
            else if (node.Graph.Owner is null && !_partsOfRefused.Contains(node) && ChannelAffine.IsShift(node, constants)) yield return Affine(node, index++, depth);
        }
        foreach (LocalFunction function in Copy.Functions.Where(function => function.OpTypes.Contains(BatchNormalization.OpType)))
        {
            yield return new FoundLayer(new NormalizationLayer(index++, function.Name, BatchNormalization.OpType, null, null, $"it sits in a local function that cannot be written out: {_functionsStay ?? "nothing calls it"}")
            {
                Mend = "inline the functions with the exporter's own tool (onnx.inliner.inline_local_functions)",
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
        var info = new NormalizationLayer(index, adaptable?.Name ?? node.DisplayName, BatchNormalization.OpType, adaptable?.Channels, depth, refusal?.Reason)
        {
            Mend = refusal?.Mend,
            Spelling = adaptable?.Spelling,
            Statistics = adaptable is null ? null : $"{NameOf(adaptable.Mean)}, {NameOf(adaptable.Variance)}",
        };
        return new FoundLayer(info, refusal is null ? adaptable : null);
    }

    private string NameOf(StatisticsPlace place) => $"'{place.Node.Find(File).Inputs[place.Input]!.Name}'";

    private static FoundLayer OfTheSample(SampleNormalization found, Node node, int index, int? depth) => new(
        new NormalizationLayer(index, node.DisplayName, found.Form, null, depth, found.IsOfTheBatch
            ? "it normalizes with each batch's own statistics, computed at run time"
            : "it normalizes each sample with the sample's own statistics, so there is nothing of the source domain to replace")
        {
            Spelling = found.Spelling,
            Mend = found.IsOfTheBatch ? "export the model in eval mode" : null,
        }, null);

    private static FoundLayer Affine(Node node, int index, int? depth) => new(
        new NormalizationLayer(index, node.DisplayName, "Affine", null, depth, "a scale and a shift alone do not tell a mean and a variance apart")
        {
            Spelling = "a scale and a shift a channel, perhaps what is left of a BatchNormalization",
            Mend = "if it was a BatchNormalization, re-estimating it needs reference statistics of the source domain; export the model with BatchNormalization kept",
        }, null);
}
