using Microsoft.ML.Transforms.Onnx;

namespace Microsoft.ML;

public static class OnnxCatalog
{
    /// <summary>All of the model's inputs and outputs, under their own names.</summary>
    public static OnnxScoringEstimator ApplyOnnxModel(
        this TransformsCatalog catalog, string modelFile, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        catalog.ApplyOnnxModel(new OnnxOptions
        {
            ModelFile = modelFile,
            InputColumns = [],
            OutputColumns = [],
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    public static OnnxScoringEstimator ApplyOnnxModel(
        this TransformsCatalog catalog,
        string outputColumnName,
        string inputColumnName,
        string modelFile,
        int? gpuDeviceId = null,
        bool fallbackToCpu = false) =>
        catalog.ApplyOnnxModel(new OnnxOptions
        {
            ModelFile = modelFile,
            InputColumns = [inputColumnName],
            OutputColumns = [outputColumnName],
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    public static OnnxScoringEstimator ApplyOnnxModel(this TransformsCatalog catalog, OnnxOptions options)
    {
        var environment = catalog.Environment;
        bool fromContext = options.GpuDeviceId == null && environment.GpuDeviceId != null;
        var settings = new OnnxSettings(
            options.InputColumns,
            options.OutputColumns,
            fromContext ? environment.GpuDeviceId : options.GpuDeviceId,
            fromContext ? environment.FallbackToCpu : options.FallbackToCpu,
            options.ShapeDictionary?.ToDictionary() ?? [],
            options.InterOpNumThreads,
            options.IntraOpNumThreads);
        return new OnnxScoringEstimator(OnnxTransformer.FromFile(options.ModelFile, settings));
    }
}
