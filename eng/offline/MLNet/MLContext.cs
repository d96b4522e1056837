using Microsoft.ML.Runtime;

namespace Microsoft.ML;

public sealed class MLContext : IHostEnvironment
{
    private readonly LocalEnvironment _environment = new();

    public MLContext(int? seed = null)
    {
        _ = seed; // Nothing the stand-in offers draws random numbers.
        _environment.Message += (kind, source, text) => Log?.Invoke(this, new LoggingEventArgs(text, kind, source));
        Data = new DataOperationsCatalog();
        Transforms = new TransformsCatalog(_environment);
        Model = new ModelOperationsCatalog(_environment);
    }

    public event EventHandler<LoggingEventArgs> Log;

    public DataOperationsCatalog Data { get; }

    public TransformsCatalog Transforms { get; }

    public ModelOperationsCatalog Model { get; }

    public ComponentCatalog ComponentCatalog => _environment.ComponentCatalog;

    public string TempFilePath { get => _environment.TempFilePath; set => _environment.TempFilePath = value; }

    public int? GpuDeviceId { get => _environment.GpuDeviceId; set => _environment.GpuDeviceId = value; }

    public bool FallbackToCpu { get => _environment.FallbackToCpu; set => _environment.FallbackToCpu = value; }

    IHost IHostEnvironment.Register(string name, int? seed, bool? verbose) => _environment.Register(name, seed, verbose);

    IChannel IChannelProvider.Start(string name) => _environment.Start(name);
}

public sealed class TransformsCatalog
{
    internal TransformsCatalog(LocalEnvironment environment) => Environment = environment;

    internal LocalEnvironment Environment { get; }
}
