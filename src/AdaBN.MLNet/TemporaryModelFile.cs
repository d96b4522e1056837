using System.Collections.Concurrent;

namespace AdaBN.MLNet;

/// <summary>The path of a model file of one step; removed with the step, at the latest when the process ends.</summary>
internal sealed class TemporaryModelFile : IDisposable
{
    // ML.NET programs seldom dispose their steps, and .NET runs no finalizers at exit.
    private static readonly ConcurrentDictionary<string, bool> Open = new();

    static TemporaryModelFile() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (string folder in Open.Keys) Remove(folder);
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("adabn-").FullName;

    /// <param name="name">The file's name.</param>
    public TemporaryModelFile(string name)
    {
        Open[_folder] = true;
        Path = System.IO.Path.Combine(_folder, name);
    }

    public string Path { get; }

    public void Dispose()
    {
        if (Open.TryRemove(_folder, out _)) Remove(_folder);
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Windows keeps files open that a scanner or an undisposed session reads; the system's temporary folder is its to clean.
        }
    }
}
