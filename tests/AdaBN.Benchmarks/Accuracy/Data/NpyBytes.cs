using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace AdaBN.Benchmarks.Accuracy.Data;

/// <summary>An array in a .npz file: small integers of any width as bytes.</summary>
internal static partial class NpyBytes
{
    public static (int[] Shape, byte[] Data) Read(ZipArchive archive, string name)
    {
        using Stream entry = (archive.GetEntry(name) ?? throw new InvalidDataException($"The archive has no {name}.")).Open();
        using var memory = new MemoryStream();
        entry.CopyTo(memory);
        ReadOnlySpan<byte> file = memory.ToArray();
        const int start = 10; // magic, version, a header length of two bytes
        int header = start + file[8] + (file[9] << 8);
        string description = Encoding.ASCII.GetString(file[start..header]);
        Match type = Integers().Match(description);
        if (!type.Success || !description.Contains("'fortran_order': False", StringComparison.Ordinal)) throw new InvalidDataException($"{name} is no little-endian array of integers in C order: {description}");
        int width = int.Parse(type.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        int[] shape = [.. Shape().Match(description).Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(length => int.Parse(length, CultureInfo.InvariantCulture))];
        if (file.Length - header != (long)width * shape.Aggregate(1, (product, length) => product * length)) throw new InvalidDataException($"{name} is shorter or longer than its shape says.");
        return (shape, [.. file[header..].ToArray().Chunk(width).Select(value => value[0])]);
    }

    [GeneratedRegex(@"'descr': '[<|][ui](\d)'")]
    private static partial Regex Integers();

    [GeneratedRegex(@"'shape': \(([^)]*)\)")]
    private static partial Regex Shape();
}
