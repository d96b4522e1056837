using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Google.Protobuf;

namespace AdaBN.Onnx.Tests;

/// <summary>Tensor data in files beside the model: read only from there, written back as it was.</summary>
[TestClass]
public sealed class ExternalDataTests
{
    private const int Offset = 64;

    public static IEnumerable<object[]> Names => [["conv_chain"], ["view_flatten"]];

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Inside_and_outside_hold_the_same(string name)
    {
        byte[] inside = File.ReadAllBytes(Path.Combine(Repository.Golden, name, "model.onnx"));
        OnnxModel outside = OnnxModel.Load(Path.Combine(Repository.Root, "tests", "ExternalData", name, "model.onnx"));

        Assert.IsTrue(outside.Graph.Initializers.All(tensor => ExternalData.IsIn(tensor.Proto)));
        foreach ((Initializer a, Initializer b) in OnnxModel.FromBytes(inside).Graph.Initializers.Zip(outside.Graph.Initializers))
        {
            if (a.ElementType == ElementType.Float) CollectionAssert.AreEqual(a.ToFloatArray(), b.ToFloatArray());
            Assert.AreEqual(a.ByteLength, b.ByteLength);
        }
        Assert.AreEqual(ModelProto.Parser.ParseFrom(inside), ModelProto.Parser.ParseFrom(outside.ToSingleFile().ToBytes()));
        OnnxModel single = OnnxModel.FromBytes(inside);
        Assert.AreSame(single, single.ToSingleFile());
    }

    [TestMethod]
    public void Saved_beside_its_data_a_model_keeps_its_references_and_an_edited_tensor_moves_inside()
    {
        using var folder = new TemporaryFolder();
        byte[] bytes = Write(folder.Path);
        byte[] data = File.ReadAllBytes(folder.File("w.bin"));
        OnnxModel model = OnnxModel.Load(folder.File("m.onnx"));
        model.Save(folder.File("same.onnx"));
        CollectionAssert.AreEqual(bytes, File.ReadAllBytes(folder.File("same.onnx")));

        GraphEditor.ReplaceInitializer(model, [model.Graph.Nodes[0]], 3, [5f, 6f]);
        model.Save(folder.File("edited.onnx"));
        CollectionAssert.AreEqual(data, File.ReadAllBytes(folder.File("w.bin")));
        OnnxModel edited = OnnxModel.Load(folder.File("edited.onnx"));
        Assert.AreEqual("y.mean", edited.Graph.Initializers.Single(tensor => !ExternalData.IsIn(tensor.Proto)).Name);
        ModelProto expected = ModelProto.Parser.ParseFrom(bytes);
        TensorProto mean = expected.Graph.Initializer.Single(tensor => tensor.Name == "y.mean");
        ExternalData.Remove(mean);
        mean.RawData = ByteString.CopyFrom(LittleEndian.ToBytes([5f, 6f]));
        CollectionAssert.AreEqual(expected.ToByteArray(), File.ReadAllBytes(folder.File("edited.onnx")));
        CollectionAssert.AreEqual(new[] { 1f, 1f }, edited.Graph.Nodes[0].Inputs[4]!.Initializer!.ToFloatArray());
    }

