using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Models that keep tensor data in files beside them, beyond 2 GB too.</summary>
[TestClass]
public sealed class ExternalDataTests
{
    private const long HugeRows = 600L << 20; // of two float32 numbers: 4.7 GB, more than an ONNX file or an array can hold

    [TestMethod]
    [DataRow("conv_chain")]
    [DataRow("view_flatten")]
    public void Adapts_as_its_twin_with_everything_inside(string name)
    {
        var golden = new GoldenCase(name);
        OnnxModel outside = OnnxModel.Load(Path.Combine(Repository.Root, "tests", "ExternalData", name, "model.onnx"));
        byte[] before = outside.ToBytes();
        OnnxModel adapted = BatchNormAdapter.Adapt(outside, golden.Source(), PaperAdaBN.Options).Model, twin = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Model;

        CollectionAssert.AreEqual(before, outside.ToBytes());
        foreach ((Initializer a, Initializer b) in twin.Graph.Initializers.Zip(adapted.Graph.Initializers))
            if (a.ElementType == ElementType.Float) CollectionAssert.AreEqual(a.ToFloatArray(), b.ToFloatArray(), a.Name);
        CollectionAssert.AreEqual(Scoring.Run(twin, golden.Tensors), Scoring.Run(adapted.ToSingleFile(), golden.Tensors));
        Assert.AreEqual(BatchNormAdapter.EstimateMemory(golden.Model, golden.Source()), BatchNormAdapter.EstimateMemory(outside, golden.Source()));

        // Of the tensors kept outside, only the statistics have moved; all others refer to the data as before.
        HashSet<string> statistics = [.. golden.Layers.SelectMany(layer => (string[])[layer.MeanInitializer, layer.MeanInitializer.Replace("running_mean", "running_var", StringComparison.Ordinal)])];
        foreach ((Initializer a, Initializer b) in outside.Graph.Initializers.Zip(adapted.Graph.Initializers))
            Assert.AreEqual(!statistics.Contains(a.Name), a.ToSerializedBytes().SequenceEqual(b.ToSerializedBytes()), a.Name);
    }

    [TestMethod]
    public void A_classifier_of_many_gigabytes_behind_the_last_layer_is_never_read()
    {
        using var folder = new TemporaryFolder();
        OnnxModel model = Huge(folder, new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "b", 2).Node("MatMul", ["b", "huge"], ["y"]).Output("y", -1, HugeRows));
        AdaptationResult result = BatchNormAdapter.Adapt(model, SampleSource.FromArrays([[1f, 2f], [3f, 6f]], 2), PaperAdaBN.Options);
        result.Model.Save(folder.File("adapted.onnx"));
        CollectionAssert.AreEqual(new[] { 2f, 4f }, OnnxModel.Load(folder.File("adapted.onnx")).Graph.Nodes[0].Inputs[3]!.Initializer!.ToFloatArray());
        Assert.HasCount(3, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public void A_piece_of_the_model_that_no_file_can_hold_is_refused()
    {
        using var folder = new TemporaryFolder();
        OnnxModel model = Huge(folder, new ModelBuilder().Input("x", -1, 2).Node("MatMul", ["x", "huge"], ["a"]).BatchNorm("a", "y", 2).Output("y", -1, 2));
        OnnxModelException e = Assert.ThrowsExactly<OnnxModelException>(() => BatchNormAdapter.Adapt(model, SampleSource.FromArrays([[1f, 2f]], 2), PaperAdaBN.Options));
        Assert.Contains("less than 2 GB", e.Message);
    }

    private static OnnxModel Huge(TemporaryFolder folder, ModelBuilder builder)
    {
        TensorProto tensor = ModelBuilder.Tensor("huge", [2, HugeRows]);
        tensor.ClearRawData();
        tensor.DataLocation = 1;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "huge.bin" });
        builder.Graph.Initializer.Add(tensor);
        using (FileStream file = File.Create(folder.File("huge.bin"))) file.SetLength(2 * HugeRows * sizeof(float)); // takes no room where files may have holes
        File.WriteAllBytes(folder.File("model.onnx"), builder.ToBytes());
        return OnnxModel.Load(folder.File("model.onnx"));
    }
}
