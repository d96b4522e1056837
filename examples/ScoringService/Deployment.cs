using System.Text.Json;
using System.Text.Json.Serialization;
using AdaBN;
using AdaBN.Onnx;

namespace ScoringService;

/// <summary>A model that is or was served.</summary>
/// <param name="Version">SHA-256 of its file.</param>
/// <param name="Verdict">The verdict it was adapted under; null for the source model.</param>
/// <param name="Since">Since when it is served, or was.</param>
internal sealed record Deployed(string Version, VerdictKind? Verdict, DateTimeOffset Since);

/// <summary>What survives a restart, in state.json.</summary>
/// <param name="Source">The source model that the others stem from.</param>
/// <param name="Current">The model served.</param>
/// <param name="Previous">The one before it, to which a rollback goes; null where there is none.</param>
/// <param name="Swaps">Changes of the model so far, rollbacks among them.</param>
internal sealed record DeploymentState(string Source, Deployed Current, Deployed? Previous, int Swaps);

/// <summary>Which model is served: on disk first, then in memory, so that a crash at any moment leaves one whole state or the other.</summary>
internal sealed partial class Deployment
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter() }, RespectRequiredConstructorParameters = true };

    private readonly Lock _changing = new();
    private readonly SourceModel _source;
    private readonly string _stateFile, _folder;
    private readonly ILogger<Deployment> _logger;
    private readonly ModelSlot _slot;
    private volatile DeploymentState _state;

    /// <exception cref="InvalidDataException">The data folder is damaged, or of another model.</exception>
    public Deployment(ServiceOptions options, SourceModel source, ILogger<Deployment> logger)
    {
        (_source, _logger) = (source, logger);
        _stateFile = Path.Combine(options.Data, "state.json");
        _folder = Directory.CreateDirectory(Path.Combine(options.Data, "models")).FullName;
        _state = File.Exists(_stateFile) ? Read() : new DeploymentState(source.Version, new Deployed(source.Version, null, DateTimeOffset.UtcNow), null, 0);
        _slot = new ModelSlot(Open(_state.Current));
        LogServing(_state.Current.Version, _state.Current.Verdict?.ToString() ?? "source model");
    }

    public DeploymentState State => _state;

    /// <summary>The model of this moment, for one request.</summary>
    public ModelSlot.Lease Borrow() => _slot.Borrow();

    /// <summary>Serves an adapted model; the one before it stays for a rollback. False where it is being served already.</summary>
    public bool Deploy(byte[] model, VerdictKind verdict)
    {
        lock (_changing)
        {
            var next = new Deployed(ServedModel.VersionOf(model), verdict, DateTimeOffset.UtcNow);
            if (next.Version == _state.Current.Version) return false;
            AtomicFile.Write(FileOf(next.Version), stream => stream.Write(model));
            Change(new DeploymentState(_source.Version, next, _state.Current, _state.Swaps + 1));
            return true;
        }
    }

    /// <summary>Serves the model before; false where there is none.</summary>
    public bool Rollback()
    {
        lock (_changing)
        {
            if (_state.Previous is not { } previous) return false;
            Change(new DeploymentState(_source.Version, previous with { Since = DateTimeOffset.UtcNow }, Previous: null, _state.Swaps + 1));
            return true;
        }
    }

    private void Change(DeploymentState next)
    {
        ServedModel model = Open(next.Current); // computes once before a request meets it
        try
        {
            AtomicFile.Write(_stateFile, stream => JsonSerializer.Serialize(stream, next, s_json));
        }
        catch
        {
            model.Dispose();
            throw;
        }
        _state = next;
        _slot.Replace(model);
        LogSwapped(next.Current.Version, next.Previous?.Version ?? "none", next.Swaps);
        DeleteAllBut(next);
    }

    private void DeleteAllBut(DeploymentState needed)
    {
        try
        {
            foreach (string file in Directory.GetFiles(_folder, "*.onnx").Where(file => file != FileOf(needed.Current.Version) && file != FileOf(needed.Previous?.Version))) File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotDeleted(e, _folder); // the swap stands; the next one tries again
        }
    }

    private ServedModel Open(Deployed model)
    {
        byte[] bytes = model.Version == _source.Version ? _source.Bytes : File.ReadAllBytes(FileOf(model.Version));
        return ServedModel.VersionOf(bytes) == model.Version ? new ServedModel(bytes, _source.Images.Shape)
            : throw new InvalidDataException($"{FileOf(model.Version)} is not the file that was written: its SHA-256 is {ServedModel.VersionOf(bytes)}. Delete {_stateFile} to serve the source model again.");
    }

    private DeploymentState Read()
    {
        try
        {
            using FileStream stream = File.OpenRead(_stateFile);
            DeploymentState state = JsonSerializer.Deserialize<DeploymentState>(stream, s_json) ?? throw new JsonException("it holds no state");
            return state.Source == _source.Version ? state
                : throw new InvalidDataException($"{_stateFile} is of the source model {state.Source}, but the model given is {_source.Version}. Give that one, or another --data, or delete the file.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{_stateFile} is damaged ({e.Message}). Delete it to serve the source model.", e);
        }
    }

    private string FileOf(string? version) => Path.Combine(_folder, $"{version}.onnx");

    [LoggerMessage(LogLevel.Information, "Serving {Version} ({Verdict})")]
    private partial void LogServing(string version, string verdict);

    [LoggerMessage(LogLevel.Information, "Swapped to {Version}, before it {Previous}; swap {Swaps}")]
    private partial void LogSwapped(string version, string previous, int swaps);

    [LoggerMessage(LogLevel.Warning, "Models that are no longer needed stay in {Folder}")]
    private partial void LogNotDeleted(Exception exception, string folder);
}
