using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace AdaBN.Onnx;

/// <summary>An ONNX model within a saved pipeline.</summary>
/// <param name="Index">Its number among the pipeline's ONNX models, from 0, in the order of the steps.</param>
/// <param name="Step">The folder of its step in the file, such as <c>TransformerChain/Transform_001</c>.</param>
public sealed record PipelineModel(int Index, string Step)
{
    internal string Entry { get; init; } = "";
}

/// <summary>
/// A pipeline that ML.NET has saved: a zip with a folder a step. An ONNX step (<c>ApplyOnnxModel</c>) keeps its model whole, in the entry <c>OnnxModel</c>:
/// the length in four bytes, then the bytes of the <c>.onnx</c> file. Nothing is ever unpacked to disk.
/// </summary>
public sealed class SavedPipeline
{
    private const string ModelEntry = "OnnxModel", HeaderEntry = "Model.key", Loader = "OnnxTransform";
    private const int LengthPrefix = sizeof(int);
    private const long SmallHeader = 1 << 20;

    // Weights hardly compress. A file of more than a few megabytes that compresses like this is made to fill the memory.
    private const long SmallModel = 64 << 20, MostCompression = 100;

    private readonly string _path;

    private SavedPipeline(string path, IReadOnlyList<PipelineModel> models) => (_path, Models) = (path, models);

    /// <summary>Its ONNX models; at least one.</summary>
    public IReadOnlyList<PipelineModel> Models { get; }

