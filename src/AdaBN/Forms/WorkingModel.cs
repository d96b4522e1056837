using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Measurement;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Forms;

/// <summary>
/// The model as the engine computes it: every layer to adapt is a BatchNormalization node of the main graph, in inference form, with
/// float32 initializers, whatever form it has in the file. Each layer's site knows the way back.
/// </summary>
/// <param name="Model">The working copy.</param>
/// <param name="Target">The model to write, still with the source's statistics: the file's own but for what <paramref name="Findings"/> tell.</param>
/// <param name="Layers">The layers to adapt; their nodes are the copy's.</param>
/// <param name="Sites">Where each layer's statistics stand in the target. Layers with one site share one statistic.</param>
/// <param name="Findings">What was done to the model beside, in plain sentences.</param>
internal sealed record WorkingModel(
    OnnxModel Model, OnnxModel Target, IReadOnlyList<BatchNormLayer> Layers, IReadOnlyDictionary<BatchNormLayer, IStatisticsSite> Sites, IReadOnlyList<string> Findings)
{
    /// <summary>Prepares the working copy of a model.</summary>
    /// <exception cref="AdaptationException">Nothing in it can be adapted, or a layer cannot that should be.</exception>
    public static WorkingModel Of(OnnxModel model, Func<NormalizationLayer, bool>? filter, ReferenceStatistics? reference = null)
    {
        DomainBank.Refuse(model);
        return Of(FormSurvey.Of(model, reference), found => filter?.Invoke(found.Info) ?? true, reference);
    }

    /// <summary>The same of a model that was looked at; its survey is used up.</summary>
    public static WorkingModel Of(FormSurvey survey, Func<FoundLayer, bool> filter, ReferenceStatistics? reference)
    {
        FoundLayer[] referenced = [.. survey.Layers.Where(found => found is { Referenced: not null, Info.CanAdapt: true } && filter(found))];
        List<FoundLayer> chosen = Choose(survey.Layers, filter, mayBeNone: referenced.Length > 0);
        Dictionary<BatchNormLayer, AdaptableNode> forms = chosen.ToDictionary(found => new BatchNormLayer(found.Info, found.Batch!.Node, found.Batch.Mean.Source.ElementType), found => found.Batch!);

        List<string> findings = [.. survey.Findings];
        foreach (AdaptableNode trained in survey.Layers.Select(found => found.Batch).OfType<AdaptableNode>().Where(batch => batch.Training is not null))
        {
            BatchNormForm.ToInference(trained.Training!.Find(survey.File), survey.File);
            findings.Add($"Layer '{trained.Node.DisplayName}' stood in training form, normalizing with each batch's own statistics; it was turned into inference form.");
        }
        foreach (Node trained in survey.Copy.Graph.Nodes.Where(node => node.Is(BatchNormalization.OpType) && BatchNormForm.IsTraining(node, survey.Copy)))
            findings.Add($"Layer '{trained.DisplayName}' stays in training form, since its extra outputs are read: it normalizes each batch with the batch's own statistics, and what is measured behind it depends on the batches.");
        foreach (AdaptableNode form in forms.Values)
        {
            form.Mean.Settle(survey.File);
            form.Variance.Settle(survey.File);
        }
        var sites = new Dictionary<BatchNormLayer, IStatisticsSite>();
        foreach (FoundLayer found in referenced)
        {
            BatchNormLayer unfolded = FoldedLayers.Unfold(survey.Copy, found, reference!.Find(found.Referenced!.Name)!, out IStatisticsSite site);
            sites.Add(unfolded, site);
        }
        BatchNormLayer[] layers = [.. forms.Keys, .. sites.Keys];
        foreach (BatchNormLayer[] together in SharedLayers.Group(survey.Copy, forms, layers.Select(layer => layer.Node).ToHashSet(), findings))
        {
            var site = new ParameterSite(together[0], [.. together.Select(layer => forms[layer].Mean)], [.. together.Select(layer => forms[layer].Variance)]);
            foreach (BatchNormLayer layer in together) sites.Add(layer, site);
        }
        findings.AddRange(sites.Values.OfType<InputSite>().Select(site => site.Describe(survey.File)));
        findings.AddRange(FoldedFindings.Of(survey, reference, layers));
        return new WorkingModel(survey.Copy, survey.File, layers, sites, findings);
    }

    /// <summary>Prepares the measuring of a reference: behind each layer that lost its BatchNormalization stands one that changes nothing.</summary>
    /// <exception cref="AdaptationException">There is no such layer, or the filter turns all down.</exception>
    public static WorkingModel ToMeasure(OnnxModel model, Func<NormalizationLayer, bool>? filter)
    {
        DomainBank.Refuse(model);
        FormSurvey survey = FormSurvey.ToMeasure(model);
        BatchNormLayer[] layers = [.. survey.Layers.Where(found => found.Folded is not null && (filter?.Invoke(found.Info) ?? found.Info.CanAdapt)).Select(found => FoldedLayers.Expose(survey.Copy, found))];
        if (layers.Length > 0) return new WorkingModel(survey.Copy, survey.File, layers, new Dictionary<BatchNormLayer, IStatisticsSite>(), []);
        throw new AdaptationException(AdaptationError.NoBatchNormalization, filter is null
            ? $"No layer of the model looks as if a BatchNormalization had been folded into it, so there is nothing to measure. BatchNormalization nodes need no reference: adapt the model as it is. {NormalizationVerdict.PixelsInstead}"
            : "The layer filter turns down every layer that a BatchNormalization could have been folded into; nothing is left to measure.");
    }

    /// <summary>Prepares the measuring of a reference of inputs: behind each stands one that changes nothing.</summary>
    /// <exception cref="AdaptationException">An input cannot be aligned that the filter chooses, or (without one) none can, or it turns all down.</exception>
    public static WorkingModel ToMeasurePixels(OnnxModel model, Func<NormalizationLayer, bool>? filter)
    {
        DomainBank.Refuse(model);
        FormSurvey survey = FormSurvey.ToMeasurePixels(model);
        FoundLayer[] inputs = [.. survey.Layers.Where(found => found.Input is not null)];
        FoundLayer[] chosen = [.. inputs.Where(found => filter?.Invoke(found.Info) ?? (found.Info.CanAdapt || !inputs.Any(input => input.Info.CanAdapt)))];
        if (chosen.Length == 0) throw new AdaptationException(AdaptationError.UnsupportedForm, inputs.Length == 0 ? "The model has no input." : "The layer filter turns down every input of the model; nothing is left to measure.");
        string[] declined = [.. chosen.Where(found => !found.Info.CanAdapt).Select(found => $"'{found.Info.Name}': {found.Info.DeclinedBecause} ({found.Info.Mend})")];
        if (declined.Length > 0) throw new AdaptationException(AdaptationError.UnsupportedForm, $"Input(s) of the model cannot be aligned: {string.Join("; ", declined)}.");
        return new WorkingModel(survey.Copy, survey.File, [.. chosen.Select(found => FoldedLayers.Expose(survey.Copy, found))], new Dictionary<BatchNormLayer, IStatisticsSite>(), []);
    }

    /// <summary>The moments to decide by: those of layers with one statistic, all of one stage, are merged.</summary>
    public IReadOnlyList<ChannelMoments> Pool(IReadOnlyList<BatchNormLayer> layers, IReadOnlyList<ChannelMoments> measured) => Pool(layers, measured, ChannelMoments.MergeSameImages);

    /// <summary>The same of whatever can be merged.</summary>
    public IReadOnlyList<T> Pool<T>(IReadOnlyList<BatchNormLayer> layers, IReadOnlyList<T> measured, Func<T, T, T> merge)
    {
        object Owner(BatchNormLayer layer) => Sites.GetValueOrDefault(layer) ?? (object)layer;
        var pools = layers.Zip(measured).GroupBy(pair => Owner(pair.First)).ToDictionary(pool => pool.Key, pool => pool.Select(pair => pair.Second).Aggregate(merge));
        return [.. layers.Select(layer => pools[Owner(layer)])];
    }

    /// <summary>The file's own model with the decided statistics written.</summary>
    public OnnxModel Write(IEnumerable<DecidedLayer> decided)
    {
        OnnxModel adapted = Target.Clone();
        foreach (var shared in decided.GroupBy(layer => Sites[layer.Layer])) shared.Key.Write(adapted, shared.First().Decision);
        return adapted;
    }

    private static List<FoundLayer> Choose(IReadOnlyList<FoundLayer> layers, Func<FoundLayer, bool> filter, bool mayBeNone)
    {
        List<FoundLayer> batchNorms = [.. layers.Where(found => found.Info.Form == BatchNormalization.OpType)];
        if (batchNorms.Count == 0 && !mayBeNone && !layers.Any(found => found is { Referenced: not null, Info.CanAdapt: true })) throw new AdaptationException(AdaptationError.NoBatchNormalization, NormalizationVerdict.Of([.. layers.Select(found => found.Info)]));
        batchNorms = [.. batchNorms.Where(filter)];
        if (batchNorms.Count == 0 && !mayBeNone)
            throw new AdaptationException(AdaptationError.NoBatchNormalization, "The layer filter turns down every BatchNormalization of the model; nothing is left to adapt.");

        string[] declined = [.. batchNorms.Where(found => !found.Info.CanAdapt).Select(found => $"'{found.Info.Name}': {found.Info.DeclinedBecause} ({found.Info.Mend})")];
        if (declined.Length == 0) return batchNorms;
        throw new AdaptationException(AdaptationError.UnsupportedForm,
            $"{string.Create(CultureInfo.InvariantCulture, $"{declined.Length}")} BatchNormalization node(s) cannot be adapted: {string.Join("; ", declined)}. " +
            "Mend them, or leave these layers out with the layer filter.");
    }
}
