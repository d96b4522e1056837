using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

namespace Microsoft.ML.Transforms.Onnx;

internal sealed record OnnxSettings(
    string[] InputColumns,
    string[] OutputColumns,
    int? GpuDeviceId,
    bool FallbackToCpu,
    Dictionary<string, int[]> Shapes,
    int? InterOpNumThreads = null,
    int? IntraOpNumThreads = null);

/// <summary>An input or output. Its shape is as ONNX Runtime sees it, unknown lengths negative, or as the caller set it.</summary>
internal sealed record OnnxValue(string Name, List<int> Shape, DataViewType ColumnType);

/// <summary>
/// A session on a model file, which stays open until disposed. Saving reads it again by name; one that we wrote ourselves vanishes
/// when it is closed.
/// </summary>
internal sealed class OnnxModel : IDisposable
{
    private readonly InferenceSession _session;
    private readonly FileStream _file;

    internal OnnxModel(string modelFile, OnnxSettings settings, bool ownsFile)
    {
        _session = Open(modelFile, settings);
        try
        {
            _file = new FileStream(modelFile, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 4096,
                ownsFile ? FileOptions.DeleteOnClose : FileOptions.None);
            var signature = OnnxSignature.Read(modelFile);
            Inputs = ValuesOf(_session.InputMetadata, signature.Inputs, settings.Shapes);
            Outputs = ValuesOf(_session.OutputMetadata, signature.Outputs, settings.Shapes);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal List<OnnxValue> Inputs { get; }

    internal List<OnnxValue> Outputs { get; }

    internal byte[] ReadFile() => File.ReadAllBytes(_file.Name);

    internal OnnxValue Input(string name) => Find(Inputs, name, "input");

    internal OnnxValue Output(string name) => Find(Outputs, name, "output");

    internal IDisposableReadOnlyCollection<DisposableNamedOnnxValue> Run(
        IReadOnlyCollection<NamedOnnxValue> inputs, IReadOnlyCollection<string> outputs) => _session.Run(inputs, outputs);

    public void Dispose()
    {
        _session.Dispose();
        _file?.Dispose();
    }

    private static InferenceSession Open(string modelFile, OnnxSettings settings)
    {
        try
        {
            // Where the native library was built without CUDA this throws something else, which ML.NET lets through as well.
            using var options = settings.GpuDeviceId is { } device
                ? SessionOptions.MakeSessionOptionWithCudaProvider(device)
                : new SessionOptions();
            return Open(modelFile, settings, options);
        }
        catch (OnnxRuntimeException) when (settings.GpuDeviceId != null && settings.FallbackToCpu)
        {
            using var options = new SessionOptions();
            return Open(modelFile, settings, options);
        }
    }

    private static InferenceSession Open(string modelFile, OnnxSettings settings, SessionOptions options)
    {
        options.InterOpNumThreads = settings.InterOpNumThreads ?? 0;
        options.IntraOpNumThreads = settings.IntraOpNumThreads ?? 0;
        return new InferenceSession(modelFile, options);
    }

    private static List<OnnxValue> ValuesOf(
        IReadOnlyDictionary<string, NodeMetadata> values, Dictionary<string, DataViewType> declared, Dictionary<string, int[]> shapes) =>
        [.. values.Select(pair => shapes.TryGetValue(pair.Key, out int[] shape)
            ? Reshaped(pair.Key, pair.Value.Dimensions, shape, declared[pair.Key])
            : new OnnxValue(pair.Key, [.. pair.Value.Dimensions], declared[pair.Key]))];

    private static OnnxValue Reshaped(string name, int[] loaded, int[] wanted, DataViewType declared)
    {
        bool fits = wanted.Length == loaded.Length
            && wanted.Zip(loaded).All(pair => pair.First == pair.Second || pair.First <= 0 || pair.Second <= 0);
        Check.Parameter(fits, "shapeDictionary", $"Shape {string.Join(",", wanted)} for '{name}' contradicts the model's own, " +
            $"{string.Join(",", loaded)}: only what is unknown in one of them may differ.");
        var type = declared is not VectorDataViewType vector ? declared
            : wanted.All(length => length > 0) ? new VectorDataViewType(vector.ItemType, wanted)
            : new VectorDataViewType(vector.ItemType);
        return new OnnxValue(name, [.. wanted], type);
    }

    private static OnnxValue Find(List<OnnxValue> values, string name, string role) =>
        values.Find(value => value.Name == name) ?? throw new ArgumentOutOfRangeException(nameof(name), name,
            $"The model has no {role} '{name}', only {string.Join(", ", values.Select(value => value.Name))}.");
}
