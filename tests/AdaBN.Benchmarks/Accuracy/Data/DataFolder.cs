using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using AdaBN.Benchmarks.Accuracy.Corruptions;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy.Data;

/// <summary>The sets of images, as 28x28 digits or 32x32 RGB pictures. What the repository does not ship lies in a folder of the user's.</summary>
internal sealed partial class DataFolder(string? folder)
{
    /// <summary>Digits of MNIST's test set, or without a folder the shipped 2000 that the shipped model was not trained on.</summary>
    public LabelledImages Mnist() => folder is null
        ? Rows(Shipped("mnist-control.csv.gz"), row => ([.. row[..^1].Select(value => value / 255)], row[^1]))
        : LabelledImages.Of(IdxFile.Images(Unpacked("digits/mnist_t10k-images-idx3-ubyte.gz")).Zip(IdxFile.Labels(Unpacked("digits/mnist_t10k-labels-idx1-ubyte.gz"))));

    /// <summary>8x8 to 20x20 in 28x28, as models/README.md defines it.</summary>
    public static LabelledImages Optdigits() => Rows(Shipped("optdigits.csv.gz"), row =>
        (Resize.Pad(Resize.Bilinear([.. row[..^1].Select(value => value / 16)], 8, 20), 20, 28), row[^1]));

    /// <summary>16x16 stretched to 28x28, which leaves no margin: a shift of scale.</summary>
    public LabelledImages Usps() => Rows(Unpacked("digits/usps_zip.test.gz"), row =>
        (Resize.Bilinear([.. row[1..].Select(value => (value + 1) / 2)], 16, 28), row[0]));

    /// <summary>Grey of MNIST-M's colours.</summary>
    public LabelledImages MnistM()
    {
        using ZipArchive archive = ZipFile.OpenRead(PathOf("digits/mnistm_test2000_made_here.npz"));
        (byte[] pixels, int[] shape) = Bytes("X.npy");
        (byte[] labels, _) = Bytes("Y.npy");
        if (shape is not [var count, 28, 28, 3] || labels.Length != count || pixels.Length != count * 28 * 28 * 3) throw new InvalidDataException("mnistm_test2000_made_here.npz: expected bytes, X of N×28×28×3 and Y of N.");
        return LabelledImages.Of(pixels.Chunk(28 * 28 * 3).Zip(labels, (image, label) => (
            image.Chunk(3).Select(rgb => ((0.299f * rgb[0]) + (0.587f * rgb[1]) + (0.114f * rgb[2])) / 255).ToArray(), (int)label)));

        (byte[] Data, int[] Shape) Bytes(string name)
        {
            using Stream entry = (archive.GetEntry(name) ?? throw new InvalidDataException($"mnistm_test2000_made_here.npz has no {name}.")).Open();
            using var memory = new MemoryStream();
            entry.CopyTo(memory);
            return Npy.Read<byte>(memory.ToArray());
        }
    }

    /// <summary>The first 1000 of CIFAR-10's official test set: one image a row of the file.</summary>
    public LabelledImages Cifar10()
    {
        const int batch = 50, images = 1000;
        string file = PathOf($"cifar10/cifar10_batch_{batch}.png");
        (int width, int height, byte[] pixels) = PngFile.Decode(File.ReadAllBytes(file), file);
        int[] labels = [.. Number().Matches(File.ReadAllText(PathOf("cifar10/cifar10_labels.js"))).Select(match => int.Parse(match.ValueSpan, CultureInfo.InvariantCulture))];
        if (width != Picture.Area || height != images || labels.Length < (batch + 1) * images)
            throw new InvalidDataException($"{file} is {width}x{height} beside {labels.Length} labels; expected {Picture.Area}x{images} and {(batch + 1) * images} or more.");
        return LabelledImages.Of(pixels.Chunk(Picture.Area * Picture.Channels).Select((row, i) => (Picture.FromBytes(row), labels[(batch * images) + i])));
    }

    public string Model(string file) => PathOf($"models/{file}");

    private static Stream Shipped(string file) =>
        new GZipStream(File.OpenRead(Path.Combine(Repository.Root, "examples", "DigitsNewScanner", "data", file)), CompressionMode.Decompress);

    private GZipStream Unpacked(string file) => new(File.OpenRead(PathOf(file)), CompressionMode.Decompress);

    private string PathOf(string file)
    {
        string path = Path.Combine(folder!, file);
        return File.Exists(path) ? path : throw new FileNotFoundException($"The data folder '{folder}' has no {file}.");
    }

    private static LabelledImages Rows(Stream text, Func<float[], (float[] Image, float Label)> read)
    {
        using var reader = new StreamReader(text);
        List<(float[], int)> images = [];
        while (reader.ReadLine() is { } line)
        {
            (float[] image, float label) = read([.. line.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Select(value => float.Parse(value, CultureInfo.InvariantCulture))]);
            images.Add((image, (int)label));
        }
        return LabelledImages.Of(images);
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Number();
}
