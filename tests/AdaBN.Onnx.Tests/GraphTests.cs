using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Onnx.Tests;

[TestClass]
public sealed class GraphTests
{
    [TestMethod]
    public void Values_know_who_makes_and_who_reads_them()
    {
        OnnxModel model = Branching().Build();
        Assert.IsTrue(model.Graph.TryGetValue("a", out Value? a));
        Assert.AreEqual("Relu", a.Producer!.OpType);
        CollectionAssert.AreEqual(new[] { "BatchNormalization", "Add" }, a.Uses.Select(use => use.Consumer.OpType).ToArray());
        Assert.IsTrue(model.Graph.TryGetValue("x", out Value? x) && x.IsGraphInput && x.Producer is null);
        Assert.AreEqual("x: Float [N, 2]", x.ToString());
        Assert.IsTrue(model.Graph.TryGetValue("y", out Value? y) && y.IsGraphOutput);
    }

    [TestMethod]
    public void Nodes_out_of_order_are_sorted_for_computing_and_left_in_place_for_saving()
    {
        ModelBuilder builder = Branching();
        (builder.Graph.Node[0], builder.Graph.Node[2]) = (builder.Graph.Node[2].Clone(), builder.Graph.Node[0].Clone());
        OnnxModel model = builder.Build();
        CollectionAssert.AreEqual(new[] { "Add", "BatchNormalization", "Relu" }, model.Graph.Nodes.Select(node => node.OpType).ToArray());
        CollectionAssert.AreEqual(new[] { "Relu", "BatchNormalization", "Add" }, model.Graph.TopologicalOrder().Select(node => node.OpType).ToArray());
        CollectionAssert.AreEqual(builder.ToBytes(), model.ToBytes());
    }