    /// <summary>Whether a file is a zip, judged by its first bytes. No ONNX file begins so.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static bool IsZip(string path)
    {
        Span<byte> start = stackalloc byte[4];
        using FileStream stream = File.OpenRead(path);
        return IsZip(start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)]);
    }

    internal static bool IsZip(ReadOnlySpan<byte> bytes) => bytes.StartsWith("PK\u0003\u0004"u8);

    /// <summary>Looks for the ONNX models in a saved pipeline.</summary>
    /// <exception cref="OnnxModelException">The file is no zip, is damaged, or holds no ONNX model.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SavedPipeline Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Read(path, zip =>
        {
            ZipArchiveEntry[] found = [.. zip.Entries.Where(entry => Split(entry).Name == ModelEntry && IsOnnxStep(path, zip, entry))];
            if (found.Length == 0)
                throw new OnnxModelException($"{path}: no ONNX model in it, expected a pipeline that ML.NET saved (mlContext.Model.Save) with a step ApplyOnnxModel or AdaptOnnxModel; its entries are {Names(zip)}.");
            if (found.GroupBy(entry => entry.FullName).FirstOrDefault(same => same.Count() > 1) is { } twice)
                throw new OnnxModelException($"{path}: {twice.Count()} entries are named {twice.Key}, so that nobody can tell which is meant. Save the pipeline anew.");
            return new SavedPipeline(path, [.. found.Select((entry, i) => new PipelineModel(i, Split(entry).Folder.Replace('\\', '/')) { Entry = entry.FullName })]);
        });
    }

    /// <summary>The model of this number; where none is given, the only one.</summary>
    /// <exception cref="ArgumentException">There are several and none was chosen, or there is no such number.</exception>
    public PipelineModel Choose(int? index) => index is { } i
        ? i >= 0 && i < Models.Count ? Models[i] : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{_path} has no ONNX step {i}. It has {Told}."))
        : Models.Count == 1 ? Models[0] : throw new ArgumentException($"{_path} has {Told}; choose one by its number.");

    /// <summary>Reads one of its models.</summary>
    /// <exception cref="OnnxModelException">The entry or the model in it is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public OnnxModel Load(PipelineModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        byte[] bytes = Read(_path, zip => Content(_path, EntryOf(zip, model), Array.MaxLength));
        int length = bytes.Length < LengthPrefix ? -1 : BinaryPrimitives.ReadInt32LittleEndian(bytes);
        if (length != bytes.Length - LengthPrefix)
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture, $"{_path}: {model.Entry} has {bytes.Length} bytes and says that a model of {length} bytes follows the first 4. The file is damaged; copy it anew."));
        try
        {
            return OnnxModel.FromBytes(bytes.AsSpan(LengthPrefix));
        }
        catch (OnnxModelException e)
        {
            throw new OnnxModelException($"{_path}, {model.Entry}: {e.Message}", e);
        }
    }

    /// <summary>Writes the pipeline with other models in their places; every other entry is copied as it is, compressed bytes and all.</summary>
    /// <param name="path">The file, which may be this one: it is written beside and renamed.</param>
    /// <param name="models">The models to put in; data that they keep outside goes inside.</param>
    /// <exception cref="OnnxModelException">The pipeline is damaged, or a model has 2 GB or more.</exception>
    /// <exception cref="IOException">A file cannot be read or written; what stood there before is untouched.</exception>
    public void Save(string path, IReadOnlyDictionary<PipelineModel, OnnxModel> models)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(models);
        AtomicFile.Write(path, stream =>
        {
            using (FileStream source = File.OpenRead(_path)) source.CopyTo(stream);
            Guarded(_path, () =>
            {
                using var zip = new ZipArchive(stream, ZipArchiveMode.Update, leaveOpen: true);
                foreach ((PipelineModel place, OnnxModel model) in models) Write(EntryOf(zip, place), model.ToSingleFile().ToBytes());
                return true;
            });
        });
    }

    private static void Write(ZipArchiveEntry entry, byte[] model)
    {
        DateTimeOffset time = entry.LastWriteTime; // the same pipeline and images give the same file
        using (Stream content = entry.Open())
        {
            content.SetLength(0);
            Span<byte> length = stackalloc byte[LengthPrefix];
            BinaryPrimitives.WriteInt32LittleEndian(length, model.Length);
            content.Write(length);
            content.Write(model);
        }
        entry.LastWriteTime = time;
    }

    private string Told => Models.Count == 1 ? $"one ONNX step, 0 ({Models[0].Step})"
        : string.Create(CultureInfo.InvariantCulture, $"{Models.Count} ONNX steps: {string.Join(", ", Models.Select(model => string.Create(CultureInfo.InvariantCulture, $"{model.Index} ({model.Step})")))}");

    private ZipArchiveEntry EntryOf(ZipArchive zip, PipelineModel model) =>
        zip.GetEntry(model.Entry) ?? throw new OnnxModelException($"{_path} has no entry {model.Entry} any more: another program has written the file meanwhile.");

    /// <summary>Whether the step's header beside the model names ML.NET's loader of ONNX steps.</summary>
    private static bool IsOnnxStep(string path, ZipArchive zip, ZipArchiveEntry model) =>
        zip.GetEntry(Split(model).Folder + model.FullName[^(ModelEntry.Length + 1)] + HeaderEntry) is { } header
        && Content(path, header, SmallHeader).AsSpan().IndexOf(Encoding.ASCII.GetBytes(Loader)) >= 0;

    /// <summary>Older versions of ML.NET on Windows write backslashes.</summary>
    private static (string Folder, string Name) Split(ZipArchiveEntry entry)
    {
        int at = entry.FullName.LastIndexOfAny(['/', '\\']);
        return at < 0 ? ("", "") : (entry.FullName[..at], entry.FullName[(at + 1)..]);
    }

    private static byte[] Content(string path, ZipArchiveEntry entry, long most)
    {
        if (entry.Length > most || entry.Length > Math.Max(SmallModel, MostCompression * entry.CompressedLength))
        {
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture,
                $"{path}: entry {entry.FullName} says that it unpacks {entry.CompressedLength} bytes to {entry.Length}; no pipeline of ML.NET does. The file is damaged, or made to fill the memory; save the pipeline anew."));
        }
        using var content = new MemoryStream();
        using Stream stream = entry.Open();
        var buffer = new byte[1 << 16];
        for (int read; content.Length <= entry.Length && (read = stream.Read(buffer)) > 0;) content.Write(buffer, 0, read);
        byte[] bytes = content.ToArray();
        if (bytes.Length != entry.Length || Crc32.Of(bytes) != entry.Crc32)
            throw new OnnxModelException($"{path}: entry {entry.FullName} is damaged: its length or checksum is not what the file says. Copy the file anew.");
        return bytes;
    }

    private static string Names(ZipArchive zip)
    {
        const int shown = 8;
        return zip.Entries.Count == 0 ? "none" : string.Join(", ", zip.Entries.Take(shown).Select(entry => entry.FullName)) + (zip.Entries.Count > shown ? " …" : "");
    }

    private static T Read<T>(string path, Func<ZipArchive, T> read)
    {
        using FileStream stream = File.OpenRead(path);
        return Guarded(path, () =>
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
            return read(zip);
        });
    }

    private static T Guarded<T>(string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or NotSupportedException or ArgumentException or OverflowException)
        {
            throw new OnnxModelException($"{path}: this is no zip of an ML.NET pipeline, or a damaged one ({e.Message}). Save the pipeline anew or copy it again.", e);
        }
    }
}
