using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

namespace Microsoft.ML.Transforms.Onnx;

/// <summary>Scores an ONNX model row by row. Its columns bear the names of the model's inputs and outputs.</summary>
public sealed class OnnxTransformer : RowToRowTransformerBase, IDisposable
{
    internal const string LoaderSignature = "OnnxTransform";
    private const string ModelEntry = "OnnxModel";
    private readonly Dictionary<string, int[]> _shapes;
    private bool _disposed;

    private OnnxTransformer(OnnxModel model, OnnxSettings settings)
    {
        Model = model;
        _shapes = settings.Shapes;
        Inputs = settings.InputColumns.Length == 0 ? [.. model.Inputs.Select(value => value.Name)] : settings.InputColumns;
        Outputs = settings.OutputColumns.Length == 0 ? [.. model.Outputs] : [.. settings.OutputColumns.Select(model.Output)];
    }

    internal OnnxModel Model { get; }

    internal string[] Inputs { get; }

    internal OnnxValue[] Outputs { get; }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Model.Dispose();
    }

    internal static OnnxTransformer FromFile(string modelFile, OnnxSettings settings)
    {
        foreach (string name in settings.InputColumns)
            Check.NonWhiteSpace(name, nameof(OnnxOptions.InputColumns));
        foreach (string name in settings.OutputColumns)
            Check.NonWhiteSpace(name, nameof(OnnxOptions.OutputColumns));
        Check.NonWhiteSpace(modelFile, nameof(OnnxOptions.ModelFile));
        if (!File.Exists(modelFile))
            throw new IOException($"There is no model file {modelFile}");
        return Create(modelFile, settings, ownsFile: false);
    }

    internal static ITransformer Load(ModelLoadContext context)
    {
        byte[] bytes = context.LoadBytes(ModelEntry);
        string[] inputs = context.ReadStrings();
        string[] outputs = context.ReadStrings();
        var shapes = context.ReadStrings().ToDictionary(name => name, _ => Array.ConvertAll(context.ReadStrings(), int.Parse));
        var environment = context.Environment;
        string modelFile = Path.Combine(environment.TempFilePath, Path.GetRandomFileName());
        File.WriteAllBytes(modelFile, bytes);
        var settings = new OnnxSettings(inputs, outputs, environment.GpuDeviceId, environment.FallbackToCpu, shapes);
        return Create(modelFile, settings, ownsFile: true);
    }

    private static OnnxTransformer Create(string modelFile, OnnxSettings settings, bool ownsFile)
    {
        OnnxModel model;
        try
        {
            model = new OnnxModel(modelFile, settings, ownsFile);
        }
        catch (OnnxRuntimeException fault)
        {
            throw new InvalidOperationException($"ONNX Runtime cannot open {modelFile}: {fault.Message}", fault);
        }

        return new OnnxTransformer(model, settings);
    }

    /// <summary>The bytes come from the file as it is now. Device and threads are not saved.</summary>
    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.Begin(LoaderSignature);
        ctx.SaveBinary(ModelEntry, writer =>
        {
            byte[] bytes = Model.ReadFile();
            writer.Write(bytes.Length);
            writer.Write(bytes);
        });
        ctx.WriteStrings(Inputs);
        ctx.WriteStrings([.. Outputs.Select(output => output.Name)]);
        ctx.WriteStrings(_shapes.Keys);
        foreach (int[] shape in _shapes.Values)
            ctx.WriteStrings([.. shape.Select(length => $"{length}")]);
    }

    private protected override BoundMapper Bind(DataViewSchema inputSchema) => new OnnxMapper(this, inputSchema);
}
