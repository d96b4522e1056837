using System.Diagnostics;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Systems;

/// <summary>This library, with default options: from the model in memory to the adapted model in memory.</summary>
internal sealed class ExactAdaptation(string modelFile, Images images) : ISystem
{
    private readonly OnnxModel _model = OnnxModel.Load(modelFile);
    private AdaptationReport? _report;

    public string Note => "default options";

    public double Pass()
    {
        long start = Stopwatch.GetTimestamp();
        _report = BatchNormAdapter.Adapt(_model, images, PaperAdaBN.Options).Report;
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    /// <summary>Its figures are the tests' business (tests/Golden), and the naive way's; here only that nothing was left out.</summary>
    public void Verify()
    {
        int layers = NormalizationDiscovery.Inspect(_model).Count(layer => layer.CanAdapt);
        if (_report!.Layers.Count != layers || _report.Samples != images.Count)
            throw new InvalidOperationException($"Adapted {_report.Layers.Count} of {layers} layers on {_report.Samples} of {images.Count} images.");
    }

    public void Dispose()
    {
    }
}
