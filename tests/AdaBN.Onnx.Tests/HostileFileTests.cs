using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Google.Protobuf;

namespace AdaBN.Onnx.Tests;

/// <summary>Files made to break a reader: each ends in an error that says what is wrong, in little time and memory.</summary>
[TestClass]
public sealed class HostileFileTests
{
    [TestMethod]
    public void Every_prefix_of_a_model_is_refused_or_a_model()
    {
        byte[] whole = Models.WithIf().ToBytes();
        int refused = 0;
        for (int length = 0; length < whole.Length; length++)
        {
            try
            {
                OnnxModel.FromBytes(whole.AsSpan(0, length));
            }
            catch (OnnxModelException)
            {
                refused++;
            }
        }
        Assert.IsGreaterThan(whole.Length - 20, refused); // cut between two fields behind the graph it is a model still
    }

    [TestMethod]
    public void Graphs_nested_thousands_deep_are_refused()
    {
        // Written from inside out by hand: a reader's objects would need the very stack that is at stake.
        byte[] graph = [];
        for (int depth = 0; depth < 3_000; depth++)
        {
            byte[] attribute = Field(6, graph), node = Field(5, attribute);
            graph = Field(1, node);
        }
        Assert.Contains("nesting", Refusal(Field(7, graph)));
    }

    [TestMethod]
    [DataRow(100_000)]
    [DataRow(1_000_000)]
    public void Groups_within_groups_are_refused(int depth) => // unknown fields of the oldest kind
        Assert.Contains("damaged", Refusal([.. Enumerable.Repeat((byte)0xA3, depth).SelectMany(start => (byte[])[start, 0x06])]));