    [TestMethod]
    public void Saved_elsewhere_a_model_takes_its_data_along_and_overwrites_nothing()
    {
        using var folder = new TemporaryFolder();
        using var target = new TemporaryFolder();
        byte[] bytes = Write(folder.Path, location: "data/w.bin");
        OnnxModel model = OnnxModel.Load(folder.File("m.onnx"));
        model.Save(target.File("m.onnx"));
        model.Save(target.File("again.onnx")); // its data stands there already, the same
        CollectionAssert.AreEqual(bytes, File.ReadAllBytes(target.File("again.onnx")));
        CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("data/w.bin")), File.ReadAllBytes(target.File("data/w.bin")));
        CollectionAssert.AreEquivalent(new[] { "m.onnx", "again.onnx", "data" }, Directory.GetFileSystemEntries(target.Path).Select(Path.GetFileName).ToArray());
        CollectionAssert.AreEqual(new[] { 1f, 1f }, OnnxModel.Load(target.File("m.onnx")).Graph.Initializers[0].ToFloatArray());

        File.Delete(target.File("m.onnx"));
        File.WriteAllText(target.File("data/w.bin"), "precious");
        Assert.Contains("something else stands", Assert.ThrowsExactly<OnnxModelException>(() => model.Save(target.File("m.onnx"))).Message);
        Assert.AreEqual("precious", File.ReadAllText(target.File("data/w.bin")));
        Assert.IsFalse(File.Exists(target.File("m.onnx")));
        model.ToSingleFile().Save(target.File("m.onnx"));
        CollectionAssert.AreEqual(new[] { 1f, 1f }, OnnxModel.FromBytes(File.ReadAllBytes(target.File("m.onnx"))).Graph.Initializers[0].ToFloatArray());
    }

    [TestMethod]
    public void A_model_does_not_replace_its_own_data_and_a_failed_save_leaves_no_copy()
    {
        using var folder = new TemporaryFolder();
        using var target = new TemporaryFolder();
        Write(folder.Path);
        byte[] data = File.ReadAllBytes(folder.File("w.bin"));
        OnnxModel model = OnnxModel.Load(folder.File("m.onnx"));
        Assert.ThrowsExactly<OnnxModelException>(() => model.Save(folder.File("w.bin")));
        Assert.ThrowsExactly<OnnxModelException>(() => model.Save(target.File("w.bin")));
        CollectionAssert.AreEqual(data, File.ReadAllBytes(folder.File("w.bin")));
        Directory.CreateDirectory(target.File("m.onnx")); // a folder stands where the model should go
        Exception refusal = Assert.Throws<Exception>(() => model.Save(target.File("m.onnx")));
        Assert.IsTrue(refusal is IOException or UnauthorizedAccessException);
        CollectionAssert.AreEqual(new[] { "m.onnx" }, Directory.GetFileSystemEntries(target.Path).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    [DataRow("../w.bin", "own folder")]
    [DataRow("sub/../../w.bin", "own folder")]
    [DataRow("..\\w.bin", "own folder")]
    [DataRow("/etc/passwd", "own folder")]
    [DataRow("", "own folder")]
    [DataRow("w\0.bin", "own folder")]
    [DataRow("link.bin", "symbolic link")]
    [DataRow("linked/w.bin", "symbolic link")]
    [DataRow("none.bin", "no file")]
    [DataRow(".", "no file")]
    [DataRow("empty.bin", "0 bytes")]
    public void Names_that_lead_elsewhere_are_refused(string location, string says)
    {
        using var outside = new TemporaryFolder();
        string inner = Path.Combine(outside.Path, "inner");
        Directory.CreateDirectory(inner);
        Write(outside.Path);
        File.CreateSymbolicLink(Path.Combine(inner, "link.bin"), outside.File("w.bin"));
        Directory.CreateSymbolicLink(Path.Combine(inner, "linked"), outside.Path);
        File.WriteAllText(Path.Combine(inner, "empty.bin"), "");
        ModelProto model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(outside.File("m.onnx")));
        foreach (TensorProto tensor in model.Graph.Initializer) tensor.ExternalData[0].Value = location;
        File.WriteAllBytes(Path.Combine(inner, "m.onnx"), model.ToByteArray());
        string message = Assert.ThrowsExactly<OnnxModelException>(() => OnnxModel.Load(Path.Combine(inner, "m.onnx"))).Message;
        Assert.Contains(says, message);
        Assert.Contains("'y.scale'", message);
    }

    [TestMethod]
    public void A_pipe_is_no_data_and_nobody_waits_for_it()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("named pipes in folders are Unix's");
            return;
        }
        using var folder = new TemporaryFolder();
        Write(folder.Path);
        File.Delete(folder.File("w.bin"));
        System.Diagnostics.Process.Start("mkfifo", [folder.File("w.bin")]).WaitForExit();
        Assert.Contains("0 bytes", Assert.ThrowsExactly<OnnxModelException>(() => OnnxModel.Load(folder.File("m.onnx"))).Message);
    }

    [TestMethod]
    [DataRow("offset", "100000", "bytes from byte 100000")]
    [DataRow("offset", "-1", "'-1'")]
    [DataRow("offset", "9223372036854775807", "bytes from byte")]
    [DataRow("offset", "99999999999999999999", "expected a number")]
    [DataRow("length", "4", "is 4 bytes long")]
    [DataRow("length", "0x8", "expected a number")]
    [DataRow("location", null, "names no file")]
    public void References_that_contradict_shape_or_file_are_refused(string key, string? value, string says)
    {
        using var folder = new TemporaryFolder();
        ModelProto model = ModelProto.Parser.ParseFrom(Write(folder.Path));
        foreach (TensorProto tensor in model.Graph.Initializer)
        {
            StringStringEntryProto entry = tensor.ExternalData.Single(entry => entry.Key == key);
            if (value is null) tensor.ExternalData.Remove(entry);
            else entry.Value = value;
        }
        File.WriteAllBytes(folder.File("m.onnx"), model.ToByteArray());
        Assert.Contains(says, Assert.ThrowsExactly<OnnxModelException>(() => OnnxModel.Load(folder.File("m.onnx"))).Message);
    }

    [TestMethod]
    public void Data_that_changes_under_a_loaded_model_is_noticed()
    {
        using var folder = new TemporaryFolder();
        Write(folder.Path);
        OnnxModel model = OnnxModel.Load(folder.File("m.onnx"));
        File.SetLastWriteTimeUtc(folder.File("w.bin"), DateTime.UtcNow.AddHours(1));
        Assert.Contains("changed", Assert.ThrowsExactly<OnnxModelException>(() => model.Graph.Initializers[0].ToFloatArray()).Message);
        Assert.Contains("changed", Assert.ThrowsExactly<OnnxModelException>(() => model.Save(folder.File("copy.onnx"))).Message);
    }

    [TestMethod]
    public void Constants_nested_graphs_functions_and_sparse_tensors_may_lie_outside()
    {
        using var folder = new TemporaryFolder();
        ModelBuilder builder = Models.WithIf();
        builder.Graph.Node.Insert(0, ModelBuilder.NodeOf("Constant", [], ["k"], new AttributeProto { Name = "value", Type = 4, T = ModelBuilder.Tensor("k", [2], 7, 8) }));
        builder.Graph.SparseInitializer.Add(new SparseTensorProto { Values = ModelBuilder.Tensor("s", [1], 9), Indices = ModelBuilder.Tensor("", [1], 0) });
        builder.Proto.Functions.Add(new FunctionProto { Name = "F" });
        builder.Proto.Functions[0].Node.Add(ModelBuilder.NodeOf("Constant", [], ["c"], new AttributeProto { Name = "value", T = ModelBuilder.Tensor("c", [1], 3) }));
        byte[] inside = builder.ToBytes();
        Write(folder.Path, builder.Proto);
        OnnxModel model = OnnxModel.Load(folder.File("m.onnx"));
        Assert.AreEqual(8, StoredTensors.Of(builder.Proto).Count(ExternalData.IsIn));
        CollectionAssert.AreEqual(new[] { 7f, 8f }, model.Graph.Nodes[0].Outputs[0]!.ConstantFloats());
        CollectionAssert.AreEqual(inside, model.ToSingleFile().ToBytes());
    }

    [TestMethod]
    public void Bytes_alone_have_no_folder() =>
        Assert.Contains("OnnxModel.Load", Assert.ThrowsExactly<OnnxModelException>(() =>
        {
            using var folder = new TemporaryFolder();
            OnnxModel.FromBytes(Write(folder.Path));
        }).Message);

    [TestMethod]
    public void More_than_a_file_can_hold_stays_outside()
    {
        using var folder = new TemporaryFolder();
        ModelBuilder builder = new ModelBuilder().Input("x", 1, 2).BatchNorm("x", "y", 2).Output("y", 1, 2);
        const long Length = 1200L << 20;
        foreach (string name in (string[])["huge", "vast"])
        {
            TensorProto tensor = ModelBuilder.Tensor(name, [Length / 4]);
            tensor.ClearRawData();
            Refer(tensor, "w.bin", name == "huge" ? 0 : Length, Length);
            builder.Graph.Initializer.Add(tensor);
        }
        using (FileStream file = File.Create(folder.File("w.bin"))) file.SetLength(2 * Length); // takes no room where files may have holes
        File.WriteAllBytes(folder.File("m.onnx"), builder.ToBytes());
        OnnxModel model = OnnxModel.Load(folder.File("m.onnx"));
        Assert.Contains("less than 2 GB", Assert.ThrowsExactly<OnnxModelException>(model.ToSingleFile).Message);
        model.Save(folder.File("copy.onnx"));
        CollectionAssert.AreEqual(builder.ToBytes(), File.ReadAllBytes(folder.File("copy.onnx")));
    }

    private static byte[] Write(string folder, string location = "w.bin") =>
        Write(folder, new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2).Proto, location);

    /// <summary>Moves all raw data of a model to a file.</summary>
    private static byte[] Write(string folder, ModelProto model, string location = "w.bin")
    {
        using var whole = new MemoryStream();
        foreach (TensorProto tensor in StoredTensors.Of(model))
        {
            whole.SetLength(whole.Position + Offset);
            whole.Position = whole.Length;
            Refer(tensor, location, whole.Position, tensor.RawData.Length);
            tensor.RawData.WriteTo(whole);
            tensor.ClearRawData();
        }
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, location))!);
        File.WriteAllBytes(Path.Combine(folder, location), whole.ToArray());
        byte[] bytes = model.ToByteArray();
        File.WriteAllBytes(Path.Combine(folder, "m.onnx"), bytes);
        return bytes;
    }

    private static void Refer(TensorProto tensor, string location, long offset, long length)
    {
        tensor.DataLocation = 1;
        tensor.ExternalData.Add([
            new StringStringEntryProto { Key = "location", Value = location },
            new StringStringEntryProto { Key = "offset", Value = offset.ToString() },
            new StringStringEntryProto { Key = "length", Value = length.ToString() },
            new StringStringEntryProto { Key = "checksum", Value = "ignored" }]);
    }
}
