using AdaBN.Images.Decoding;
using AdaBN.TestSupport;

namespace AdaBN.Images.Tests;

/// <summary>Files of tests/Images against the pixels that Pillow reads from them (make_images.py).</summary>
[TestClass]
public sealed class DecoderTests
{
    public static readonly string Folder = Path.Combine(Repository.Root, "tests", "Images");

    public static IEnumerable<object[]> Files => Directory.GetFiles(Folder, "*.npy").Select(file => new object[] { Path.GetFileNameWithoutExtension(file) }).OrderBy(row => (string)row[0], StringComparer.Ordinal);

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Pixels_are_Pillow_s_to_the_bit(string file)
    {
        (byte[] expected, int[] shape) = Npy.Read<byte>(Path.Combine(Folder, $"{file}.npy"));
        Picture picture = ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(Folder, file))).To(shape[2]);
        CollectionAssert.AreEqual(shape[..2], new[] { picture.Height, picture.Width });
        int most = expected.Zip(picture.Pixels, (a, b) => Math.Abs(a - b)).Max();
        Assert.AreEqual(0, most, $"{expected.Zip(picture.Pixels).Count(pair => pair.First != pair.Second)} of {expected.Length} values differ, by up to {most}");
    }
}
