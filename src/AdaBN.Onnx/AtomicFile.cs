namespace AdaBN.Onnx;

/// <summary>Files that are there completely or not at all.</summary>
public static class AtomicFile
{
    /// <summary>
    /// Writes a file through a temporary one beside it, flushed to disk and then renamed over the target; on any failure the
    /// temporary file is removed and the target is as it was.
    /// </summary>
    /// <param name="path">The file to write; its folder must exist.</param>
    /// <param name="write">Writes the content.</param>
    public static void Write(string path, Action<Stream> write) => Write(path, write, overwrite: true);

    /// <summary>Copies a file in the same way; where the target exists already, it fails and leaves that as it is.</summary>
    internal static void Copy(string source, string path) => Write(path, stream =>
    {
        using FileStream content = File.OpenRead(source);
        content.CopyTo(stream);
    }, overwrite: false);

    private static void Write(string path, Action<Stream> write, bool overwrite)
    {
        string full = Path.GetFullPath(path);
        string temporary = Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.{Path.GetRandomFileName()}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
