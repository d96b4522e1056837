using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using AdaBN.TestSupport;

namespace AdaBN.Onnx.Tests;

/// <summary>Zips laid out as ML.NET's, and such as no ML.NET writes. AdaBN.MLNet.Tests opens those that it has written.</summary>
[TestClass]
public sealed class SavedPipelineTests
{
    private const string Step = PipelineZip.Step;

    [TestMethod]
    public void Only_the_model_s_entry_changes()
    {
        using var folder = new TemporaryFolder();
        OnnxModel model = Model(), other = model.Clone();
        other.SetMetadata("changed", new string('x', 3000));
        string file = Write(folder, "pipeline.zip", Entries(model));
        SavedPipeline pipeline = SavedPipeline.Open(file);
        Assert.AreEqual(Step.TrimEnd('/'), pipeline.Models.Single().Step);
        CollectionAssert.AreEqual(model.ToBytes(), pipeline.Load(pipeline.Choose(null)).ToBytes());

        pipeline.Save(folder.File("new.zip"), new Dictionary<PipelineModel, OnnxModel> { [pipeline.Models[0]] = other });

        SavedPipeline written = SavedPipeline.Open(folder.File("new.zip"));
        CollectionAssert.AreEqual(other.ToBytes(), written.Load(written.Models[0]).ToBytes());
        using ZipArchive before = ZipFile.OpenRead(file), after = ZipFile.OpenRead(folder.File("new.zip"));
        CollectionAssert.AreEqual(before.Entries.Select(entry => entry.FullName).ToArray(), after.Entries.Select(entry => entry.FullName).ToArray());
        foreach ((ZipArchiveEntry a, ZipArchiveEntry b) in before.Entries.Zip(after.Entries))
        {
            Assert.AreEqual(a.LastWriteTime, b.LastWriteTime);
            if (a.Name == "OnnxModel") continue;
            Assert.AreEqual(a.CompressedLength, b.CompressedLength);
            CollectionAssert.AreEqual(Bytes(a), Bytes(b), a.FullName);
        }
        Assert.HasCount(2, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public void It_is_written_over_itself_the_same_each_time()
    {
        using var folder = new TemporaryFolder();
        string a = Write(folder, "a.zip", Entries(Model())), b = Write(folder, "b.zip", Entries(Model()));
        OnnxModel other = Model();
        other.SetMetadata("changed", "yes");
        foreach (string file in (string[])[a, b])
        {
            SavedPipeline pipeline = SavedPipeline.Open(file);
            pipeline.Save(file, pipeline.Models.ToDictionary(place => place, _ => other));
        }
        CollectionAssert.AreEqual(File.ReadAllBytes(a), File.ReadAllBytes(b));
        SavedPipeline again = SavedPipeline.Open(a);
        CollectionAssert.AreEqual(other.ToBytes(), again.Load(again.Models[0]).ToBytes());
    }

    [TestMethod]
    public void Several_models_are_chosen_by_number()
    {
        using var folder = new TemporaryFolder();
        var entries = Entries(Model()).Concat(Entries(Model()).Select(entry => (entry.Name.Replace("001", "002", StringComparison.Ordinal).Replace("000", "009", StringComparison.Ordinal), entry.Content)));
        SavedPipeline pipeline = SavedPipeline.Open(Write(folder, "two.zip", entries));
        Assert.HasCount(2, pipeline.Models);
        Assert.AreEqual("TransformerChain/Transform_002", pipeline.Choose(1).Step);
        Assert.Contains("0 (TransformerChain/Transform_001), 1 (TransformerChain/Transform_002)", Assert.ThrowsExactly<ArgumentException>(() => pipeline.Choose(null)).Message);
        Assert.Contains("no ONNX step 2", Assert.ThrowsExactly<ArgumentException>(() => pipeline.Choose(2)).Message);
    }

    [TestMethod]
    public void Backslashes_of_older_versions_and_names_that_lead_elsewhere_are_names()
    {
        using var folder = new TemporaryFolder();
        SavedPipeline old = SavedPipeline.Open(Write(folder, "old.zip", Entries(Model()).Select(entry => (entry.Name.Replace('/', '\\'), entry.Content))));
        Assert.AreEqual(Step.TrimEnd('/'), old.Models.Single().Step);
        SavedPipeline evil = SavedPipeline.Open(Write(folder, "evil.zip", Entries(Model()).Select(entry => ("../../" + entry.Name, entry.Content))));
        evil.Save(folder.File("new.zip"), evil.Models.ToDictionary(place => place, evil.Load));
        Assert.HasCount(3, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public void A_zip_without_an_ONNX_step_is_said_so()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("no ONNX model in it", Refusal(Write(folder, "none.zip", [("a/b", [1]), ("Schema", [2])])));
        Assert.Contains("a/b, Schema", Refusal(Write(folder, "none.zip", [("a/b", [1]), ("Schema", [2])])));
        Assert.Contains("none", Refusal(Write(folder, "empty.zip", [])));
        // Another step's entry of that name is none of ours.
        Assert.Contains("no ONNX model in it", Refusal(Write(folder, "other.zip", [("x/Model.key", Encoding.ASCII.GetBytes("SomeTransform")), ("x/OnnxModel", [1, 2, 3])])));
        Assert.Contains("no ONNX model in it", Refusal(Write(folder, "alone.zip", [("x/OnnxModel", [1, 2, 3])])));
        File.WriteAllText(folder.File("text.zip"), "no zip at all");
        Assert.Contains("no zip of an ML.NET pipeline", Refusal(folder.File("text.zip")));
        Assert.Contains("This is a zip", Assert.ThrowsExactly<OnnxModelException>(() => OnnxModel.Load(folder.File("none.zip"))).Message);
    }

    [TestMethod]
    public void A_bomb_is_refused_before_it_is_unpacked()
    {
        using var folder = new TemporaryFolder();
        byte[] zeros = new byte[80 << 20];
        BinaryPrimitives.WriteInt32LittleEndian(zeros, zeros.Length - 4);
        string file = Write(folder, "bomb.zip", [(Step + "Model.key", PipelineZip.Header), (Step + "OnnxModel", zeros)]);
        zeros = [];
        long before = GC.GetTotalAllocatedBytes(precise: true);
        Assert.Contains("made to fill the memory", Refusal(file));
        Assert.Contains("made to fill the memory", Refusal(Write(folder, "header.zip", [(Step + "Model.key", new byte[2 << 20]), (Step + "OnnxModel", [1])])));
        Assert.IsLessThan(16L << 20, GC.GetTotalAllocatedBytes(precise: true) - before);
    }

    [TestMethod]
    public void An_entry_that_claims_four_gigabytes_is_refused()
    {
        using var folder = new TemporaryFolder();
        string file = Write(folder, "claims.zip", Entries(Model()));
        byte[] zip = File.ReadAllBytes(file);
        for (int at = 0; (at = zip.AsSpan(at).IndexOf("PK\u0001\u0002"u8) is >= 0 and var next ? at + next : -1) >= 0; at += 4)
            BinaryPrimitives.WriteUInt32LittleEndian(zip.AsSpan(at + 24), uint.MaxValue - 1); // the uncompressed size
        File.WriteAllBytes(file, zip);
        Assert.Contains("4294967294", Refusal(file));
    }

    [TestMethod]
    public void Damage_anywhere_ends_in_an_error_or_changes_nothing_that_counts()
    {
        using var folder = new TemporaryFolder();
        OnnxModel model = Model();
        byte[] good = model.ToBytes(), zip = File.ReadAllBytes(Write(folder, "good.zip", Entries(model))), damaged = [.. zip];
        string file = folder.File("damaged.zip");
        int refused = 0;
        for (int i = 0; i < zip.Length; i++)
        {
            damaged[i] ^= 0x55;
            File.WriteAllBytes(file, damaged);
            damaged[i] = zip[i];
            refused += IsRefused();
        }
        Assert.IsGreaterThan(zip.Length / 4, refused);
        for (int length = 0; length < zip.Length; length++)
        {
            File.WriteAllBytes(file, zip.AsSpan(0, length));
            Assert.AreEqual(1, IsRefused());
        }

        int IsRefused()
        {
            try
            {
                SavedPipeline pipeline = SavedPipeline.Open(file);
                CollectionAssert.AreEqual(good, pipeline.Load(pipeline.Models[0]).ToBytes());
                pipeline.Save(folder.File("new.zip"), pipeline.Models.ToDictionary(place => place, _ => model));
                return 0;
            }
            catch (OnnxModelException)
            {
                return 1;
            }
        }
    }

    [TestMethod]
    public void A_length_that_does_not_fit_and_a_model_that_is_none_are_told()
    {
        using var folder = new TemporaryFolder();
        string length = Write(folder, "length.zip", [(Step + "Model.key", PipelineZip.Header), (Step + "OnnxModel", [9, 0, 0, 0, 1])]);
        Assert.Contains("says that a model of 9 bytes follows", Refusal(length));
        Assert.Contains("no ONNX model, or a damaged one", Refusal(Write(folder, "none.zip", [(Step + "Model.key", PipelineZip.Header), (Step + "OnnxModel", [2, 0, 0, 0, 255, 255])])));
        Assert.Contains("2 entries are named", Refusal(Write(folder, "twice.zip", [(Step + "Model.key", PipelineZip.Header), (Step + "OnnxModel", [1]), (Step + "OnnxModel", [1])])));
        Assert.ThrowsExactly<FileNotFoundException>(() => SavedPipeline.Open(folder.File("missing.zip")));
    }

    private static OnnxModel Model() => OnnxModel.FromBytes(Models.WithIf().ToBytes());

    private static IEnumerable<(string Name, byte[] Content)> Entries(OnnxModel model) => PipelineZip.Entries(model.ToBytes());

    private static string Write(TemporaryFolder folder, string name, IEnumerable<(string Name, byte[] Content)> entries) => PipelineZip.Write(folder.File(name), entries);

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        using Stream stream = entry.Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static string Refusal(string file) => Assert.ThrowsExactly<OnnxModelException>(() =>
    {
        SavedPipeline pipeline = SavedPipeline.Open(file);
        pipeline.Load(pipeline.Models[0]);
    }).Message;
}
