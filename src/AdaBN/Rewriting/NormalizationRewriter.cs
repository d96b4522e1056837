using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Forms;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Reference;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>Puts other normalizations in the place of a model's BatchNormalization layers. Nothing is trained, no data is read.</summary>
public static class NormalizationRewriter
{
    /// <summary>Rewrites a model's BatchNormalization layers.</summary>
    /// <param name="model">The source model; it is not changed.</param>
    /// <param name="rewrite">What takes their place, and which.</param>
    /// <returns>The rewritten model and what was done. Layers that cannot be rewritten stay, with the reason in the report.</returns>
    /// <exception cref="AdaptationException">No layer can be rewritten, or the rewrite chose numbers that no file holds.</exception>
    /// <exception cref="ArgumentException">The rewrite's settings are out of range, or the numbers that it chose do not fit together.</exception>
    /// <exception cref="OnnxModelException">The model's graph or tensors are damaged.</exception>
    public static RewriteResult Rewrite(OnnxModel model, NormalizationRewrite rewrite)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(rewrite);
        DomainBank.Refuse(model);
        if (rewrite.FirstLayers < 1) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{nameof(NormalizationRewrite)}: {nameof(rewrite.FirstLayers)} is {rewrite.FirstLayers}, expected at least 1 (or null for all)."));

        FormSurvey survey = FormSurvey.Of(model, reference: null);
        var constants = new ConstantFolder(survey.File);
        Candidate[] candidates = [.. Choose(survey, rewrite).Select(found => Candidate.Of(found, survey.File, constants))];
        IReadOnlyDictionary<Value, InferredType> types = InferredTypes.Of(survey.File, candidates.Select(candidate => candidate.Node?.Inputs[BatchNormalization.DataInput]).OfType<Value>());
        List<string> findings = [.. survey.Findings];
        RewrittenLayer[] layers = [.. candidates.Select(candidate => Rewrite(survey.File, rewrite, candidate, types, findings))];

        int rewritten = layers.Count(layer => layer.LeftBecause is null);
        if (rewritten == 0)
            throw new AdaptationException(AdaptationError.UnsupportedForm, $"No layer can be rewritten to {rewrite.Description}: {string.Join("; ", layers.Select(layer => $"'{layer.Name}': {layer.LeftBecause}"))}.");
        findings.Add("No weight was trained for the new normalization: compare both models on labelled images before you ship.");
        if (model.Metadata.Any(entry => entry.Key == ReferenceFile.MetadataKey))
            findings.Add("The reference statistics that the model carries are of the model as it was; measure them again ('adabn reference') before you adapt it.");
        survey.File.SetMetadata("adabn.rewrite", string.Create(CultureInfo.InvariantCulture, $"{rewritten} layers to {rewrite.Description}"));
        return new RewriteResult(survey.File, new RewriteReport(rewrite.Description, model.Sha256, BatchNormAdapter.ToolVersion, layers, findings));
    }

    private static IEnumerable<FoundLayer> Choose(FormSurvey survey, NormalizationRewrite rewrite)
    {
        FoundLayer[] found = [.. survey.Layers.Where(layer => layer.Info.Form == BatchNormalization.OpType)];
        if (found.Length == 0)
        {
            int folded = survey.LooksFolded.Count();
            throw new AdaptationException(AdaptationError.NoBatchNormalization,
                string.Create(CultureInfo.InvariantCulture, $"The model has no BatchNormalization to rewrite{(folded > 0 ? $"; {folded} layers look as if one had been folded into them" : "")}. ") +
                "Export it again with BatchNormalization kept, in PyTorch: torch.onnx.export(model.eval(), …, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False).");
        }
        found = [.. found.Where(layer => rewrite.LayerFilter?.Invoke(layer.Info) ?? true)];
        if (found.Length == 0) throw new AdaptationException(AdaptationError.NoBatchNormalization, "The layer filter turns down every BatchNormalization of the model; nothing is left to rewrite.");
        return found.OrderBy(layer => layer.Info.Depth ?? int.MaxValue).ThenBy(layer => layer.Info.Index).Take(rewrite.FirstLayers ?? int.MaxValue);
    }

    private static RewrittenLayer Rewrite(OnnxModel file, NormalizationRewrite rewrite, Candidate candidate, IReadOnlyDictionary<Value, InferredType> types, List<string> findings)
    {
        NormalizationLayer layer = candidate.Layer;
        RewrittenLayer Left(string because) => new(layer.Index, layer.Name, layer.Depth, because, null, [], null, null);
        if (candidate.Node is not { } node) return Left(candidate.LeftBecause!);
        if (rewrite.Choose(candidate.Parameters!) is not { } normalization) return Left("the rewrite leaves it as it is");
        Value x = node.Inputs[BatchNormalization.DataInput]!;
        if (normalization.WhyNot(file, x, types[x]) is { } refusal) return Left($"{refusal.Reason} ({refusal.Mend})");

        if (BatchNormForm.IsTraining(node, file))
        {
            BatchNormForm.ToInference(node, file);
            findings.Add($"Layer '{layer.Name}' stood in training form, normalizing with each batch's own statistics; it was turned into inference form.");
        }
        long? values = types[x].Dims!.Skip(1).Aggregate((long?)1, (product, length) => length < 0 || product > int.MaxValue ? null : product * length);
        const double readAndWritten = 2;
        bool isFolded = x is { Producer: { } producer, Uses.Count: 1, IsGraphOutput: false } && producer.Is("Conv");
        SubgraphWriter written = normalization.Write(file, node, types[x], rewrite.IsInFront);
        string[] operators = [.. written.Nodes.Select(inserted => inserted.OpType)];
        RunTimeCost before = new(1, isFolded ? 0 : readAndWritten, values), after = new(operators.Length + (rewrite.IsInFront ? 1 : 0), written.Passes + (rewrite.IsInFront ? readAndWritten : 0), values);
        return new RewrittenLayer(layer.Index, layer.Name, layer.Depth, null, normalization.GetType().Name, operators, before, after);
    }

    /// <summary>A chosen layer: its node in the file and its numbers, or why it stays.</summary>
    private sealed record Candidate(NormalizationLayer Layer, Node? Node, BatchNormParameters? Parameters, string? LeftBecause)
    {
        public static Candidate Of(FoundLayer found, OnnxModel file, ConstantFolder constants)
        {
            NormalizationLayer layer = found.Info;
            if (layer.DeclinedBecause is { } reason) return new Candidate(layer, null, null, $"{reason} ({layer.Mend})");
            if (found.Batch is not { IsNode: true, Mean.Node: { } path }) return new Candidate(layer, null, null, $"it is {found.Batch!.Spelling} (export the model with BatchNormalization kept)");
            if (!path.Owners.IsEmpty) return new Candidate(layer, null, null, $"it stands {layer.Spelling} (export the model without the If)");
            Node node = path.Find(file);
            double[] Numbers(int input) => constants.Evaluate(node.Inputs[input]!)!.Elements;
            var parameters = new BatchNormParameters(
                layer, new ChannelStatistics(Numbers(BatchNormalization.MeanInput), Numbers(BatchNormalization.VarianceInput)), Numbers(BatchNormalization.ScaleInput), Numbers(BatchNormalization.BiasInput),
                node.GetFloat(BatchNormalization.Epsilon, BatchNormalization.DefaultEpsilon));
            return parameters.WhyUnusable() is { } fault ? new Candidate(layer, null, null, fault) : new Candidate(layer, node, parameters, null);
        }
    }
}
