using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Google.Protobuf;

namespace AdaBN.Onnx.Tests;

[TestClass]
public sealed class RoundTripTests
{
    public static IEnumerable<object[]> ModelFiles =>
        Directory.GetFiles(Repository.Root, "*.onnx", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3 })
            .Where(file => !file.Contains("artifacts", StringComparison.Ordinal) && !file.Contains("node_modules", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(file => new object[] { Path.GetRelativePath(Repository.Root, file) });

    [TestMethod]
    [DynamicData(nameof(ModelFiles))]
    public void Load_and_save_gives_the_same_bytes(string file)
    {
        byte[] original = File.ReadAllBytes(Path.Combine(Repository.Root, file));
        // PyTorch writes fields in another order than ours; parsing both with a parser that keeps every field compares content.
        ModelProto expected = ModelProto.Parser.ParseFrom(original);
        OnnxModel model = OnnxModel.Load(Path.Combine(Repository.Root, file));
        byte[] saved = model.ToBytes();

        Assert.AreEqual(expected, ModelProto.Parser.ParseFrom(saved));
        CollectionAssert.AreEqual(saved, model.Clone().ToBytes());
        byte[] single = model.ToSingleFile().ToBytes();
        CollectionAssert.AreEqual(single, OnnxModel.FromBytes(single).ToBytes());
    }

    [TestMethod]
    public void Fields_unknown_to_this_library_survive_everywhere()
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2);
        builder.Proto.MergeFrom(UnknownString(field: 1000, "model"));
        builder.Graph.MergeFrom(UnknownString(field: 10, "graph doc"));
        builder.Graph.Node[0].MergeFrom(UnknownString(field: 6, "node doc"));
        builder.Graph.Initializer[2].MergeFrom(UnknownString(field: 12, "tensor doc"));
        builder.Graph.Input[0].MergeFrom(UnknownString(field: 3, "input doc"));
        builder.Proto.OpsetImport[0].MergeFrom(UnknownString(field: 99, "opset"));
        byte[] bytes = builder.ToBytes();

        CollectionAssert.AreEqual(bytes, OnnxModel.FromBytes(bytes).ToBytes());

        OnnxModel edited = OnnxModel.FromBytes(bytes);
        GraphEditor.ReplaceInitializer(edited, [edited.Graph.Nodes[0]], 3, [1f, 2f]);
        string text = System.Text.Encoding.Latin1.GetString(edited.ToBytes());
        foreach (string kept in (string[])["model", "graph doc", "node doc", "tensor doc", "input doc", "opset"]) Assert.Contains(kept, text);
    }

    [TestMethod]
    public void Names_that_are_no_UTF8_are_refused_not_changed()
    {
        byte[] bytes = new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2).ToBytes();
        int at = bytes.AsSpan().IndexOf("y.mean"u8);
        bytes[at] = 0xE9; // é in Latin-1
        bytes[at + bytes.AsSpan(at + 1).IndexOf("y.mean"u8) + 1] = 0xE9;
        string message = Assert.ThrowsExactly<OnnxModelException>(() => OnnxModel.FromBytes(bytes)).Message;
        Assert.Contains("UTF-8", message);
    }

    [TestMethod]
    public void Nested_graphs_come_back_and_count_as_readers_of_outer_values()
    {
        OnnxModel model = OnnxModel.FromBytes(Models.WithIf().ToBytes());
        Node conditional = model.Graph.Nodes.Single(node => node.Is("If"));

        Assert.HasCount(2, conditional.NestedGraphs);
        CollectionAssert.AreEqual(new[] { "h" }, conditional.Captures.Select(value => value.Name).ToArray());
        Assert.IsTrue(model.Graph.TryGetValue("h", out Value? captured));
        Assert.IsTrue(captured.Uses.All(use => use.Consumer.Graph.Owner == conditional));
        CollectionAssert.AreEqual(Models.WithIf().ToBytes(), model.ToBytes());
    }

    [TestMethod]
    public void Saving_over_a_file_that_cannot_be_replaced_leaves_nothing_behind()
    {
        using var folder = new TemporaryFolder();
        OnnxModel model = new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2).Build();
        Directory.CreateDirectory(folder.File("taken.onnx")); // a folder stands where the file should go

        bool refused = false;
        try
        {
            model.Save(folder.File("taken.onnx"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            refused = true;
        }
        Assert.IsTrue(refused);
        Assert.HasCount(1, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public void A_writer_that_fails_midway_leaves_the_old_file_as_it_was()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("m.onnx"), "old");
        Assert.ThrowsExactly<InvalidOperationException>(() => AtomicFile.Write(folder.File("m.onnx"), stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException();
        }));
        Assert.AreEqual("old", File.ReadAllText(folder.File("m.onnx")));
        Assert.HasCount(1, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public void Sha256_is_that_of_the_file()
    {
        byte[] bytes = new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2).ToBytes();
        Assert.AreEqual(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)), OnnxModel.FromBytes(bytes).Sha256);
    }

    private static byte[] UnknownString(int field, string text)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            output.WriteTag(field, WireFormat.WireType.LengthDelimited);
            output.WriteString(text);
        }
        return stream.ToArray();
    }
}
