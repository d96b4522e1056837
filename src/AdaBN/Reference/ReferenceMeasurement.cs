using AdaBN.Discovery;
using AdaBN.Forms;
using AdaBN.Input;
using AdaBN.Measurement;
using AdaBN.Onnx;
using AdaBN.Planning;

namespace AdaBN.Reference;

/// <summary>The adapter's stages with nothing decided: each layer stays as it is, so that all are measured in the unchanged model.</summary>
internal static class ReferenceMeasurement
{
    public static ReferenceStatistics Run(OnnxModel model, ISampleSource samples, AdaptationOptions options, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
    {
        FormSurvey survey = FormSurvey.ToMeasure(model);
        OnnxModel copy = survey.Copy;
        FoundLayer[] folded = [.. survey.Layers.Where(found => found.Folded is not null && (options.LayerFilter?.Invoke(found.Info) ?? found.Info.CanAdapt))];
        if (folded.Length == 0)
        {
            throw new AdaptationException(AdaptationError.NoBatchNormalization, options.LayerFilter is null
                ? "No layer of the model looks as if a BatchNormalization had been folded into it, so there is nothing to measure. BatchNormalization nodes need no reference: adapt the model as it is."
                : "The layer filter turns down every layer that a BatchNormalization could have been folded into; nothing is left to measure.");
        }
        Dictionary<BatchNormLayer, LinearLayer> layers = folded.ToDictionary(found => FoldedLayers.Expose(copy, found), found => found.Folded!.Layer);
        AdaptationPlan plan = StagePlanner.Plan(copy, [.. layers.Keys]);
        InputBinding binding = InputBinding.Bind(copy, plan.Inputs, samples.Inputs);

        using var reader = new BatchReader(binding, samples, options);
        using var runner = new StageRunner(copy, plan, binding, reader, options, progress);
        Dictionary<BatchNormLayer, Normalizer> unchanged = layers.Keys.ToDictionary(layer => layer, layer => Normalizer.Of(layer, layer.RunningMean, layer.RunningVariance));
        var measured = new Dictionary<BatchNormLayer, ChannelStatistics>();
        foreach (Stage stage in plan.Stages)
        {
            foreach ((BatchNormLayer layer, ChannelMoments moments) in stage.Layers.Zip(runner.Measure(stage, unchanged, cancellationToken)))
            {
                measured.Add(layer, LayerEvidence.Of(layer.Info, layer.Epsilon, layer.Source, moments, options.Variance).Target);
                measured[layer].ToFloat(layer); // refused here rather than by the first adaptation
            }
        }
        string version = typeof(ReferenceStatistics).Assembly.GetName().Version!.ToString(fieldCount: 3);
        return new ReferenceStatistics(
            model.ComputationSha256(), model.Sha256, reader.SamplesRead, version,
            [.. layers.Select(pair => new ReferenceLayer(pair.Key.Info.Name, pair.Value.Output.Name, measured[pair.Key].Mean, measured[pair.Key].Variance))]);
    }
}
