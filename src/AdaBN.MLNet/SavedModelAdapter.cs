using AdaBN.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Onnx;

namespace AdaBN.MLNet;

/// <summary>Adapts the ONNX steps of a saved pipeline, first to last: load → run the steps before → adapt → put the model in its place.</summary>
internal sealed class SavedModelAdapter(
    ModelOperationsCatalog catalog, AdaptationOptions options, IReadOnlyDictionary<string, int[]>? shapes, IChannel? channel, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
{
    public SavedModelAdaptation Adapt(string path, IDataView data, int? step)
    {
        SavedPipeline pipeline = SavedPipeline.Open(path);
        using var meanwhile = new TemporaryModelFile("pipeline.zip");
        string present = path; // later steps see what the adapted earlier ones give
        var adapted = new Dictionary<PipelineModel, OnnxModel>();
        List<AdaptedStep> steps = [];
        AdaptationException? nothing = null;
        foreach (PipelineModel place in step is null ? pipeline.Models : [pipeline.Choose(step)])
        {
            OnnxModel source = pipeline.Load(place);
            AdaptationResult result;
            try
            {
                result = Adapt(source, present, place, pipeline.Models.Count, data);
            }
            catch (AdaptationException e) when (e.Error == AdaptationError.NoBatchNormalization && step is null && pipeline.Models.Count > 1)
            {
                nothing ??= e;
                channel?.Info(MessageSensitivity.None, $"{place.Step}: left as it is; it has no BatchNormalization to adapt.");
                continue;
            }
            AdaptationLog.Tell(channel, result.Report, $"{place.Step}: ");
            bool isChanged = result.Model.ComputationSha256() != source.ComputationSha256();
            steps.Add(new AdaptedStep(place.Index, place.Step, result, isChanged));
            if (!isChanged) continue;
            adapted.Add(place, result.Model);
            if (place.Index == pipeline.Models.Count - 1) continue;
            pipeline.Save(meanwhile.Path, adapted);
            present = meanwhile.Path;
        }
        if (steps.Count == 0) throw nothing!;
        cancellationToken.ThrowIfCancellationRequested();
        if (adapted.Count > 0) pipeline.Save(path, adapted);
        channel?.Info(MessageSensitivity.None, adapted.Count > 0 ? $"{path} was written." : $"{path} was left as it is: every statistic stays.");
        return new SavedModelAdaptation(adapted.Count > 0, steps);
    }

    private AdaptationResult Adapt(OnnxModel source, string pipeline, PipelineModel place, int onnxSteps, IDataView data)
    {
        if (DomainBank.IsBank(source))
            throw new AdaptationException(AdaptationError.UnsupportedForm, $"{place.Step} of {pipeline} is a bank of domains. Fit it anew with AdaptOnnxModel and its domain column, or take the .onnx file and add to it (DomainBank.Adapt, 'adabn bank add').");
        ITransformer loaded = catalog.Load(pipeline, out _);
        using var whole = loaded as IDisposable;
        ITransformer[] steps = [.. InScoring(loaded)];
        OnnxTransformer[] models = [.. steps.OfType<OnnxTransformer>()];
        if (models.Length != onnxSteps)
            throw new OnnxModelException($"{pipeline} has {onnxSteps} ONNX models in it, but loads as a pipeline with {models.Length} ONNX steps for scoring. Save the pipeline anew.");
        OnnxTransformer model = models[place.Index];
        IDataView rows = steps.TakeWhile(step => step != model).Aggregate(data, (view, step) => step.Transform(view));
        model.GetOutputSchema(rows.Schema); // checks the columns as stock scoring does, before any row is read
        return BatchNormAdapter.Adapt(source, new DataViewSampleSource(rows, [.. source.Graph.RequiredInputs.Select(input => input.Name)], shapes, mustCount: options.Communicator is { Size: > 1 }), options, channel is null ? progress : new StageLog(channel, progress), cancellationToken);
    }

    private static IEnumerable<ITransformer> InScoring(ITransformer step) =>
        step is TransformerChain<ITransformer> chain ? chain.GetModelFor(TransformerScope.Scoring).SelectMany(InScoring) : [step];
}
