using System.IO.Compression;

namespace AdaBN.Input;

/// <summary>NumPy's archives: a zip file of one <c>.npy</c> an array, stored or deflated.</summary>
internal static class NpzFormat
{
    public static ArrayFile Open(string path, string? arrayName)
    {
        try
        {
            using ZipArchive archive = ZipFile.OpenRead(path);
            ZipArchiveEntry entry = Choose(archive, path, arrayName);
            string place = $"{path} ({entry.Name})", name = entry.FullName;
            ArrayFile.CheckRatio(place, entry.Length, entry.CompressedLength);
            using Stream header = entry.Open();
            (bool isBytes, int[] shape, _) = NpyFormat.ReadHeader(header, place, entry.Length);
            return new ArrayFile(place, isBytes, shape, () => OpenData(path, name, place));
        }
        catch (Exception e) when ((e is InvalidDataException or EndOfStreamException or NotSupportedException) && !e.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"{path} is a damaged zip file ({e.Message}). Was it copied completely?", e);
        }
    }

    private static ZipArchiveEntry Choose(ZipArchive archive, string path, string? arrayName)
    {
        ZipArchiveEntry[] arrays = [.. archive.Entries.Where(entry => entry.Name.EndsWith(".npy", StringComparison.Ordinal))];
        if (arrays.FirstOrDefault(entry => entry.FullName == $"{arrayName}.npy") is { } named) return named;
        return arrays.Length == 1 ? arrays[0] : throw new InvalidDataException(arrays.Length == 0
            ? $"{path} is a zip file without arrays, expected NumPy's .npz: numpy.savez(file, images=array)."
            : $"{path} holds several arrays ({string.Join(", ", arrays.Select(entry => entry.FullName[..^4]).Take(8))}); name one of them as the model's input is named, or save one alone.");
    }

    private static (Stream, IDisposable) OpenData(string path, string name, string place)
    {
        ZipArchive archive = ZipFile.OpenRead(path);
        ZipArchiveEntry entry = archive.GetEntry(name)!;
        Stream data = entry.Open();
        NpyFormat.ReadHeader(data, place, entry.Length);
        return (new BufferedStream(data, 1 << 16), archive);
    }
}
