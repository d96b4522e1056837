using System.Globalization;
using System.IO.Compression;

namespace AdaBN.TestSupport;

/// <summary>The example's digits as the shipped classifier takes them: 28x28 pixels from 0 to 1.</summary>
internal static class ShippedDigits
{
    /// <summary>2000 MNIST digits that training never saw.</summary>
    public static (float[][] Images, int[] Labels) Mnist { get; } = Load("mnist-control.csv.gz", digit => [.. digit.Select(pixel => pixel / 255)]);

    /// <summary>1797 digits of another scanner: 8x8 to 20x20 in 28x28 (models/README.md).</summary>
    public static (float[][] Images, int[] Labels) Scans { get; } = Load("optdigits.csv.gz", scan => Resize.Pad(Resize.Bilinear([.. scan.Select(pixel => pixel / 16)], 8, 20), 20, 28));

    private static (float[][] Images, int[] Labels) Load(string file, Func<float[], float[]> preprocess)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(Repository.Root, "examples", "DigitsNewScanner", "data", file)), CompressionMode.Decompress));
        List<float[]> images = [];
        List<int> labels = [];
        while (reader.ReadLine() is { } line)
        {
            float[] values = [.. line.Split(',').Select(value => float.Parse(value, CultureInfo.InvariantCulture))];
            images.Add(preprocess(values[..^1]));
            labels.Add((int)values[^1]);
        }
        return ([.. images], [.. labels]);
    }
}
