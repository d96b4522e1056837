using System.Globalization;
using System.IO.Compression;
using Microsoft.ML.Data;

namespace DigitsNewScanner;

/// <summary>A scan from the new site: 8x8 pixels, 0 to 16.</summary>
internal sealed class Scan
{
    [VectorType(64)]
    public float[] Pixels { get; set; } = [];

    public int Label { get; set; }

    public static IReadOnlyList<Scan> Load(string file) => [.. DigitFile.Read(file).Select(row => new Scan { Pixels = row.Pixels, Label = row.Label })];
}

/// <summary>A digit as the classifier was trained on: 28x28 pixels, 0 to 255.</summary>
internal sealed class SourceDigit
{
    [VectorType(784)]
    public float[] Pixels { get; set; } = [];

    public int Label { get; set; }

    public static IReadOnlyList<SourceDigit> Load(string file) => [.. DigitFile.Read(file).Select(row => new SourceDigit { Pixels = row.Pixels, Label = row.Label })];
}

/// <summary>What the chain makes of a digit.</summary>
internal sealed class Reading
{
    public int Label { get; set; }

    [ColumnName("logits")]
    public float[] Logits { get; set; } = [];

    public int Digit { get; set; }
}

/// <summary>Rows of comma-separated pixels with the label last, gzipped (data/NOTICE.md).</summary>
internal static class DigitFile
{
    public static IEnumerable<(float[] Pixels, int Label)> Read(string file)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            float[] values = [.. line.Split(',').Select(value => float.Parse(value, CultureInfo.InvariantCulture))];
            yield return (values[..^1], (int)values[^1]);
        }
    }
}
