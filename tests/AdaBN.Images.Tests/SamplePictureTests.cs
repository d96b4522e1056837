using AdaBN.Images.Decoding;

namespace AdaBN.Images.Tests;

/// <summary>Samples drawn as pictures, read back by the decoder.</summary>
[TestClass]
public sealed class SamplePictureTests
{
    [TestMethod]
    public void A_sample_shows_the_pixels_that_it_was_made_of()
    {
        byte[] pixels = [.. Enumerable.Range(0, 5 * 4 * 3).Select(i => (byte)(i * 37))];
        var preprocessing = new Preprocessing { Size = new ImageSize(5, 4), Colors = PixelColors.Bgr, Layout = PixelLayout.Nhwc, Scale = 1 / 127.5, Mean = [0.9, 1, 1.1], StandardDeviation = [0.3, 0.2, 0.1] };
        var tensor = new PixelTensor(preprocessing);
        var sample = new float[pixels.Length];
        tensor.Write(new Picture(4, 5, Picture.Rgb, pixels), sample);
        Picture shown = ImageDecoder.Decode(SamplePicture.ToPng(new SampleInput(null, tensor.Shape), sample, preprocessing)!);
        Assert.AreEqual((4, 5, 3), (shown.Width, shown.Height, shown.Channels));
        CollectionAssert.AreEqual(pixels, shown.Pixels);
    }

    [TestMethod]
    [DataRow(new[] { 4, 6 }, 6, 4, 1)]
    [DataRow(new[] { 1, 4, 6 }, 6, 4, 1)]
    [DataRow(new[] { 3, 4, 6 }, 6, 4, 3)]
    [DataRow(new[] { 4, 6, 3 }, 6, 4, 3)]
    [DataRow(new[] { 3, 200, 100 }, 48, 96, 3)]
    public void Tensors_of_unknown_making_go_from_black_to_white_and_large_ones_are_made_small(int[] shape, int width, int height, int channels)
    {
        int length = shape.Aggregate((a, b) => a * b);
        float[] sample = [.. Enumerable.Range(0, length).Select(i => -7 + (0.5f * i))];
        Picture shown = ImageDecoder.Decode(SamplePicture.ToPng(new SampleInput(null, [.. shape]), sample)!);
        Assert.AreEqual((width, height), (shown.Width, shown.Height));
        if (channels == Picture.Gray) CollectionAssert.AreEqual(shown.Pixels, shown.To(channels).To(shown.Channels).Pixels, "grey stays grey");
        shown = shown.To(channels);
        if (length > 100) return;
        bool isPlanar = shape is [3, ..];
        for (int i = 0; i < length; i++)
        {
            int from = isPlanar ? (i % 3 * width * height) + (i / 3) : i;
            Assert.AreEqual(255.0 * from / (length - 1), shown.Pixels[i], 0.501);
        }
    }

    [TestMethod]
    public void What_is_no_picture_has_none()
    {
        foreach (int[] shape in new int[][] { [64], [5, 8, 8], [1, 1, 64], [2, 3, 8, 8] })
            Assert.IsNull(SamplePicture.ToPng(new SampleInput(null, [.. shape]), new float[shape.Aggregate((a, b) => a * b)]));
        CollectionAssert.AreEqual(new byte[16], ImageDecoder.Decode(SamplePicture.ToPng(new SampleInput(null, [4, 4]), [.. Enumerable.Repeat(3f, 16)])!).To(Picture.Gray).Pixels);
    }
}
