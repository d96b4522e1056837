using DigitsNewScanner;
using Microsoft.ML.Data;

namespace ManySites;

/// <summary>A digit as the classifier takes it, from one of several sites.</summary>
internal sealed class SiteDigit
{
    [ColumnName("image"), VectorType(784)]
    public float[] Image { get; set; } = [];

    /// <summary>The site's number, from 1: what <c>domainColumnName</c> reads.</summary>
    [ColumnName("site")]
    public long Site { get; set; }

    public int Label { get; set; }
}

/// <summary>What the classifier makes of it.</summary>
internal sealed class SiteReading
{
    [ColumnName("site")]
    public long Site { get; set; }

    [ColumnName("logits")]
    public float[] Logits { get; set; } = [];

    public int Label { get; set; }
}

/// <summary>Three sites. The first is another scanner's real data; the others are MNIST digits under a simulated lamp and a simulated sensor.</summary>
internal static class Sites
{
    private const int Rows = 1000;

    public static IReadOnlyList<(long Id, string Name)> All { get; } = [(1, "another scanner"), (2, "weak lamp, stray light"), (3, "noisy sensor")];

    /// <summary>All rows of all sites, one site's row after another's.</summary>
    public static IReadOnlyList<SiteDigit> Load(string dataFolder)
    {
        IReadOnlyList<Scan> scans = Scan.Load(Path.Combine(dataFolder, "optdigits.csv.gz"));
        IReadOnlyList<SourceDigit> digits = SourceDigit.Load(Path.Combine(dataFolder, "mnist-control.csv.gz"));
        var random = new Random(1);
        float Noise() => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return [.. Enumerable.Range(0, Rows).SelectMany(i => new[]
        {
            new SiteDigit { Site = 1, Label = scans[i].Label, Image = Scanned(scans[i]) },
            new SiteDigit { Site = 2, Label = digits[i].Label, Image = [.. digits[i].Pixels.Select(pixel => (0.25f * pixel / 255) + 0.3f)] },
            new SiteDigit { Site = 3, Label = digits[Rows + i].Label, Image = [.. digits[Rows + i].Pixels.Select(pixel => Math.Clamp((pixel / 255) + (0.4f * Noise()), 0, 1))] },
        })];
    }

    private static float[] Scanned(Scan scan)
    {
        var image = new ModelImage();
        ScanToImage.Map(new Pixels64 { Pixels = scan.Pixels }, image);
        return image.Image;
    }
}
