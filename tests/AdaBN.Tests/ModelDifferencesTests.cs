using System.Collections;
using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace AdaBN.Tests;

/// <summary>Whatever differs between two model files is told, and nothing that does not.</summary>
[TestClass]
public sealed class ModelDifferencesTests
{
    [TestMethod]
    public void Every_field_of_a_file_that_is_changed_or_lost_is_told()
    {
        ModelProto proto = Models.WithIf().Proto.Clone();
        proto.MetadataProps.Add(new StringStringEntryProto { Key = "k", Value = "v" });
        proto.ModelVersion = 3;
        proto.Graph.Node[0].Attribute.Add(ModelBuilder.Int("i", 1));
        OnnxModel model = OnnxModel.FromBytes(proto.ToByteArray());
        Assert.IsTrue(ModelDifferences.Between(model, OnnxModel.FromBytes(proto.ToByteArray())).IsEmpty);
        (int compared, int refused) = (0, 0);
        for (int i = 0; ; i++)
        {
            ModelProto edited = proto.Clone();
            if (!EditNth(edited, i)) break;
            OnnxModel other;
            try
            {
                other = OnnxModel.FromBytes(edited.ToByteArray());
            }
            catch (OnnxModelException)
            {
                refused++;
                continue;
            }
            Assert.IsFalse(other.ToBytes().AsSpan().SequenceEqual(model.ToBytes()), $"edit {i} changed nothing");
            Assert.IsFalse(ModelDifferences.Between(model, other).IsEmpty, $"edit {i}: {edited}");
            Assert.IsFalse(ModelDifferences.Between(other, model).IsEmpty, $"edit {i}, the other way round");
            compared++;
        }
        Assert.IsGreaterThan(100, compared, $"{refused} were refused");
    }

    [TestMethod]
    public void Differences_have_their_place_and_size()
    {
        ModelProto proto = Models.WithIf().Proto;
        ModelProto edited = proto.Clone();
        GraphProto branch = edited.Graph.Node[1].Attribute.Single(attribute => attribute.Name == "else_branch").G;
        TensorProto mean = branch.Initializer.Single(tensor => tensor.Name == "b.mean");
        mean.RawData = ModelBuilder.Tensor("b.mean", [2], 0, -0.5f).RawData;
        edited.Graph.Initializer.Add(ModelBuilder.Tensor("extra", [1, 2], 1, 2));
        edited.Graph.Node[0].OpType = "Abs";
        edited.Graph.Node.Add(ModelBuilder.NodeOf("Neg", ["extra"], ["unread"]));
        edited.MetadataProps.Add(new StringStringEntryProto { Key = "k", Value = "v" });
        edited.ProducerName = "others";
        ModelDifferences found = ModelDifferences.Between(OnnxModel.FromBytes(proto.ToByteArray()), OnnxModel.FromBytes(edited.ToByteArray()));

        Assert.HasCount(2, found.Tensors);
        TensorDifference inBranch = found.Tensors.Single(tensor => tensor.Name == "b.mean"), added = found.Tensors.Single(tensor => tensor.Name == "extra");
        Assert.AreEqual(("If 'y', graph 1", DifferenceKind.Changed, 2L, 1L, 0.5, 0.25), (inBranch.Graph!, inBranch.Kind, inBranch.Elements, inBranch.Differing, inBranch.Largest, inBranch.Mean));
        Assert.AreEqual((DifferenceKind.Added, "Float [1, 2]"), (added.Kind, added.After!));
        Assert.AreEqual("Abs Changed operator Relu; Neg Added ", string.Join("; ", found.Nodes.Select(node => $"{node.OpType} {node.Kind} {string.Join(", ", node.Changes)}")));
        Assert.AreEqual(new MetadataDifference("k", null, "v"), found.Metadata.Single());
        Assert.AreEqual("the tool that wrote it: 'tests ', 'others '", found.Other.Single());
    }

