using Microsoft.ML;
using Microsoft.ML.Transforms.Onnx;

namespace AdaBN.MLNet;

/// <summary>
/// Makes ML.NET's own ONNX scoring step for a model file. ML.NET keeps the constructors and base classes of its steps to itself, so
/// the public way to a step that scores, saves and loads like stock is to compose one.
/// </summary>
internal sealed record ScoringFactory(
    TransformsCatalog Catalog, string[] Outputs, string[] Inputs, IReadOnlyDictionary<string, int[]>? Shapes,
    int? GpuDeviceId, bool FallbackToCpu, bool IsOnCpu)
{
    public OnnxScoringEstimator Create(string modelFile) => Catalog.ApplyOnnxModel(new OnnxOptions
    {
        ModelFile = modelFile,
        InputColumns = Inputs,
        OutputColumns = Outputs,
        ShapeDictionary = Shapes?.ToDictionary(),
        GpuDeviceId = GpuDeviceId,
        FallbackToCpu = FallbackToCpu,
    });
}
