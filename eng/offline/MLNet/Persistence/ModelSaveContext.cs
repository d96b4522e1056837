using System.Text;

namespace Microsoft.ML;

/// <summary>
/// One transformer's place in a model file. A transformer of ours may hand its context on to an inner one, which then is what
/// the file holds: who begins is who will be loaded.
/// </summary>
public sealed class ModelSaveContext : IDisposable
{
    private readonly ModelArchiveWriter _archive;
    private readonly string _folder;
    private readonly MemoryStream _body = new();
    private string _loader;

    internal ModelSaveContext(ModelArchiveWriter archive, string folder)
    {
        _archive = archive;
        _folder = folder;
        Writer = new BinaryWriter(_body, Encoding.UTF8, leaveOpen: true);
    }

    internal BinaryWriter Writer { get; }

    public void Dispose() => Writer.Dispose();

    /// <summary>Says which loader reads this back. Once only: two transformers cannot share a place.</summary>
    internal void Begin(string loaderSignature)
    {
        Check.State(_loader == null, $"'{_folder}' already holds a model of '{_loader}'");
        _loader = loaderSignature;
    }

    internal void WriteStrings(IReadOnlyCollection<string> values)
    {
        Writer.Write(values.Count);
        foreach (string value in values)
            Writer.Write(value);
    }

    internal void SaveBinary(string name, Action<BinaryWriter> write)
    {
        using var body = new MemoryStream();
        using (var writer = new BinaryWriter(body, Encoding.UTF8, leaveOpen: true))
            write(writer);
        _archive.Add(ModelArchive.PathOf(_folder, name), body);
    }

    internal void SaveInner(ICanSaveModel model, string name) => _archive.Save(model, ModelArchive.PathOf(_folder, name));

    internal void End()
    {
        Check.State(_loader != null, $"The transformer for '{_folder}' saved nothing.");
        using var whole = new MemoryStream();
        using (var writer = new BinaryWriter(whole, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(_loader);
            writer.Flush();
            _body.WriteTo(whole);
        }

        _archive.Add(ModelArchive.PathOf(_folder, ModelArchive.KeyEntry), whole);
    }
}
