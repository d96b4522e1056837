namespace ScoringService;

/// <summary>The folder where the service keeps what it has, for one process at a time.</summary>
internal static class DataFolder
{
    /// <summary>Creates it, and keeps other processes out until the file is closed.</summary>
    /// <exception cref="InvalidDataException">Another one is in it.</exception>
    public static FileStream Lock(string folder)
    {
        Directory.CreateDirectory(folder);
        try
        {
            return new FileStream(Path.Combine(folder, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new InvalidDataException($"Another service works in {Path.GetFullPath(folder)}, or it cannot be written ({e.Message}). Stop that one, or give another --data.", e);
        }
    }
}