    [TestMethod]
    public void A_length_of_two_gigabytes_takes_no_memory()
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        foreach (byte field in (byte[])[7, 8, 14, 20, 25]) Assert.Contains("damaged", Refusal([(byte)((field << 3) | 2), .. field > 15 ? (byte[])[1] : [], 0xFF, 0xFF, 0xFF, 0xFF, 0x07]));
        TensorProto tensor = ModelBuilder.Tensor("w", [1], 1);
        byte[] packed = [.. tensor.ToByteArray(), 0x22, 0x80, 0x80, 0x80, 0x80, 0x07]; // float_data of nearly two gigabytes
        Assert.Contains("damaged", Refusal(Field(7, Field(5, packed))));
        Assert.IsLessThan(64L << 20, GC.GetTotalAllocatedBytes(precise: true) - before);
    }

    [TestMethod]
    public void Impossible_shapes_and_short_data_are_refused_with_the_tensor_named()
    {
        (long[] Dims, string Says)[] cases =
        [
            ([-1], "impossible shape"), ([long.MinValue], "impossible shape"), ([1L << 32, 1L << 32], "impossible shape"), ([long.MaxValue, 2], "impossible shape"),
            ([3], "expected 12"), ([1], "expected 4"), ([0], "expected 0"), ([1L << 40], "expected 4398046511104"),
        ];
        foreach ((long[] dims, string says) in cases)
        {
            ModelBuilder builder = Plain();
            builder.Graph.Initializer[0].Dims.Clear();
            builder.Graph.Initializer[0].Dims.Add(dims);
            string message = Refusal(builder.ToBytes());
            Assert.Contains(says, message);
            Assert.Contains("'y.scale'", message);
        }
        ModelBuilder listed = Plain();
        listed.Graph.Initializer[0].ClearRawData();
        listed.Graph.Initializer[0].FloatData.Add([1, 2, 3]);
        Assert.Contains("holds 3 elements, expected 2", Refusal(listed.ToBytes()));
        ModelBuilder constant = Plain();
        TensorProto odd = ModelBuilder.Tensor("k", [2], 1);
        constant.Graph.Node.Add(ModelBuilder.NodeOf("Constant", [], ["k"], new AttributeProto { Name = "value", Type = 4, T = odd }));
        Assert.Contains("'k'", Refusal(constant.ToBytes()));
    }

    [TestMethod]
    public void Names_that_collide_or_are_missing_are_refused()
    {
        Assert.Contains("'x' is defined twice", Refusal(Plain().Input("x", 2).ToBytes()));
        Assert.Contains("'x' is defined twice", Refusal(Plain().Node("Relu", ["y"], ["x"]).ToBytes())); // a node computes a graph input
        Assert.Contains("'y.mean' is defined twice", Refusal(Plain().Floats("y.mean", [1], 0).ToBytes()));
        Assert.Contains("without a name", Refusal(Plain().Input("", 2).ToBytes()));
        Assert.Contains("without a name", Refusal(Plain().Floats("", [1], 0).ToBytes()));
        ModelBuilder sparse = Plain();
        sparse.Graph.SparseInitializer.Add(new SparseTensorProto());
        Assert.Contains("without a name", Refusal(sparse.ToBytes()));
        sparse.Graph.SparseInitializer[0].Values = ModelBuilder.Tensor("y.mean", [1], 0);
        Assert.Contains("'y.mean' is defined twice", Refusal(sparse.ToBytes()));
        Assert.Contains("a graph output", Refusal(Plain().Output("", 2).ToBytes()));
    }

    [TestMethod]
    public void Nodes_that_lack_what_their_operator_needs_are_refused()
    {
        Assert.Contains("Relu 'r' has 0 input(s)", Refusal(Plain().Node("Relu", [], ["r"]).ToBytes()));
        Assert.Contains("expected at least 2", Refusal(Plain().Node("Conv", ["x"], ["c"]).ToBytes()));
        Assert.Contains("expected at least 2", Refusal(Plain().Node("Add", ["x", ""], ["c"]).ToBytes()));
        Assert.Contains("0 output(s)", Refusal(Plain().Node("Clip", ["x"], [""]).ToBytes()));
        Assert.Contains("0 output(s)", Refusal(Plain().Node("BatchNormalization", ["x"], []).ToBytes()));
        Plain().Node("NoSuchOperator", [], []).Build(); // nobody looks into it; ONNX Runtime will say what it thinks of it
    }

    [TestMethod]
    public void One_domain_in_two_versions_is_refused()
    {
        ModelBuilder builder = Plain();
        builder.Proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "ai.onnx", Version = 13 });
        Assert.AreEqual(13, builder.Build().Opset);
        builder.Proto.OpsetImport[1].Version = 14;
        Assert.Contains("two versions", Refusal(builder.ToBytes()));
    }

    [TestMethod]
    public void Negative_lengths_of_inputs_are_open_and_unknown_types_are_kept()
    {
        ModelBuilder builder = Plain();
        builder.Graph.Input[0].Type.TensorType.Shape.Dim[0].DimValue = -1;
        builder.Graph.Input[0].Type.TensorType.ElemType = 12345;
        OnnxModel model = builder.Build();
        Assert.IsNull(model.Graph.Inputs[0].Type!.Shape!.Value[0].Length);
        CollectionAssert.AreEqual(builder.ToBytes(), model.ToBytes());
    }

    [TestMethod]
    public void Fields_of_the_wrong_wire_type_survive_unread()
    {
        byte[] bytes = [.. Plain().ToBytes(), (7 << 3) | 0, 5, (1 << 3) | 2, 3, 1, 2, 3]; // a graph that is a number, a version that is text
        OnnxModel model = OnnxModel.FromBytes(bytes);
        CollectionAssert.AreEqual(bytes, model.ToBytes());
    }

    [TestMethod]
    public void A_body_that_reads_thousands_of_outer_values_loads_in_a_moment()
    {
        const int Values = 30_000;
        var builder = new ModelBuilder().Input("x", -1, 2).Input("flag", ElementType.Bool);
        var body = new GraphProto { Name = "body" };
        for (int i = 0; i < Values; i++)
        {
            builder.Node("Relu", ["x"], [$"v{i}"]);
            body.Node.Add(ModelBuilder.NodeOf("Relu", [$"v{i}"], [$"w{i}"]));
        }
        OnnxModel model = builder.Node("If", ["flag"], ["y"], ModelBuilder.SubGraph("then_branch", body), ModelBuilder.SubGraph("else_branch", new GraphProto())).Build();
        Assert.HasCount(Values, model.Graph.Nodes[^1].Captures);
        Assert.HasCount(Values + 1, model.Graph.TopologicalOrder());
    }

    [TestMethod]
    public void Functions_that_double_the_graph_at_every_step_are_refused_before_they_are_written_out()
    {
        Assert.HasCount(1 << 10, FunctionInliner.Inline(Doubling(10).Build()).Graph.Nodes);
        Doubling(18).Build(); // 786,431 calls and nodes; one step more are 1,572,863
        foreach (int steps in (int[])[19, 40])
        {
            string message = Refusal(Doubling(steps).ToBytes());
            Assert.Contains("local.F0, called by the model's graph, comes to more than 1000000 nodes", message);
            Assert.Contains("without functions", message);
        }
        ModelBuilder empty = Doubling(40);
        empty.Proto.Functions.Single(function => function.Name == "F40").Node.Clear(); // 2⁴⁰ calls of nothing
        Assert.Contains("more than 1000000 nodes", Refusal(empty.ToBytes()));
    }

    [TestMethod]
    public void Functions_that_double_the_graph_given_as_their_attribute_are_refused()
    {
        // Fi(body) calls Fi+1 with a body of two Ifs of body each; the last one has an If of body.
        static NodeProto Branch(AttributeProto body) => ModelBuilder.NodeOf("If", ["x"], ["t"], body);
        static AttributeProto Given() => new() { Name = "then_branch", Type = 5, RefAttrName = "body" };
        ModelBuilder Nested(int steps)
        {
            ModelBuilder builder = Chain(steps, i => [Call(i + 1, "y", [ModelBuilder.SubGraph("body", new GraphProto { Name = "twice", Node = { Branch(Given()), Branch(Given()) } })])], [Branch(Given())]);
            builder.Graph.Node[^1].Attribute.Add(ModelBuilder.SubGraph("body", new GraphProto { Name = "relu", Node = { ModelBuilder.NodeOf("Relu", ["x"], ["r"]) } }));
            return builder;
        }
        Nested(8).Build();
        Assert.Contains("more than 1000000 nodes", Refusal(Nested(40).ToBytes()));
    }

    [TestMethod]
    public void Functions_that_call_themselves_or_nest_without_end_are_refused()
    {
        Assert.Contains("one that calls itself", Refusal(Chain(1, i => [Call(i, "y")], []).ToBytes()));
        Assert.Contains("one that calls itself", Refusal(Chain(2, i => [Call(1 - i, "y")], []).ToBytes()));
        // F0 hands its own call to F1, which puts it into an If.
        NodeProto branch = ModelBuilder.NodeOf("If", ["x"], ["y"], new AttributeProto { Name = "then_branch", Type = 5, RefAttrName = "body" });
        Assert.Contains("one that calls itself", Refusal(Chain(1, i => [Call(1, "y", [ModelBuilder.SubGraph("body", new GraphProto { Name = "again", Node = { Call(0, "r") } })])], [branch]).ToBytes()));
        Chain(99, i => [Call(i + 1, "y")], [ModelBuilder.NodeOf("Relu", ["x"], ["y"])]).Build();
        Assert.Contains("more than 100 deep", Refusal(Chain(20_000, i => [Call(i + 1, "y")], [ModelBuilder.NodeOf("Relu", ["x"], ["y"])]).ToBytes())); // a stack would not hold them
        Chain(1, i => [], [Call(1, "y")]).Build(); // nobody calls it
    }

    private static ModelBuilder Doubling(int steps) =>
        Chain(steps, i => [Call(i + 1, "t"), Call(i + 1, "y", input: "t")], [ModelBuilder.NodeOf("Relu", ["x"], ["y"])]);

    /// <summary>A graph that calls the local function F0, functions up to the given one, and the last one.</summary>
    private static ModelBuilder Chain(int steps, Func<int, NodeProto[]> body, NodeProto[] last)
    {
        ModelBuilder builder = new ModelBuilder(irVersion: 9).Input("x", -1, 2).Output("y", -1, 2);
        builder.Proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        builder.Graph.Node.Add(Call(0, "y"));
        for (int i = 0; i <= steps; i++)
            builder.Proto.Functions.Add(new FunctionProto { Domain = "local", Name = $"F{i}", Input = { "x" }, Output = { "y" }, Node = { i < steps ? body(i) : last } });
        return builder;
    }

    private static NodeProto Call(int function, string output, AttributeProto[]? attributes = null, string input = "x") =>
        new() { OpType = $"F{function}", Domain = "local", Input = { input }, Output = { output }, Attribute = { attributes ?? [] } };

    private static ModelBuilder Plain() => new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2);

    private static string Refusal(byte[] bytes) => Assert.ThrowsExactly<OnnxModelException>(() => OnnxModel.FromBytes(bytes)).Message;

    private static byte[] Field(int number, byte[] content)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            output.WriteTag(number, WireFormat.WireType.LengthDelimited);
            output.WriteLength(content.Length);
        }
        return [.. stream.ToArray(), .. content];
    }
}
