using Google.Protobuf;

namespace AdaBN.Onnx.Serialization;

/// <summary>Puts the files that hold a model's tensor data beside the model where it is saved.</summary>
internal static class ExternalFiles
{
    /// <summary>Saves a model with the data that it keeps outside: files already in the target folder stay, others are copied whole, under the same names.</summary>
    /// <exception cref="OnnxModelException">The model would replace its own data, or another file has a name that is needed.</exception>
    public static void Save(ModelProto model, ModelFolder source, string path)
    {
        string full = Path.GetFullPath(path);
        var target = new ModelFolder(Path.GetDirectoryName(full)!);
        List<string> written = [];
        try
        {
            foreach (TensorProto tensor in StoredTensors.Of(model).Where(ExternalData.IsIn).DistinctBy(tensor => ExternalData.Of(tensor).Location))
            {
                source.Check(tensor);
                string location = ExternalData.Of(tensor).Location, from = source.Locate(tensor.Name, location), to = target.Locate(tensor.Name, location);
                if (Same(to, full)) throw new OnnxModelException($"'{path}' is where the data of tensor '{tensor.Name}' stands or has to stand. Save the model under another name.");
                if (Same(from, to) || Matches(from, to)) continue;
                Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                AtomicFile.Copy(from, to);
                written.Add(to);
            }
            AtomicFile.Write(path, stream => model.WriteTo(stream));
        }
        catch
        {
            written.ForEach(File.Delete);
            throw;
        }
    }

    /// <summary>Whether the file to copy is there already; another one in its place is never overwritten.</summary>
    private static bool Matches(string from, string to)
    {
        if (!Path.Exists(to)) return false;
        using FileStream wanted = File.OpenRead(from);
        if (new FileInfo(to) is { Exists: true } found && found.Length == wanted.Length)
        {
            using FileStream standing = File.OpenRead(to);
            if (SameContent(wanted, standing)) return true;
        }
        throw new OnnxModelException($"The model's data has to be copied to {to}, where something else stands. Save the model in another folder or as a single file.");
    }

    private static bool SameContent(Stream left, Stream right)
    {
        byte[] a = new byte[1 << 16], b = new byte[1 << 16];
        for (int read; (read = left.ReadAtLeast(a, a.Length, throwOnEndOfStream: false)) > 0;)
        {
            if (right.ReadAtLeast(b.AsSpan(0, read), read, throwOnEndOfStream: false) != read || !a.AsSpan(0, read).SequenceEqual(b.AsSpan(0, read))) return false;
        }
        return true;
    }

    private static bool Same(string left, string right) =>
        string.Equals(left, right, OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
}
