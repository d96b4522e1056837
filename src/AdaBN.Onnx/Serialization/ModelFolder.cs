using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace AdaBN.Onnx.Serialization;

/// <summary>
/// The folder that a model was loaded from, and the files in it that hold tensor data. Names come from the model, so they are not
/// trusted: only plain files below the folder are read. A file must stay as it was when it was first seen.
/// </summary>
internal sealed class ModelFolder(string path)
{
    private readonly ConcurrentDictionary<string, (long Length, DateTime Written)> _seen = new(StringComparer.Ordinal);

    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>Checks that a tensor's data is there.</summary>
    /// <exception cref="OnnxModelException">The name leads out of the folder, or no plain file of at least that length stands there.</exception>
    public void Check(TensorProto tensor) => Open(tensor.Name, ExternalData.Of(tensor)).Dispose();

    /// <summary>Reads a tensor's data.</summary>
    /// <exception cref="OnnxModelException">As in <see cref="Check"/>, or the file changed since, or the data is too long for this program to hold.</exception>
    public byte[] Read(TensorProto tensor)
    {
        ExternalData data = ExternalData.Of(tensor);
        if (data.Length > Array.MaxLength)
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture, $"Tensor '{tensor.Name}' holds {data.Length} bytes; a single tensor of 2 GB or more cannot be computed with here."));
        using SafeFileHandle file = Open(tensor.Name, data);
        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)data.Length);
        for (int done = 0; done < bytes.Length;)
        {
            int read = RandomAccess.Read(file, bytes.AsSpan(done), data.Offset + done);
            if (read == 0) throw Changed(tensor.Name, data.Location);
            done += read;
        }
        return bytes;
    }

    /// <summary>Where a name that a model gives leads.</summary>
    /// <exception cref="OnnxModelException">Out of the folder, or through a symbolic link.</exception>
    public string Locate(string tensor, string location)
    {
        string[] segments = location.Split('/', '\\');
        bool isOutside = segments.Contains("..") || segments[0].Length == 0 || System.IO.Path.IsPathRooted(location);
        if (isOutside || location.Contains('\0') || (OperatingSystem.IsWindows() && location.Contains(':')))
            throw new OnnxModelException($"Tensor '{tensor}' keeps its data in '{location}'; only files in the model's own folder are read. Save the model again with its data beside it.");
        string full = Path;
        foreach (string segment in OperatingSystem.IsWindows() ? segments : location.Split('/'))
        {
            full = System.IO.Path.Combine(full, segment);
            if (IsLink(full))
                throw new OnnxModelException($"Tensor '{tensor}' keeps its data in '{location}', and '{full}' is a symbolic link; data must be a plain file in the model's own folder. Copy the file itself there.");
        }
        return System.IO.Path.GetFullPath(full);
    }

    private SafeFileHandle Open(string tensor, ExternalData data)
    {
        string full = Locate(tensor, data.Location);
        var info = new FileInfo(full);
        if (!info.Exists)
            throw new OnnxModelException($"Tensor '{tensor}' keeps its data in '{data.Location}', but there is no file {full}. Copy it beside the model, or export the model as one file.");
        // Pipes and devices have no length, so they are never opened.
        if (info.Length == 0 || info.Length - data.Offset < data.Length)
        {
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture,
                $"Tensor '{tensor}' keeps {data.Length} bytes from byte {data.Offset} on in '{data.Location}', but {full} has {info.Length} bytes. Was it copied completely?"));
        }
        (long, DateTime) now = (info.Length, info.LastWriteTimeUtc);
        if (_seen.GetOrAdd(full, now) != now) throw Changed(tensor, data.Location);
        return File.OpenHandle(full, options: FileOptions.RandomAccess);
    }

    private static bool IsLink(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget is not null;
        }
        catch (IOException e)
        {
            throw new OnnxModelException($"'{path}', which the model names for its data, cannot be looked at ({e.Message}).", e);
        }
    }

    private static OnnxModelException Changed(string tensor, string location) =>
        new($"'{location}', which holds the data of tensor '{tensor}', was changed after the model was loaded. Load the model again.");
}
