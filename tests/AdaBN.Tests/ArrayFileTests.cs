using System.IO.Compression;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Arrays in files: NumPy's own (tests/Arrays/make_arrays.py), tables of numbers, and what is wrong with damaged and hostile ones.</summary>
[TestClass]
public sealed class ArrayFileTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Arrays");

    [TestMethod]
    [DataRow("stored.npz", null)]
    [DataRow("packed.npz", "images")]
    [DataRow("version2.npy", null)]
    public void Floats_come_out_as_NumPy_wrote_them(string file, string? name)
    {
        Assert.IsTrue(ArrayFile.LooksLikeOne(Path.Combine(Folder, file)));
        ISampleSource samples = ArrayFile.Open(Path.Combine(Folder, file), name).ToSamples("image");
        Assert.AreEqual("'image' (2, 5)", samples.Inputs[0].ToString());
        Assert.AreEqual(3, samples.Count);
        for (int pass = 0; pass < 2; pass++) CollectionAssert.AreEqual(Enumerable.Range(0, 30).Select(i => (float)i).ToArray(), All(samples));
    }

    [TestMethod]
    [DataRow("packed.npz", "pixels")]
    [DataRow("pixels.npy", null)]
    [DataRow("pixels.idx3-ubyte", null)]
    [DataRow("pixels.idx3-ubyte.gz", null)]
    public void Bytes_come_out_as_NumPy_wrote_them_and_are_no_samples_yet(string file, string? name)
    {
        Assert.IsTrue(ArrayFile.LooksLikeOne(Path.Combine(Folder, file)));
        ArrayFile array = ArrayFile.Open(Path.Combine(Folder, file), name);
        CollectionAssert.AreEqual(new[] { 3, 4, 5 }, array.Shape.ToArray());
        var bytes = new byte[60];
        using (ArrayReader reader = array.OpenReader()) reader.Read(bytes);
        CollectionAssert.AreEqual(Enumerable.Range(0, 60).Select(i => (byte)i).ToArray(), bytes);
        Assert.Contains("scale pixels", Assert.ThrowsExactly<InvalidDataException>(() => array.ToSamples()).Message);
    }

    [TestMethod]
    public void Several_arrays_are_listed_where_none_is_named() =>
        Assert.Contains("several arrays (images, pixels)", Assert.ThrowsExactly<InvalidDataException>(() => ArrayFile.Open(Path.Combine(Folder, "packed.npz"))).Message);

    [TestMethod]
    [DataRow("stored.npz", null)]
    [DataRow("packed.npz", "images")]
    [DataRow("version2.npy", null)]
    [DataRow("pixels.npy", null)]
    [DataRow("pixels.idx3-ubyte", null)]
    [DataRow("pixels.idx3-ubyte.gz", null)]
    public void Cut_anywhere_a_file_is_refused_by_name(string file, string? name)
    {
        using var folder = new TemporaryFolder();
        byte[] whole = File.ReadAllBytes(Path.Combine(Folder, file));
        string cut = folder.File(file);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(cut, whole[..length]);
            var refusal = Assert.ThrowsExactly<InvalidDataException>(() =>
            {
                ArrayFile array = ArrayFile.Open(cut, name);
                using ArrayReader reader = array.OpenReader();
                reader.Read(new byte[array.Shape.Aggregate(array.IsBytes ? 1 : sizeof(float), (product, axis) => product * axis)]);
                if (file.EndsWith(".gz", StringComparison.Ordinal)) throw new InvalidDataException(cut); // gzip's own check sum may be all that is missing
            }, $"{length} of {whole.Length} bytes");
            Assert.Contains(cut, refusal.Message);
        }
    }

    [TestMethod]
    public void Damaged_archives_are_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        var random = new Random(3);
        byte[] whole = File.ReadAllBytes(Path.Combine(Folder, "packed.npz"));
        int refused = 0;
        for (int trial = 0; trial < 400; trial++)
        {
            byte[] damaged = [.. whole];
            for (int i = 0; i < 3; i++) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            string file = folder.File("damaged.npz");
            File.WriteAllBytes(file, damaged);
            try
            {
                ArrayFile array = ArrayFile.Open(file, "images");
                using ArrayReader reader = array.OpenReader();
                reader.Read(new byte[Math.Min(1 << 20, array.Shape.Aggregate(1L, (product, axis) => product * axis))]);
            }
            catch (InvalidDataException e)
            {
                refused++;
                Assert.Contains(file, e.Message);
            }
        }
        Assert.IsGreaterThan(100, refused);
    }

    [TestMethod]
    public void Zip_bombs_are_refused_before_they_are_unpacked()
    {
        using var folder = new TemporaryFolder();
        string bomb = folder.File("bomb.npz");
        using (var archive = new ZipArchive(File.Create(bomb), ZipArchiveMode.Create))
        {
            using Stream stream = archive.CreateEntry("x.npy", CompressionLevel.SmallestSize).Open();
            stream.Write(Header("<f4", "(1, 3, 2048, 2048)"));
            stream.Write(new byte[3 * 2048 * 2048 * 4]);
        }
        long packed = new FileInfo(bomb).Length;
        Assert.IsLessThan(1 << 16, packed);
        Assert.AreEqual(3, ArrayFile.Open(bomb).Shape[1], "a black picture is none, however well it packs");
        byte[] archived = File.ReadAllBytes(bomb);
        int size = archived.AsSpan().LastIndexOf("PK\u0001\u0002"u8) + 24; // the central directory's word for the unpacked length
        foreach (int claimed in (int[])[1_100_000_000, int.MaxValue])
        {
            BitConverter.GetBytes(claimed).CopyTo(archived, size);
            File.WriteAllBytes(bomb, archived);
            Assert.Contains("zip bomb", Assert.ThrowsExactly<InvalidDataException>(() => ArrayFile.Open(bomb)).Message);
        }

        string gzip = folder.File("bomb.gz");
        using (var stream = new GZipStream(File.Create(gzip), CompressionLevel.SmallestSize)) stream.Write([0, 0, 8, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]);
        Assert.Contains("zip bomb", Assert.ThrowsExactly<InvalidDataException>(() => ArrayFile.Open(gzip)).Message);
    }

    [TestMethod]
    public void Tables_of_numbers_are_flattened_samples()
    {
        using var folder = new TemporaryFolder();
        string csv = folder.File("x.csv");
        File.WriteAllText(csv, "\uFEFFa;b;c\r\n1;-2.5;3e-2\r\n\r\n4;5;6");
        Assert.IsTrue(CsvFile.LooksLikeOne(csv));
        CsvFile samples = CsvFile.Open(csv);
        Assert.AreEqual("(3)", samples.Inputs[0].ToString());
        Assert.AreEqual(2, samples.Count);
        CollectionAssert.AreEqual(new[] { 1, -2.5f, 0.03f, 4, 5, 6 }, All(samples));

        File.WriteAllText(csv, "1,2\n3,4,5");
        Assert.Contains("line 2 has 3 fields, expected 2", Assert.ThrowsExactly<InvalidDataException>(() => All(CsvFile.Open(csv))).Message);
        File.WriteAllText(csv, "1,2\n3,x");
        Assert.Contains("line 2, field 2 is 'x'", Assert.ThrowsExactly<InvalidDataException>(() => All(CsvFile.Open(csv))).Message);
        File.WriteAllText(csv, "a.png\nb.png");
        Assert.IsFalse(CsvFile.LooksLikeOne(csv));
        File.WriteAllBytes(csv, [1, 2, 0, 4]);
        Assert.Contains("no lines of numbers", Assert.ThrowsExactly<InvalidDataException>(() => CsvFile.Open(csv)).Message);
    }

    private static byte[] Header(string type, string shape) =>
        [0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. System.Text.Encoding.ASCII.GetBytes($"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}".PadRight(117) + "\n")];

    private static float[] All(ISampleSource samples)
    {
        var read = new List<float>();
        var sample = new float[samples.Inputs[0].Length];
        using ISampleReader reader = samples.OpenReader();
        while (reader.TryRead([sample])) read.AddRange(sample);
        return [.. read];
    }
}