    [TestMethod]
    public void A_cycle_is_refused()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2).Node("Add", ["x", "b"], ["a"]).Node("Relu", ["a"], ["b"]).Output("b", -1, 2).Build();
        Assert.Contains("cycle", Assert.ThrowsExactly<OnnxModelException>(() => model.Graph.TopologicalOrder()).Message);
    }

    [TestMethod]
    public void A_cut_computes_what_the_whole_model_computes()
    {
        OnnxModel model = Branching().Build();
        Value a = Find(model, "a"), y = Find(model, "y");
        OnnxModel piece = SubgraphExtractor.Extract(model, [KeyValuePair.Create(a, new TensorType(ElementType.Float, [new Dimension(null, "N"), new Dimension(2)]))], [y]);

        CollectionAssert.AreEqual(new[] { "BatchNormalization", "Add" }, piece.Graph.Nodes.Select(node => node.OpType).ToArray());
        Assert.HasCount(4, piece.Graph.Initializers);
        float[] relu = [0, 3, 0.5f, 0];
        CollectionAssert.AreEqual(Run(model, "x", [-1, 3, 0.5f, -2]), Run(piece, "a", relu));
    }

    [TestMethod]
    public void An_open_cut_is_refused_naming_what_is_missing()
    {
        OnnxModel model = Models.WithIf().Build();
        Value flag = Find(model, "flag"), y = Find(model, "y");
        var type = new TensorType(ElementType.Bool, []);
        string message = Assert.ThrowsExactly<OnnxModelException>(() => SubgraphExtractor.Extract(model, [KeyValuePair.Create(flag, type)], [y])).Message;
        Assert.Contains("'x'", message); // reached only through what the branches of If capture
        Assert.ThrowsExactly<OnnxModelException>(() => SubgraphExtractor.Extract(model, [KeyValuePair.Create(flag, type)], [flag]));
    }

    [TestMethod]
    public void Replacing_an_initializer_changes_that_tensor_only()
    {
        OnnxModel model = Branching().Build();
        Dictionary<string, byte[]> before = model.Graph.Initializers.ToDictionary(tensor => tensor.Name, tensor => tensor.ToSerializedBytes());
        GraphEditor.ReplaceInitializer(model, [model.Graph.Nodes[1]], 3, [5f, 6f]);
        foreach (Initializer tensor in model.Graph.Initializers)
        {
            if (tensor.Name == "b.mean") CollectionAssert.AreEqual(new[] { 5f, 6f }, tensor.ToFloatArray());
            else CollectionAssert.AreEqual(before[tensor.Name], tensor.ToSerializedBytes());
        }
        CollectionAssert.AreEqual(before.Keys.ToArray(), model.Graph.Initializers.Select(tensor => tensor.Name).ToArray());
    }

    [TestMethod]
    [DataRow(7)]
    [DataRow(3)] // IR version 3: every initializer is a graph input too
    public void Replacing_a_shared_initializer_clones_it(int irVersion)
    {
        ModelBuilder builder = new ModelBuilder(opset: 9, irVersion).Input("x", -1, 2)
            .Floats("scale", [2], 1, 1).Floats("shared", [2], 0, 0).Floats("var", [2], 1, 1)
            .Node("BatchNormalization", ["x", "scale", "shared", "shared", "var"], ["y"]).Output("y", -1, 2);
        if (irVersion < 4) builder.Input("scale", 2).Input("shared", 2).Input("var", 2);
        OnnxModel model = builder.Build();
        Node node = model.Graph.Nodes[0];

        Initializer replaced = GraphEditor.ReplaceInitializer(model, [node], 3, [1f, 2f]);

        Assert.AreEqual("shared_1", replaced.Name);
        CollectionAssert.AreEqual(new[] { 0f, 0f }, node.Inputs[2]!.Initializer!.ToFloatArray());
        CollectionAssert.AreEqual(new[] { 1f, 2f }, node.Inputs[3]!.Initializer!.ToFloatArray());
        Assert.HasCount(1, node.Inputs[2]!.Uses);
        OnnxModel reloaded = OnnxModel.FromBytes(model.ToBytes());
        Assert.AreEqual(irVersion < 4, Find(reloaded, "shared_1").IsGraphInput);
        CollectionAssert.AreEqual(new[] { "x" }, reloaded.Graph.RequiredInputs.Select(input => input.Name).ToArray());
        float[] y = Run(reloaded, "x", [1, 2, 3, 4]);
        Assert.AreEqual(0f, y[0]);
        Assert.AreEqual(0f, y[1]);
    }

    [TestMethod]
    public void Edits_that_do_not_fit_are_refused_before_anything_changes()
    {
        OnnxModel model = Branching().Build();
        byte[] before = model.ToBytes();
        Assert.ThrowsExactly<OnnxModelException>(() => GraphEditor.ReplaceInitializer(model, [model.Graph.Nodes[1]], 3, [1f]));
        Assert.ThrowsExactly<OnnxModelException>(() => GraphEditor.ReplaceInitializer(model, [model.Graph.Nodes[1]], 0, [1f, 2f]));
        Assert.ThrowsExactly<OnnxModelException>(() => GraphEditor.ReplaceInitializer(model, [model.Graph.Nodes[1]], 9, [1f, 2f]));
        CollectionAssert.AreEqual(before, model.ToBytes());
    }

    [TestMethod]
    [DataRow(7, 13)]
    [DataRow(3, 8)]
    public void A_node_put_behind_a_value_is_what_all_its_readers_see(int irVersion, int opset)
    {
        ModelBuilder builder = new ModelBuilder(opset, irVersion).Input("x", -1, 2).Node("Relu", ["x"], ["a"]).Node("Relu", ["a"], ["b"]).Node("Add", ["a", "b"], ["y"]).Output("a", -1, 2).Output("y", -1, 2);
        OnnxModel model = builder.Build();
        Node inserted = GraphEditor.InsertBehind(model, Find(model, "a"), "BatchNormalization",
            new KeyValuePair<string, double[]>("s", [2, 2]), new KeyValuePair<string, double[]>("o", [1, 0]), new KeyValuePair<string, double[]>("m", [0, 0]), new KeyValuePair<string, double[]>("v", [1, 1]));
        GraphEditor.SetFloat(inserted, "epsilon", 0);

        Assert.AreEqual("a_1", inserted.Inputs[0]!.Name);
        OnnxModel reloaded = OnnxModel.FromBytes(model.ToBytes());
        CollectionAssert.AreEqual(new[] { "Relu", "BatchNormalization", "Relu", "Add" }, reloaded.Graph.Nodes.Select(node => node.OpType).ToArray());
        CollectionAssert.AreEqual(new[] { "x" }, reloaded.Graph.RequiredInputs.Select(input => input.Name).ToArray());
        CollectionAssert.AreEqual(new[] { 3f, 4f }, Run(reloaded, "x", [1, 2]), "the caller reads it too");
        Assert.HasCount(2, Find(reloaded, "a").Uses);
    }

    [TestMethod]
    public void Nested_graphs_read_the_node_put_behind_a_value()
    {
        OnnxModel model = Models.WithIf().Build();
        GraphEditor.InsertBehind(model, Find(model, "h"), "Neg", []);
        OnnxModel reloaded = OnnxModel.FromBytes(model.ToBytes());
        Assert.AreEqual("Neg", Find(reloaded, "h").Producer!.OpType);
        Assert.Contains("h", reloaded.Graph.Nodes.Single(node => node.Is("If")).Captures.Select(value => value.Name));
    }

    [TestMethod]
    public void Behind_an_input_all_nodes_read_the_new_one_and_the_caller_the_input()
    {
        var body = new GraphProto { Name = "body", Output = { new ValueInfoProto { Name = "body_out" } } };
        body.Node.Add(ModelBuilder.NodeOf("Add", ["x", "x"], ["body_out"]));
        OnnxModel model = new ModelBuilder().Input("x", -1, 2).Input("flag", ElementType.Bool).Node("Relu", ["x"], ["r"])
            .Node("If", ["flag"], ["y"], ModelBuilder.SubGraph("then_branch", body), ModelBuilder.SubGraph("else_branch", body)).Output("r", -1, 2).Output("y", -1, 2).Output("x", -1, 2).Build();
        Node inserted = GraphEditor.InsertBehind(model, Find(model, "x"), "Neg", []);

        OnnxModel reloaded = OnnxModel.FromBytes(model.ToBytes());
        CollectionAssert.AreEqual(new[] { "Neg", "Relu", "If" }, reloaded.Graph.Nodes.Select(node => node.OpType).ToArray());
        CollectionAssert.AreEqual(new[] { "x", "flag" }, reloaded.Graph.RequiredInputs.Select(input => input.Name).ToArray());
        CollectionAssert.AreEqual(new[] { "r", "y", "x" }, reloaded.Graph.Outputs.Select(output => output.Name).ToArray());
        Assert.HasCount(1, Find(reloaded, "x").Uses);
        foreach (OnnxModel edited in (OnnxModel[])[model, reloaded])
        {
            CollectionAssert.AreEqual(new[] { "x_1" }, edited.Graph.Nodes[2].Captures.Select(value => value.Name).ToArray());
            Assert.HasCount(5, Find(edited, "x_1").Uses);
        }
        Assert.AreEqual("x_1", inserted.Outputs[0]!.Name);

        var returns = new GraphProto { Name = "returns", Output = { new ValueInfoProto { Name = "x" } } };
        OnnxModel returning = new ModelBuilder().Input("x", -1, 2).Input("flag", ElementType.Bool)
            .Node("If", ["flag"], ["y"], ModelBuilder.SubGraph("then_branch", returns), ModelBuilder.SubGraph("else_branch", returns)).Output("y", -1, 2).Build();
        int values = returning.Graph.Values.Count;
        Assert.ThrowsExactly<OnnxModelException>(() => GraphEditor.InsertBehind(returning, Find(returning, "x"), "Neg", []));
        Assert.ThrowsExactly<OnnxModelException>(() => GraphEditor.MoveReaders(Find(returning, "x"), Find(returning, "y")));
        Assert.HasCount(values, returning.Graph.Values);
    }

    [TestMethod]
    public void An_input_left_out_is_added_and_no_other()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2).Floats("w", [2, 2], 1, 0, 0, 1).Node("Gemm", ["x", "w"], ["g"]).Node("Gemm", ["g", "w", ""], ["y"]).Output("y", -1, 2).Build();
        GraphEditor.AddInput(model, model.Graph.Nodes[0], 2, "w.bias", ElementType.Float, [1, 2]);
        GraphEditor.AddInput(model, model.Graph.Nodes[1], 2, "w.bias", ElementType.Float, [10, 20]);
        OnnxModel reloaded = OnnxModel.FromBytes(model.ToBytes());
        CollectionAssert.AreEqual(new[] { "x", "w", "w.bias_1" }, reloaded.Graph.Nodes[0].Inputs.Select(value => value!.Name).ToArray());
        CollectionAssert.AreEqual(new[] { 16f, 28f }, Run(reloaded, "x", [5, 6]));

        byte[] before = model.ToBytes();
        Assert.ThrowsExactly<OnnxModelException>(() => GraphEditor.AddInput(model, model.Graph.Nodes[0], 2, "b", ElementType.Float, [1, 2]));
        Assert.ThrowsExactly<OnnxModelException>(() => GraphEditor.AddInput(model, model.Graph.Nodes[0], 4, "b", ElementType.Float, [1, 2]));
        Assert.ThrowsExactly<OnnxModelException>(() => GraphEditor.InsertBehind(model, Find(model, "w"), "Relu", []));
        CollectionAssert.AreEqual(before, model.ToBytes());
    }

    [TestMethod]
    public void The_hash_of_the_computation_sees_weights_and_nodes_but_no_metadata()
    {
        OnnxModel model = Branching().Build();
        string hash = model.ComputationSha256();
        OnnxModel tagged = model.Clone();
        tagged.SetMetadata("note", "x");
        Assert.AreEqual(hash, OnnxModel.FromBytes(tagged.ToBytes()).ComputationSha256());
        ModelBuilder typed = Branching();
        typed.Graph.ValueInfo.Add(typed.Graph.Input[0].Clone());
        typed.Graph.ValueInfo[0].Name = "a";
        typed.Proto.ProducerName = "another tool";
        Assert.AreEqual(hash, typed.Build().ComputationSha256());

        GraphEditor.ReplaceInitializer(tagged, [tagged.Graph.Nodes[1]], 3, [0f, 1e-30f]);
        ModelBuilder swapped = Branching(), newer = Branching();
        swapped.Graph.Node[2].Input[1] = "a";
        newer.Proto.OpsetImport[0].Version++;
        string[] hashes = [hash, tagged.ComputationSha256(), swapped.Build().ComputationSha256(), newer.Build().ComputationSha256()];
        Assert.HasCount(4, hashes.Distinct());
    }

    [TestMethod]
    public void Damaged_files_are_refused_with_a_reason()
    {
        Assert.Contains("empty", Refusal([]));
        Assert.Contains("no ONNX model", Refusal("hello"u8.ToArray()));
        byte[] whole = Branching().ToBytes();
        Assert.Contains("damaged", Refusal(whole[..^7]));
        Assert.Contains("'nowhere'", Refusal(new ModelBuilder().Node("Relu", ["nowhere"], ["y"]).Output("y").ToBytes()));
        Assert.Contains("twice", Refusal(new ModelBuilder().Input("x", 1).Node("Relu", ["x"], ["y"]).Node("Relu", ["x"], ["y"]).ToBytes()));
        ModelBuilder shortTensor = Branching();
        shortTensor.Graph.Initializer[0].Dims[0] = 3;
        Assert.Contains("shape [3]", Refusal(shortTensor.ToBytes()));
    }

    private static ModelBuilder Branching() =>
        new ModelBuilder().Input("x", -1, 2).Node("Relu", ["x"], ["a"]).BatchNorm("a", "b", 2).Node("Add", ["a", "b"], ["y"]).Output("y", -1, 2);

    private static Value Find(OnnxModel model, string name) => model.Graph.TryGetValue(name, out Value? value) ? value : throw new AssertFailedException($"no value '{name}'");

    private static string Refusal(byte[] bytes) => Assert.ThrowsExactly<OnnxModelException>(() => OnnxModel.FromBytes(bytes)).Message;

    private static float[] Run(OnnxModel model, string input, float[] data)
    {
        using var session = new InferenceSession(model.ToBytes());
        using OrtValue value = OrtValue.CreateTensorValueFromMemory(data, [data.Length / 2, 2]);
        using var options = new RunOptions();
        using var outputs = session.Run(options, new Dictionary<string, OrtValue> { [input] = value }, [session.OutputNames[0]]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
