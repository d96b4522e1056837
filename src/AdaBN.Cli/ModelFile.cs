using AdaBN.Onnx;

namespace AdaBN.Cli;

/// <summary>The model that a command is given: an ONNX file, or the model within a pipeline that ML.NET has saved.</summary>
/// <param name="Model">The model.</param>
/// <param name="Pipeline">The pipeline around it; null for an ONNX file.</param>
/// <param name="Place">Its place there.</param>
internal sealed record ModelFile(OnnxModel Model, SavedPipeline? Pipeline, PipelineModel? Place)
{
    public static ModelFile Load(string path, int? step)
    {
        CommandInputs.CheckThere(path);
        if (!SavedPipeline.IsZip(path))
            return step is null ? new ModelFile(OnnxModel.Load(path), null, null) : throw new ArgumentException($"--step is for pipelines that ML.NET saved; {path} is none.");
        SavedPipeline pipeline = SavedPipeline.Open(path);
        PipelineModel place = pipeline.Models.Count > 1 && step is null ? throw new ArgumentException($"{path} has {pipeline.Models.Count} ONNX steps; choose one with --step.") : pipeline.Choose(step);
        return new ModelFile(pipeline.Load(place), pipeline, place);
    }

    /// <summary>Writes another model in its place: the pipeline anew, or the model alone where the name says <c>.onnx</c>.</summary>
    public void Save(string target, OnnxModel adapted, bool asSingleFile)
    {
        bool isAlone = Pipeline is null || Path.GetExtension(target).Equals(".onnx", StringComparison.OrdinalIgnoreCase);
        if (isAlone) (asSingleFile ? adapted.ToSingleFile() : adapted).Save(target);
        else Pipeline!.Save(target, new Dictionary<PipelineModel, OnnxModel> { [Place!] = adapted });
    }
}
