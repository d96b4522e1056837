using System.Buffers.Binary;
using AdaBN.Images.Decoding;
using AdaBN.TestSupport;

namespace AdaBN.Images.Tests;

/// <summary>Image files and arrays of pixels as samples.</summary>
[TestClass]
public sealed class ImageSamplesTests
{
    private static readonly Preprocessing _small = new() { Size = new ImageSize(4, 6), Fit = Fit.Stretch, Colors = PixelColors.Rgb, Layout = PixelLayout.Nchw };

    [TestMethod]
    public void Samples_come_in_the_files_order_whatever_takes_longer()
    {
        using var folder = new TemporaryFolder();
        string[] kinds = ["rgb8.png", "progressive420.jpg", "rgb24.bmp", "photo.png", "gray.jpg", "exif6.jpg"];
        for (int i = 0; i < 60; i++) File.Copy(Path.Combine(DecoderTests.Folder, kinds[i % kinds.Length]), folder.File($"{i:00}{Path.GetExtension(kinds[i % kinds.Length])}"));
        var samples = new ImageSamples(ImageFiles.InFolder(folder.Path), _small);
        float[][] expected = [.. kinds.Select(kind =>
        {
            var tensor = new float[72];
            new PixelTensor(_small).Write(ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(DecoderTests.Folder, kind))), tensor);
            return tensor;
        })];
        for (int pass = 0; pass < 2; pass++)
        {
            List<float[]> read = All(samples);
            Assert.HasCount(60, read);
            for (int i = 0; i < read.Count; i++) CollectionAssert.AreEqual(expected[i % kinds.Length], read[i]);
        }
        Assert.AreEqual(60, samples.Count);
        Assert.IsEmpty(samples.Broken);
    }

    [TestMethod]
    public void An_image_in_memory_gives_the_same_numbers_as_its_file()
    {
        var preparation = new ImagePreparation(_small);
        CollectionAssert.AreEqual(new[] { 3, 4, 6 }, preparation.Shape.ToArray());
        foreach (string kind in (string[])["rgb8.png", "progressive420.jpg", "rgb24.bmp", "lossy.webp"])
        {
            string path = Path.Combine(DecoderTests.Folder, kind);
            CollectionAssert.AreEqual(All(new ImageSamples(ImageFiles.Single(path), _small)).Single(), preparation.Prepare(File.ReadAllBytes(path)), kind);
        }
    }

    [TestMethod]
    public void An_image_in_memory_is_refused_as_its_file_and_beyond_the_pixels_allowed()
    {
        byte[] png = File.ReadAllBytes(Path.Combine(DecoderTests.Folder, "rgb8.png"));
        int pixels = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)) * BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20));
        Assert.HasCount(72, new ImagePreparation(_small, pixels).Prepare(png));
        Assert.Contains($"more than the {pixels - 1} that are read", Assert.ThrowsExactly<InvalidDataException>(() => new ImagePreparation(_small, pixels - 1).Prepare(png)).Message);
        Assert.ThrowsExactly<InvalidDataException>(() => new ImagePreparation(_small).Prepare(png.AsSpan(..(png.Length / 2))));
        Assert.ThrowsExactly<InvalidDataException>(() => new ImagePreparation(_small).Prepare([]));
        Assert.ThrowsExactly<ArgumentException>(() => new ImagePreparation(_small, 0));
        Assert.ThrowsExactly<ArgumentException>(() => new ImagePreparation(new Preprocessing()));
    }

    [TestMethod]
    public void Broken_images_are_left_out_and_told_up_to_a_share()
    {
        using var folder = new TemporaryFolder();
        for (int i = 0; i < 38; i++) File.Copy(Path.Combine(DecoderTests.Folder, "rgb8.png"), folder.File($"{i:00}.png"));
        File.WriteAllText(folder.File("05 broken.png"), "no picture");
        File.WriteAllBytes(folder.File("99.jpg"), File.ReadAllBytes(Path.Combine(DecoderTests.Folder, "420.jpg"))[..300]);
        ImageFiles files = ImageFiles.InFolder(folder.Path);
        var samples = new ImageSamples(files, _small);
        for (int pass = 0; pass < 2; pass++)
        {
            Assert.HasCount(38, All(samples));
            CollectionAssert.AreEqual(new[] { "05 broken.png", "99.jpg" }, samples.Broken.Select(broken => broken.File.Name).ToArray());
        }
        Assert.AreEqual("05 broken.png: it is no image that is known here, expected PNG, JPEG, WebP or BMP", samples.Broken[0].ToString());
        Assert.Contains("99.jpg: damaged: ", samples.Broken[1].ToString());

        var strict = new ImageSamples(files, _small, new ImageReading { MaxBroken = 0.049 });
        var refusal = Assert.ThrowsExactly<AdaptationException>(() => All(strict));
        Assert.AreEqual(AdaptationError.BrokenImages, refusal.Error);
        Assert.Contains("2 images are broken, of 40 in all; 1 (4.9% of those to read) would have been left out. 05 broken.png: ", refusal.Message);
        Assert.Contains("99.jpg", refusal.Message);
        Assert.ThrowsExactly<AdaptationException>(() => All(new ImageSamples(files, _small, new ImageReading { MaxSamples = 10 }))); // 5 % of 10 are none
        Assert.ThrowsExactly<ArgumentException>(() => new ImageSamples(files, _small, new ImageReading { MaxBroken = 1.5 }));
    }

    [TestMethod]
    public void Missing_files_folders_broken_links_and_empty_files_have_a_reason_each()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("empty.png"), "");
        Directory.CreateDirectory(folder.File("folder.png"));
        File.WriteAllLines(folder.File("list.txt"), ["missing.png", "empty.png", "folder.png", "nowhere\\x.png"]);
        var samples = new ImageSamples(ImageFiles.Listed(folder.File("list.txt")), _small, new ImageReading { MaxBroken = 1 });
        Assert.IsEmpty(All(samples));
        CollectionAssert.AreEqual(
            new[] { "missing.png: there is no such file", "empty.png: the file is empty", "folder.png: this is a folder", "nowhere/x.png: there is no such file" },
            samples.Broken.Select(broken => broken.ToString()).ToArray());
    }

    [TestMethod]
    [Timeout(60_000)]
    public void Pipes_and_devices_are_not_waited_for()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("pipes among files are Unix's");
            return;
        }
        using var folder = new TemporaryFolder();
        System.Diagnostics.Process.Start("mkfifo", [folder.File("pipe.png")]).WaitForExit();
        File.CreateSymbolicLink(folder.File("zeros.png"), "/dev/zero");
        File.CreateSymbolicLink(folder.File("round.png"), folder.File("round.png"));
        var samples = new ImageSamples(ImageFiles.InFolder(folder.Path), _small, new ImageReading { MaxBroken = 1 });
        Assert.IsEmpty(All(samples));
        CollectionAssert.AreEqual(new[] { "pipe.png", "round.png", "zeros.png" }, samples.Broken.Select(broken => broken.File.Name).ToArray());
    }

    [TestMethod]
    public void A_reader_may_be_left_in_the_middle()
    {
        using var folder = new TemporaryFolder();
        for (int i = 0; i < 50; i++) File.Copy(Path.Combine(DecoderTests.Folder, "photo.png"), folder.File($"{i:00}.png"));
        var samples = new ImageSamples(ImageFiles.InFolder(folder.Path), _small);
        for (int pass = 0; pass < 20; pass++)
        {
            using ISampleReader reader = samples.OpenReader();
            Assert.IsTrue(reader.TryRead([new float[72]]));
        }
        Assert.HasCount(50, All(samples));
    }

    [TestMethod]
    public void Pixels_in_arrays_are_the_same_samples_in_any_layout()
    {
        using var folder = new TemporaryFolder();
        Picture photo = ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(DecoderTests.Folder, "rgb8.png")));
        int area = photo.Width * photo.Height;
        byte[] planes = [.. Enumerable.Range(0, 3 * area).Select(i => photo.Pixels[(i % area * 3) + (i / area)])];
        WriteBytes(folder.File("last.npy"), [.. photo.Pixels, .. photo.Pixels], $"2, {photo.Height}, {photo.Width}, 3");
        WriteBytes(folder.File("first.npy"), [.. planes, .. planes], $"2, 3, {photo.Height}, {photo.Width}");
        WriteBytes(folder.File("gray.npy"), photo.To(1).Pixels, $"1, {photo.Height}, {photo.Width}");
        WriteBytes(folder.File("flat.npy"), photo.Pixels, $"1, {photo.Pixels.Length}");
        float[] expected = new float[72], gray = new float[72];
        new PixelTensor(_small).Write(photo, expected);
        new PixelTensor(_small).Write(photo.To(1), gray);
        foreach (string file in (string[])["last.npy", "first.npy"])
        {
            List<float[]> read = All(new ImageArraySamples(ArrayFile.Open(folder.File(file)), _small));
            Assert.HasCount(2, read);
            foreach (float[] sample in read) CollectionAssert.AreEqual(expected, sample, file);
        }
        CollectionAssert.AreEqual(gray, All(new ImageArraySamples(ArrayFile.Open(folder.File("gray.npy")), _small)).Single());
        Assert.Contains("expected pictures in bytes", Assert.ThrowsExactly<InvalidDataException>(() => new ImageArraySamples(ArrayFile.Open(folder.File("flat.npy")), _small)).Message);
    }

    [TestMethod]
    public void The_contact_sheet_shows_what_the_model_sees()
    {
        using var folder = new TemporaryFolder();
        Preprocessing imageNet = Preprocessing.Presets["imagenet"] with { Size = new ImageSize(40, 40), Colors = PixelColors.Bgr, Layout = PixelLayout.Nhwc };
        for (int i = 0; i < 10; i++) File.Copy(Path.Combine(DecoderTests.Folder, "photo.png"), folder.File($"{i}.png"));
        File.WriteAllText(folder.File("broken.png"), "");
        Assert.AreEqual(10, ContactSheet.Write(folder.File("sheet"), new ImageSamples(ImageFiles.InFolder(folder.Path), imageNet), imageNet));

        Picture sheet = ImageDecoder.Decode(File.ReadAllBytes(folder.File("sheet")));
        Assert.AreEqual(((8 * 42) - 2, (2 * 42) - 2), (sheet.Width, sheet.Height));
        var tensor = new PixelTensor(imageNet);
        var values = new float[3 * 40 * 40];
        tensor.Write(ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(DecoderTests.Folder, "photo.png"))), values);
        Picture cell = tensor.Read(values);
        for (int y = 0; y < 40; y++)
            CollectionAssert.AreEqual(cell.Pixels[(y * 120)..((y + 1) * 120)], sheet.Pixels[((((42 + y) * sheet.Width) + 42) * 3)..((((42 + y) * sheet.Width) + 82) * 3)]); // the second cell of the second row
    }

    private static void WriteBytes(string path, byte[] pixels, string shape)
    {
        string header = $"{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}".PadRight(117) + "\n";
        File.WriteAllBytes(path, [0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. System.Text.Encoding.ASCII.GetBytes(header), .. pixels]);
    }

    private static List<float[]> All(ISampleSource samples)
    {
        var read = new List<float[]>();
        using ISampleReader reader = samples.OpenReader();
        while (true)
        {
            var sample = new float[samples.Inputs[0].Length];
            if (!reader.TryRead([sample])) return read;
            read.Add(sample);
        }
    }
}
