using AdaBN.Images.Decoding;
using AdaBN.TestSupport;

namespace AdaBN.Images.Tests;

/// <summary>Files of tests/Images against the pixels that Pillow reads from them (make_images.py).</summary>
[TestClass]
public sealed class DecoderTests
{
    public static readonly string Folder = Path.Combine(Repository.Root, "tests", "Images");

    /// <summary>Where a decoder rounds otherwise than Pillow, and by how much at most: docs/preprocessing.md says so.</summary>
    private static readonly Dictionary<string, int> _differences = new() { ["rgb555.bmp"] = 1, ["rgb565topdown.bmp"] = 1 };

#if OFFLINE_DEPENDENCIES
    private static readonly string[] _beyondTheStandIn = ["animated.webp", "exif6.webp"]; // eng/offline/SkiaSharp/README.md
#else
    private static readonly string[] _beyondTheStandIn = [];
#endif

    public static string[] Names => [.. Directory.GetFiles(Folder, "*.npy").Select(file => Path.GetFileNameWithoutExtension(file)!).Except(_beyondTheStandIn).Order(StringComparer.Ordinal)];

    public static IEnumerable<object[]> Files => Names.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Pixels_are_Pillow_s_to_the_bit(string file)
    {
        (byte[] expected, int[] shape) = Npy.Read<byte>(Path.Combine(Folder, $"{file}.npy"));
        Picture picture = Decode(file).To(shape[2]);
        CollectionAssert.AreEqual(shape[..2], new[] { picture.Height, picture.Width });
        int most = expected.Zip(picture.Pixels, (a, b) => Math.Abs(a - b)).Max();
        Assert.AreEqual(_differences.GetValueOrDefault(file), most, $"{expected.Zip(picture.Pixels).Count(pair => pair.First != pair.Second)} of {expected.Length} values differ, by up to {most}");
    }

    [TestMethod]
    public void Many_threads_decode_the_same_pixels_as_one()
    {
        byte[][] expected = [.. Names.Select(name => Decode(name).Pixels)];
        Parallel.For(0, 20 * Names.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => CollectionAssert.AreEqual(expected[i % expected.Length], Decode(Names[i % expected.Length]).Pixels));
    }

    [TestMethod]
    [DataRow(Picture.Gray)]
    [DataRow(Picture.Rgb)]
    public void What_is_encoded_is_decoded_again(int channels)
    {
        Picture picture = Decode("rgb8.png").To(channels);
        using var file = new MemoryStream();
        PngEncoder.Write(file, picture);
        Picture again = ImageDecoder.Decode(file.ToArray());
        Assert.AreEqual((picture.Width, picture.Height), (again.Width, again.Height));
        CollectionAssert.AreEqual(picture.Pixels, again.To(channels).Pixels);
    }

    private static Picture Decode(string name) => ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(Folder, name)));
}