    [TestMethod]
    public void Numbers_that_are_none_and_forms_that_do_not_compare_are_told_as_such()
    {
        OnnxModel plain = Small(1, 2), nan = Small(1, float.NaN), negativeZero = Small(1, 0), zero = Small(1, -0f), longer = Small(1, 2, 3);
        Assert.AreEqual(double.PositiveInfinity, ModelDifferences.Between(plain, nan).Tensors.Single().Largest);
        Assert.IsTrue(ModelDifferences.Between(nan, Small(1, float.NaN)).IsEmpty);
        TensorDifference sign = ModelDifferences.Between(negativeZero, zero).Tensors.Single();
        Assert.AreEqual((1L, 0.0), (sign.Differing, sign.Largest));
        TensorDifference shape = ModelDifferences.Between(plain, longer).Tensors.Single();
        Assert.AreEqual(("Float [2]", "Float [3]", null), (shape.Before!, shape.After!, shape.Largest));

        ModelProto listed = ModelProto.Parser.ParseFrom(plain.ToBytes());
        listed.Graph.Initializer[0].ClearRawData();
        listed.Graph.Initializer[0].FloatData.Add([1f, 2f]);
        Assert.AreEqual(0, ModelDifferences.Between(plain, OnnxModel.FromBytes(listed.ToByteArray())).Tensors.Single().Differing, "the same numbers in another place of the message");

        static OnnxModel Small(params float[] numbers) => new ModelBuilder().Input("x", -1).Floats("t", [numbers.Length], numbers).Node("Identity", ["t"], ["y"]).Output("y", -1).Build();
    }

    [TestMethod]
    public void Data_outside_the_files_is_compared_too()
    {
        using var folder = new TemporaryFolder();
        string source = Path.Combine(Repository.Root, "tests", "ExternalData", "conv_chain");
        foreach (string name in (string[])["model.onnx", "weights.bin"]) File.Copy(Path.Combine(source, name), folder.File(name));
        OnnxModel first = OnnxModel.Load(Path.Combine(source, "model.onnx"));
        Assert.IsTrue(ModelDifferences.Between(first, OnnxModel.Load(folder.File("model.onnx"))).IsEmpty);
        ModelDifferences inside = ModelDifferences.Between(first, first.ToSingleFile());
        Assert.IsNotEmpty(inside.Tensors);
        Assert.IsTrue(inside.Tensors.All(tensor => tensor.Differing == 0) && inside.Nodes.Count + inside.Other.Count == 0);

        byte[] weights = File.ReadAllBytes(folder.File("weights.bin"));
        weights[3] ^= 0x80; // the sign of the first number
        File.WriteAllBytes(folder.File("weights.bin"), weights);
        TensorDifference changed = ModelDifferences.Between(first, OnnxModel.Load(folder.File("model.onnx"))).Tensors.Single();
        Assert.AreEqual(1, changed.Differing);
        Assert.AreEqual(2 * Math.Abs(BitConverter.ToSingle(weights)), changed.Largest!.Value, 0);
    }

    /// <summary>Changes the n-th single number, text or run of bytes of a message, or takes out the n-th entry of a list; false where there are fewer.</summary>
    private static bool EditNth(IMessage message, int n) => Edits(message).Skip(n).FirstOrDefault() is { } edit && Do(edit);

    private static bool Do(Action edit)
    {
        edit();
        return true;
    }

    private static IEnumerable<Action> Edits(IMessage message)
    {
        foreach (FieldDescriptor field in message.Descriptor.Fields.InDeclarationOrder())
        {
            object? value = field.Accessor.GetValue(message);
            if (value is IList list)
            {
                for (int i = 0; i < list.Count; i++)
                {
                    int at = i;
                    yield return () => list.RemoveAt(at);
                    if (list[i] is IMessage inner) foreach (Action edit in Edits(inner)) yield return edit;
                    else yield return () => list[at] = Other(list[at]!);
                }
            }
            else if (value is IMessage inner)
            {
                foreach (Action edit in Edits(inner)) yield return edit;
            }
            else if (value is not null)
            {
                yield return () => field.Accessor.SetValue(message, Other(value));
                if (field.Accessor.HasValue(message)) yield return () => field.Accessor.Clear(message);
            }
        }
    }

    private static object Other(object value) => value switch
    {
        string text => text + "_",
        ByteString bytes => ByteString.CopyFrom([.. bytes.Select(one => (byte)(one ^ 1)), .. bytes.IsEmpty ? [1] : Array.Empty<byte>()]),
        long number => number + 1,
        int number => number + 1,
        float number => number + 1,
        double number => number + 1,
        _ => throw new NotSupportedException(value.GetType().Name),
    };
}
