using AdaBN.Onnx;
using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Onnx;

namespace AdaBN.MLNet;

/// <summary>
/// Makes ML.NET's own ONNX scoring step for a model file. ML.NET keeps the constructors and base classes of its steps to itself, so
/// the public way to a step that scores, saves and loads like stock is to compose one.
/// </summary>
internal sealed record ScoringFactory(
    TransformsCatalog Catalog, string[] Outputs, string[] Inputs, IReadOnlyDictionary<string, int[]>? Shapes, int? GpuDeviceId, bool IsOnCpu, int RecursionLimit, int? InterOpNumThreads, int? IntraOpNumThreads)
{
    /// <summary>Blocks of rows that are scored at a time.</summary>
    public int Threads => IntraOpNumThreads is > 0 and { } threads ? threads : Environment.ProcessorCount;

    /// <summary>Makes the step for the source model, which shows whether the GPU works where one is wanted.</summary>
    /// <param name="catalog">The transforms catalog.</param>
    /// <param name="options">How to score.</param>
    /// <param name="environment">Where to log, and whose GPU settings hold where the options have none, as in ML.NET.</param>
    /// <param name="scoring">The step.</param>
    /// <returns>What makes further steps alike.</returns>
    /// <exception cref="AdaptationException">The GPU cannot be used, and the CPU shall not take its place.</exception>
    public static ScoringFactory Of(TransformsCatalog catalog, OnnxOptions options, IHostEnvironment? environment, out OnnxScoringEstimator scoring)
    {
        MLContext? context = options.GpuDeviceId is null ? environment as MLContext : null;
        int? device = options.GpuDeviceId ?? context?.GpuDeviceId;
        bool fallsBack = options.GpuDeviceId is null ? context?.FallbackToCpu ?? false : options.FallbackToCpu;
        OnnxModel? named = options.InputColumns is { Length: > 0 } ? null : OnnxModel.Load(options.ModelFile);
        var factory = new ScoringFactory(
            catalog, options.OutputColumns ?? [], named is null ? [.. options.InputColumns!] : [.. named.Graph.RequiredInputs.Select(input => input.Name)], options.ShapeDictionary?.AsReadOnly(),
            device, device is null, options.RecursionLimit, options.InterOpNumThreads, options.IntraOpNumThreads);
        try
        {
            scoring = factory.Create(options.ModelFile);
            return factory;
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException || (device is not null && e is OnnxRuntimeException or InvalidOperationException { InnerException: OnnxRuntimeException }))
        {
            // ML.NET's own fallback knows errors of ONNX Runtime only, not that a build without CUDA lacks the function, and says nothing.
            string why = $"GPU {device?.ToString() ?? "of the MLContext"} cannot be used for {options.ModelFile} ({e.Message})";
            if (!fallsBack)
            {
                throw new AdaptationException(AdaptationError.ModelRefused,
                    $"{why}. Reference Microsoft.ML.OnnxRuntime.Gpu and install the CUDA that it asks for, set fallbackToCpu (for an MLContext's own GPU: its FallbackToCpu, and give it as environment), or leave the GPU out.", e);
            }
            using IChannel? channel = environment?.Start(nameof(OnnxAdaptationCatalog.AdaptOnnxModel));
            channel?.Warning(MessageSensitivity.None, $"{why}; scoring runs on the CPU.");
            factory = factory with { GpuDeviceId = null, IsOnCpu = true, Catalog = context?.GpuDeviceId is null ? catalog : new MLContext { TempFilePath = context.TempFilePath }.Transforms };
            scoring = factory.Create(options.ModelFile);
            return factory;
        }
    }

    public OnnxScoringEstimator Create(string modelFile) => Catalog.ApplyOnnxModel(new OnnxOptions
    {
        ModelFile = modelFile,
        InputColumns = Inputs,
        OutputColumns = Outputs,
        ShapeDictionary = Shapes?.ToDictionary(),
        GpuDeviceId = GpuDeviceId,
        RecursionLimit = RecursionLimit,
        InterOpNumThreads = InterOpNumThreads,
        IntraOpNumThreads = IntraOpNumThreads,
    });
}
