using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Google.Protobuf;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>
/// One network in many forms. Whatever form its layers have in the file, the statistics must be, bit for bit, those of the plain twin,
/// the written file must score as the twin's, and nothing but the intended tensors may differ.
/// </summary>
[TestClass]
public sealed class FormTests
{
    private static readonly Lazy<AdaptationResult> PlainResult = new(() => BatchNormAdapter.Adapt(Twin.Plain().Build(), Twin.Source, PaperAdaBN.Options));

    [TestMethod]
    public void Constant_nodes() => Same(Twin.Plain(), model =>
    {
        foreach (string name in (string[])["bn1.mean", "bn1.var", "bn2.scale", "bn2.var"])
            model.Graph.Node.Insert(0, NodeOf("Constant", [], [name], Twin.Value(model.Take(name))));
    }, gone: ["bn1.mean", "bn1.var", "bn2.var"]);

    [TestMethod]
    public void Identity_chains_of_merged_equal_initializers()
    {
        void Merge(ModelProto model)
        {
            foreach (string parameter in (string[])["scale", "bias", "mean", "var"])
            {
                model.Take($"bn2.{parameter}");
                model.Graph.Node.Insert(0, NodeOf("Identity", [$"bn1.{parameter}"], [$"bn2.{parameter}"]));
            }
        }
        // Both layers start from the same numbers, so the twin needs them too; then an exporter writes them once.
        ModelBuilder Equal()
        {
            ModelBuilder builder = Twin.Plain();
            TensorProto w2 = builder.Proto.Initializer("w2");
            w2.Dims[0] = 4;
            w2.RawData = ByteString.CopyFrom(w2.RawData.Span[..(4 * 4 * 9 * sizeof(float))]);
            foreach (string parameter in (string[])["scale", "bias", "mean", "var"])
            {
                TensorProto copy = builder.Proto.Initializer($"bn1.{parameter}").Clone();
                copy.Name = $"bn2.{parameter}";
                builder.Proto.Take(copy.Name);
                builder.Graph.Initializer.Add(copy);
            }
            return builder;
        }
        ModelBuilder merged = Equal();
        Merge(merged.Proto);
        AdaptationResult result = Same(merged.Build(), BatchNormAdapter.Adapt(Equal().Build(), Twin.Source, PaperAdaBN.Options), gone: ["bn2.mean", "bn2.var"]);
        Assert.Contains("share their parameters in the file; each has its own statistics now", string.Join('\n', result.Report.Findings));
        Assert.IsTrue(result.Model.Graph.Initializers.Single(initializer => initializer.Name == "bn1.mean").Value.Uses.Single().Consumer.DisplayName == "n1", "the first layer's own tensor is written in place");
    }

    [TestMethod]
    public void Chains_of_Reshape_Unsqueeze_Squeeze_Cast_Expand_ConstantOfShape() => Same(Twin.Plain(), model =>
    {
        // mean of bn1: double, as a matrix, squeezed and cast; variance of bn1: through Unsqueeze and Reshape; scale of bn2: 1 filled and expanded, times its numbers.
        model.Take("bn1.mean").As(ElementType.Double).With(tensor => { tensor.Name = "m64"; tensor.Dims.Add(1); model.Graph.Initializer.Add(tensor); });
        model.Initializer("bn1.var").Name = "v";
        model.Initializer("bn2.scale").Name = "s";
        model.Graph.Initializer.Add([Twin.Integers("axis1", 1), Twin.Integers("all", -1), Twin.Integers("one", 1), Twin.Integers("five", 5)]);
        model.Insert(model.Graph.Node[0],
            NodeOf("Squeeze", ["m64", "axis1"], ["m64s"]), NodeOf("Cast", ["m64s"], ["bn1.mean"], Int("to", 1)),
            NodeOf("Unsqueeze", ["v", "axis1"], ["vu"]), NodeOf("Reshape", ["vu", "all"], ["bn1.var"]),
            NodeOf("ConstantOfShape", ["one"], ["filled"], Twin.Value(Tensor("", [1], 1))), NodeOf("Expand", ["filled", "five"], ["ones"]), NodeOf("Mul", ["s", "ones"], ["bn2.scale"]));
    }, gone: ["m64", "v", "axis1", "all", "m64s", "vu", "bn1.mean", "bn1.var"]);

    [TestMethod]
    public void Initializers_that_are_inputs_too_before_IR_version_4() => Same(Twin.Plain(opset: 8, irVersion: 3), model =>
    {
        foreach (TensorProto tensor in model.Graph.Initializer) model.Graph.Input.Add(Info(tensor.Name, ElementType.Float, [.. tensor.Dims]));
    }, gone: []);

    [TestMethod]
    public void One_tensor_read_as_mean_and_as_bias() => Same(Twin.Plain().With(builder =>
    {
        builder.Proto.Take("bn1.bias");
        builder.Graph.Initializer.Add(builder.Proto.Initializer("bn1.mean").Clone().With(tensor => tensor.Name = "bn1.bias"));
    }), model =>
    {
        model.Take("bn1.bias");
        model.BatchNorm(1).Input[2] = "bn1.mean";
    }, gone: []);

    [TestMethod]
    [DataRow(9)]
    [DataRow(13)]
    public void Five_outputs_that_nobody_reads(int opset)
    {
        AdaptationResult result = Same(Twin.Plain(opset), model => model.BatchNorm(1).Output.Add(["m", "v", "sm", "sv"]), gone: []);
        Assert.Contains("'n1' stood in training form", string.Join('\n', result.Report.Findings));
        Assert.HasCount(1, result.Model.Graph.Nodes.Single(node => node.DisplayName == "n1").Outputs);
    }

    [TestMethod]
    [DataRow(14)]
    [DataRow(15)]
    public void Training_mode_whose_outputs_nobody_reads(int opset)
    {
        AdaptationResult result = Same(Twin.Plain(opset), model =>
        {
            model.BatchNorm(2).Attribute.Add(Int("training_mode", 1));
            model.BatchNorm(2).Output.Add(["m", "v"]);
        }, gone: []);
        Assert.Contains("'n2' stood in training form", string.Join('\n', result.Report.Findings));
        Assert.IsFalse(result.Model.Graph.Nodes.Single(node => node.DisplayName == "n2").HasAttribute("training_mode"));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(6)]
    public void Old_operator_versions(int opset)
    {
        foreach (int test in (int[])[0, 1])
        {
            ModelBuilder builder = Twin.Plain(opset);
            foreach (int layer in (int[])[1, 2])
            {
                builder.Proto.BatchNorm(layer).Attribute.Add([Int("is_test", test), Int("spatial", 1), Twin.Float("momentum", 0.9f)]);
                if (opset == 1) builder.Proto.BatchNorm(layer).Attribute.Add(Ints("consumed_inputs", 0, 0, 0, 1, 1));
            }
            AdaptationResult result = BatchNormAdapter.Adapt(builder.Build(), Twin.Source, PaperAdaBN.Options);
            Statistics(PlainResult.Value, result);
            Assert.AreEqual(test == 0, result.Report.Findings.Any(finding => finding.Contains("training form", StringComparison.Ordinal)));
            Assert.IsTrue(result.Model.Graph.Nodes.Where(node => node.Is("BatchNormalization")).All(node => node.GetInt("is_test", 0) == 1));
            // ONNX Runtime has no BatchNormalization of these versions; the very same tensors under version 7 score as the twin.
            ModelProto raised = ModelProto.Parser.ParseFrom(result.Model.ToBytes());
            raised.OpsetImport[0].Version = 7;
            foreach (int layer in (int[])[1, 2])
                foreach (AttributeProto old in raised.BatchNorm(layer).Attribute.Where(attribute => attribute.Name is "is_test" or "consumed_inputs").ToArray()) raised.BatchNorm(layer).Attribute.Remove(old);
            CollectionAssert.AreEqual(Scoring.Run(PlainResult.Value.Model, Twin.Tensors), Scoring.Run(OnnxModel.FromBytes(raised.ToByteArray()), Twin.Tensors));
        }
    }

    [TestMethod]
    public void Unnamed_nodes_several_outputs_and_a_value_read_behind_a_layer() => Same(Twin.Plain(), model =>
    {
        model.Graph.Output.Add([Info("n1", ElementType.Float, [-1, 4, 4, 4]), Info("a2", ElementType.Float, [-1, 5, 2, 2])]);
    }, gone: [], tolerance: 1e-6); // ONNX Runtime does not fuse what is seen from outside

    [TestMethod]
    public void Channels_last_exports_with_Transposes_around_everything()
    {
        // As tf2onnx writes Keras models: NHWC in the graph, each Conv and each layer between Transposes of its own.
        ModelProto model = Twin.Plain().Proto;
        foreach (string value in (string[])["x", "a1", "n1", "a2", "n2"])
        {
            foreach (NodeProto reader in model.Graph.Node.Where(node => node.Input.Contains(value)).ToArray())
            {
                model.Insert(reader, NodeOf("Transpose", [value], [$"{value}.last"], Ints("perm", 0, 2, 3, 1)), NodeOf("Transpose", [$"{value}.last"], [$"{value}.first"], Ints("perm", 0, 3, 1, 2)));
                reader.Input[reader.Input.IndexOf(value)] = $"{value}.first";
            }
        }
        OnnxModel source = OnnxModel.FromBytes(model.ToByteArray());
        AdaptationResult result = BatchNormAdapter.Adapt(source, Twin.Source, PaperAdaBN.Options);
        foreach ((LayerReport expected, LayerReport actual) in PlainResult.Value.Report.Layers.Zip(result.Report.Layers))
        {
            for (int c = 0; c < expected.Channels; c++)
            {
                Assert.AreEqual(expected.TargetMean[c], actual.TargetMean[c], 1e-6 * Math.Sqrt(expected.TargetVariance[c]));
                Assert.AreEqual(expected.TargetVariance[c], actual.TargetVariance[c], 1e-6 * expected.TargetVariance[c]);
            }
        }
        foreach ((float e, float a) in Scoring.Run(PlainResult.Value.Model, Twin.Tensors).Zip(Scoring.Run(result.Model, Twin.Tensors))) Assert.AreEqual(e, a, 1e-6);
        OnlyStatisticsDiffer(source, result.Model, gone: []);
    }

    [TestMethod]
    public void One_module_called_at_several_places_of_one_depth_keeps_one_statistic()
    {
        // Two views of each sample go through the same Conv and layer: the same as both views in one batch.
        ModelBuilder siamese = new ModelBuilder().Input("left", -1, 3, 6, 6).Input("right", -1, 3, 6, 6).Floats("w", [4, 3, 3, 3], Twin.Numbers(1, 108, -0.4f, 0.4f))
            .Node("Conv", ["left", "w"], ["al"]).Node("Conv", ["right", "w"], ["ar"]).BatchNorm("al", "nl", 4);
        siamese.Node("BatchNormalization", ["ar", "nl.scale", "nl.bias", "nl.mean", "nl.var"], ["nr"]).Node("Add", ["nl", "nr"], ["y"]).Output("y", -1, 4, 4, 4);
        ModelBuilder plain = new ModelBuilder().Input("x", -1, 3, 6, 6).Floats("w", [4, 3, 3, 3], Twin.Numbers(1, 108, -0.4f, 0.4f)).Node("Conv", ["x", "w"], ["a"]).BatchNorm("a", "y", 4).Output("y", -1, 4, 4, 4);

        float[][] right = [.. Twin.Images.Select((image, i) => image.Select(value => (value * 2) + i).ToArray())];
        ISampleSource pairs = SampleSource.FromArrays([new SampleInput("left", [3, 6, 6]), new SampleInput("right", [3, 6, 6])], Twin.Images.Zip(right, (l, r) => (float[][])[l, r]));
        OnnxModel model = siamese.Build();
        AdaptationResult result = BatchNormAdapter.Adapt(model, pairs, PaperAdaBN.Options);
        LayerReport expected = BatchNormAdapter.Adapt(plain.Build(), SampleSource.FromArrays([.. Twin.Images, .. right], 3, 6, 6), PaperAdaBN.Options).Report.Layers.Single();
        foreach (LayerReport layer in result.Report.Layers)
        {
            for (int c = 0; c < 4; c++)
            {
                Assert.AreEqual(expected.TargetMean[c], layer.TargetMean[c], 1e-12 * Math.Sqrt(expected.TargetVariance[c]));
                Assert.AreEqual(expected.TargetVariance[c], layer.TargetVariance[c], 1e-12 * expected.TargetVariance[c]);
            }
        }
        Assert.Contains("'nl', 'nr' are one module called at several places", string.Join('\n', result.Report.Findings));
        Assert.HasCount(model.Graph.Initializers.Count, result.Model.Graph.Initializers, "they still share");
        OnlyStatisticsDiffer(model, result.Model, gone: []);
    }

    [TestMethod]
    public void One_module_called_at_different_depths_gets_a_statistic_a_call()
    {
        // x → Conv(w) → bn → Relu → Conv(w) → the same bn: as the twin that writes everything twice.
        ModelBuilder Recurrent(bool shared)
        {
            ModelBuilder builder = new ModelBuilder().Input("x", -1, 3, 6, 6).Floats("w", [3, 3, 3, 3], Twin.Numbers(1, 81, -0.4f, 0.4f)).Node("Conv", ["x", "w"], ["a1"]).BatchNorm("a1", "n1", 3)
                .Node("Relu", ["n1"], ["r1"]).Node("Conv", ["r1", "w"], ["a2"]);
            if (shared) builder.Node("BatchNormalization", ["a2", "n1.scale", "n1.bias", "n1.mean", "n1.var"], ["y"]);
            else builder.BatchNorm("a2", "y", 3);
            return builder.Output("y", -1, 3, 2, 2);
        }
        AdaptationResult result = Same(Recurrent(shared: true).Build(), BatchNormAdapter.Adapt(Recurrent(shared: false).Build(), Twin.Source, PaperAdaBN.Options), gone: []);
        Assert.Contains("'n1', 'y' share their parameters in the file; each has its own statistics now", string.Join('\n', result.Report.Findings));
    }

    [TestMethod]
    public void Layers_that_share_parameters_but_not_what_feeds_them_get_their_own_statistics()
    {
        ModelBuilder Parallel(bool shared)
        {
            ModelBuilder builder = new ModelBuilder().Input("x", -1, 3, 6, 6).Floats("w", [4, 3, 3, 3], Twin.Numbers(1, 108, -0.4f, 0.4f)).Floats("v", [4, 3, 3, 3], Twin.Numbers(2, 108, -0.4f, 0.4f))
                .Node("Conv", ["x", "w"], ["a"]).Node("Conv", ["x", "v"], ["b"]).BatchNorm("a", "na", 4);
            if (shared) builder.Node("BatchNormalization", ["b", "na.scale", "na.bias", "na.mean", "na.var"], ["nb"]);
            else builder.BatchNorm("b", "nb", 4);
            return builder.Node("Add", ["na", "nb"], ["y"]).Output("y", -1, 4, 4, 4);
        }
        AdaptationResult result = Same(Parallel(shared: true).Build(), BatchNormAdapter.Adapt(Parallel(shared: false).Build(), Twin.Source, PaperAdaBN.Options), gone: []);
        Assert.AreNotEqual(result.Report.Layers[0].TargetMean[0], result.Report.Layers[1].TargetMean[0]);
    }

    [TestMethod]
    public void Layers_in_local_functions_called_by_functions()
    {
        // Block(x, w, s, b, m, v; eps) = Relu(Norm(Conv(x, w), …)); Norm has the epsilon as an attribute with a default. bn1 is called by Block, bn2 by Norm alone.
        ModelProto model = Twin.Plain(irVersion: 9).Proto;
        var norm = new FunctionProto { Domain = "local", Name = "Norm" };
        norm.Input.Add(["x", "s", "b", "m", "v"]);
        norm.Output.Add("out");
        norm.AttributeProto.Add(Twin.Float("eps", 1e-3f));
        norm.Node.Add(NodeOf("BatchNormalization", ["x", "s", "b", "m", "v"], ["out"], new AttributeProto { Name = "epsilon", Type = 1, RefAttrName = "eps" }).With(node => node.Name = "bn"));
        var block = new FunctionProto { Domain = "local", Name = "Block" };
        block.Input.Add(["x", "w", "s", "b", "m", "v"]);
        block.Output.Add("r");
        block.Node.Add([
            NodeOf("Conv", ["x", "w"], ["c"]), NodeOf("Norm", ["c", "s", "b", "m", "v"], ["n"], new AttributeProto { Name = "eps", Type = 1, RefAttrName = "eps" }).With(node => node.Domain = "local"), NodeOf("Relu", ["n"], ["r"])]);
        foreach (FunctionProto function in (FunctionProto[])[norm, block]) function.OpsetImport.Add([new OperatorSetIdProto { Version = 13 }, new OperatorSetIdProto { Domain = "local", Version = 1 }]);
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        model.Functions.Add([norm, block]);
        model.Graph.Node[0] = NodeOf("Block", ["x", "w1", "bn1.scale", "bn1.bias", "bn1.mean", "bn1.var"], ["r1"], Twin.Float("eps", 1e-3f)).With(node => node.Domain = "local");
        model.Graph.Node.RemoveAt(1);
        model.Graph.Node.RemoveAt(1);
        int second = model.Graph.Node.IndexOf(model.BatchNorm(2));
        model.Graph.Node[second] = NodeOf("Norm", ["a2", "bn2.scale", "bn2.bias", "bn2.mean", "bn2.var"], ["n2"]).With(node => node.Domain = "local");

        AdaptationResult result = BatchNormAdapter.Adapt(OnnxModel.FromBytes(model.ToByteArray()), Twin.Source, PaperAdaBN.Options);
        Statistics(PlainResult.Value, result);
        OnnxModel written = OnnxModel.FromBytes(result.Model.ToBytes());
        Assert.HasCount(0, written.Functions);
        CollectionAssert.AreEqual(Scoring.Run(PlainResult.Value.Model, Twin.Tensors), Scoring.Run(written, Twin.Tensors));
        Assert.Contains("local functions were written out", string.Join('\n', result.Report.Findings));
        foreach (TensorProto tensor in model.Graph.Initializer.Where(tensor => !tensor.Name.EndsWith(".mean", StringComparison.Ordinal) && !tensor.Name.EndsWith(".var", StringComparison.Ordinal)))
            Assert.AreEqual(tensor, ModelProto.Parser.ParseFrom(result.Model.ToBytes()).Initializer(tensor.Name));
    }

    [TestMethod]
    public void Functions_without_layers_stay_functions() => Same(Twin.Plain(irVersion: 9), model =>
    {
        var function = new FunctionProto { Domain = "local", Name = "Activate" };
        function.Input.Add("x");
        function.Output.Add("y");
        function.Node.Add(NodeOf("Relu", ["x"], ["y"]));
        function.OpsetImport.Add(new OperatorSetIdProto { Version = 13 });
        model.Functions.Add(function);
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        model.Graph.Node.Single(node => node.OpType == "Relu").With(node => (node.OpType, node.Domain) = ("Activate", "local"));
    }, gone: []);

    [TestMethod]
    public void A_function_for_another_operator_set_is_declined_with_both_versions()
    {
        ModelBuilder builder = new ModelBuilder(irVersion: 9).Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2);
        builder.Graph.Node[0].With(node => (node.OpType, node.Domain) = ("Norm", "local"));
        var norm = new FunctionProto { Domain = "local", Name = "Norm" };
        norm.Input.Add(["x", "s", "b", "m", "v"]);
        norm.Output.Add("out");
        norm.Node.Add(NodeOf("BatchNormalization", ["x", "s", "b", "m", "v"], ["out"]));
        norm.OpsetImport.Add(new OperatorSetIdProto { Version = 9 });
        builder.Proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        builder.Proto.Functions.Add(norm);
        string message = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(builder.Build(), SampleSource.FromArrays([[1f, 2f]], 2), PaperAdaBN.Options)).Message;
        Assert.Contains("written for ai.onnx 9, the model imports ai.onnx 13", message);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_branch_whose_condition_is_constant(bool condition)
    {
        // The layer, its tensors and a Conv stand in the taken branch, which reads r1 from around it; an If of the same names stands in it; the other branch has a layer too.
        ModelProto model = Twin.Plain().Proto;
        int first = model.Graph.Node.IndexOf(model.Graph.Node.Single(node => node.Output[0] == "a2"));
        NodeProto conv = model.Graph.Node[first], norm = model.Graph.Node[first + 1];
        model.Graph.Node.RemoveAt(first);
        model.Graph.Node.RemoveAt(first);
        GraphProto inner = new() { Name = "inner" };
        inner.Initializer.Add([model.Take("bn2.mean"), model.Take("bn2.scale")]);
        inner.Node.Add([NodeOf("Constant", [], ["bn2.var"], Twin.Value(model.Take("bn2.var"))), norm]);
        inner.Output.Add(new ValueInfoProto { Name = "n2" });
        GraphProto Other(string name) => new GraphProto { Name = name }.With(graph =>
        {
            graph.Initializer.Add([Tensor($"{name}.one", [4], 1, 1, 1, 1), Tensor($"{name}.var", [4], 1, 1, 1, 1)]);
            graph.Node.Add(NodeOf("BatchNormalization", ["r1", $"{name}.one", $"{name}.one", $"{name}.one", $"{name}.var"], ["n2"]));
            graph.Output.Add(new ValueInfoProto { Name = "n2" });
        });
        GraphProto outer = new() { Name = "outer" };
        outer.Node.Add([conv, NodeOf("If", ["condition"], ["inner_out"], SubGraph(condition ? "then_branch" : "else_branch", inner), SubGraph(condition ? "else_branch" : "then_branch", Other("o1")))]);
        outer.Output.Add(new ValueInfoProto { Name = "inner_out" });
        model.Graph.Node.Insert(first, NodeOf("If", ["condition"], ["taken"], SubGraph(condition ? "then_branch" : "else_branch", outer), SubGraph(condition ? "else_branch" : "then_branch", Other("o2"))));
        model.Graph.Node.Insert(0, NodeOf("Constant", [], ["condition"], Twin.Value(new TensorProto { DataType = (int)ElementType.Bool, RawData = ByteString.CopyFrom(condition ? (byte)1 : (byte)0) })));
        model.Graph.Node.Single(node => node.OpType == "GlobalAveragePool").Input[0] = "taken";

        OnnxModel source = OnnxModel.FromBytes(model.ToByteArray());
        AdaptationResult result = BatchNormAdapter.Adapt(source, Twin.Source, PaperAdaBN.Options);
        Statistics(PlainResult.Value, result);
        OnnxModel written = OnnxModel.FromBytes(result.Model.ToBytes());
        Assert.Contains("If", written.Graph.Nodes.Select(node => node.OpType).ToArray(), "the file keeps its If");
        foreach ((float e, float a) in Scoring.Run(PlainResult.Value.Model, Twin.Tensors).Zip(Scoring.Run(written, Twin.Tensors))) Assert.AreEqual(e, a, 1e-6);
        Assert.Contains("branch of If 'inner_out'", NormalizationDiscovery.Inspect(source).Single(layer => layer.Name == "n2").Spelling!);
    }

    [TestMethod]
    public void Thousands_of_branches_of_the_same_names()
    {
        // Ifs that each pass on what they read, from the input to the first Conv. At one of them a time this would take minutes.
        const int Links = 2_000;
        ModelBuilder twin = Twin.Plain();
        ModelProto model = twin.Proto.Clone();
        twin.Proto.Insert(twin.Graph.Node[0], NodeOf("Identity", ["x"], ["x1"]));
        twin.Graph.Node[1].Input[0] = "x1";
        model.Graph.Initializer.Add(new TensorProto { Name = "yes", DataType = (int)ElementType.Bool, RawData = ByteString.CopyFrom(1) });
        string value = "x";
        NodeProto conv = model.Graph.Node[0];
        for (int i = 0; i < Links; i++)
        {
            GraphProto body = new() { Name = "pass", Node = { NodeOf("Identity", [value], ["inner"]) }, Output = { new ValueInfoProto { Name = "inner" } } };
            model.Insert(conv, NodeOf("If", ["yes"], [value = $"v{i}"], SubGraph("then_branch", body), SubGraph("else_branch", body)));
        }
        conv.Input[0] = value;
        Statistics(BatchNormAdapter.Adapt(twin.Build(), Twin.Source, PaperAdaBN.Options), BatchNormAdapter.Adapt(OnnxModel.FromBytes(model.ToByteArray()), Twin.Source, PaperAdaBN.Options));
    }

    private static AdaptationResult Same(ModelBuilder plain, Action<ModelProto> write, string[] gone, double tolerance = 0)
    {
        OnnxModel twin = plain.Build();
        ModelProto other = ModelProto.Parser.ParseFrom(plain.ToBytes());
        write(other);
        return Same(OnnxModel.FromBytes(other.ToByteArray()), BatchNormAdapter.Adapt(twin, Twin.Source, PaperAdaBN.Options), gone, tolerance);
    }

    /// <param name="model">The twin's network in another form.</param>
    /// <param name="twin">The adapted twin.</param>
    /// <param name="gone">Names of tensors and nodes' outputs that nobody reads any more, and that must be gone.</param>
    /// <param name="tolerance">How far scores may differ: not at all where ONNX Runtime computes the same.</param>
    private static AdaptationResult Same(OnnxModel model, AdaptationResult twin, string[] gone, double tolerance = 0)
    {
        byte[] before = model.ToBytes();
        AdaptationResult result = BatchNormAdapter.Adapt(model, Twin.Source, PaperAdaBN.Options);
        CollectionAssert.AreEqual(before, model.ToBytes(), "the source model is the caller's");
        Statistics(twin, result);
        foreach ((float expected, float actual) in Scoring.Run(twin.Model, Twin.Tensors).Zip(Scoring.Run(OnnxModel.FromBytes(result.Model.ToBytes()), Twin.Tensors)))
            Assert.AreEqual(expected, actual, tolerance);
        OnlyStatisticsDiffer(model, result.Model, gone);
        return result;
    }

    private static void Statistics(AdaptationResult twin, AdaptationResult result)
    {
        Assert.HasCount(twin.Report.Layers.Count, result.Report.Layers);
        foreach ((LayerReport expected, LayerReport actual) in twin.Report.Layers.Zip(result.Report.Layers))
        {
            CollectionAssert.AreEqual(expected.TargetMean.ToArray(), actual.TargetMean.ToArray(), expected.Name);
            CollectionAssert.AreEqual(expected.TargetVariance.ToArray(), actual.TargetVariance.ToArray(), expected.Name);
            CollectionAssert.AreEqual(expected.SourceMean.ToArray(), actual.SourceMean.ToArray(), expected.Name);
        }
    }

    /// <summary>Every node and tensor is as it was, but the means and variances (changed in place, or under a new name), what is gone, and a training form's outputs.</summary>
    private static void OnlyStatisticsDiffer(OnnxModel model, OnnxModel adapted, string[] gone)
    {
        ModelProto before = ModelProto.Parser.ParseFrom(model.ToBytes()), after = ModelProto.Parser.ParseFrom(adapted.ToBytes());
        HashSet<string> statistics = [.. after.Graph.Node.Where(node => node.OpType == BatchNormalization.OpType).SelectMany(node => node.Input.Skip(BatchNormalization.MeanInput))];
        foreach (TensorProto tensor in before.Graph.Initializer.Where(tensor => !gone.Contains(tensor.Name) && !statistics.Contains(tensor.Name)))
            Assert.AreEqual(tensor, after.Initializer(tensor.Name), tensor.Name);
        string[] added = [.. after.Graph.Initializer.Select(tensor => tensor.Name).Except(before.Graph.Initializer.Select(tensor => tensor.Name))];
        CollectionAssert.IsSubsetOf(added, statistics.ToArray());

        NodeProto[] kept = [.. before.Graph.Node.Where(node => !node.Output.Intersect(gone).Any())];
        Assert.HasCount(kept.Length, after.Graph.Node);
        foreach ((NodeProto source, NodeProto target) in kept.Zip(after.Graph.Node))
        {
            if (source.OpType != BatchNormalization.OpType) Assert.AreEqual(source, target);
            CollectionAssert.AreEqual(source.Input.Take(BatchNormalization.MeanInput).ToArray(), target.Input.Take(BatchNormalization.MeanInput).ToArray());
        }
        foreach (string name in gone) Assert.IsFalse(after.Graph.Initializer.Any(tensor => tensor.Name == name) || after.Graph.Node.Any(node => node.Output.Contains(name)), name);
        CollectionAssert.AreEqual(before.Graph.Input, after.Graph.Input.Take(before.Graph.Input.Count).ToArray());
        CollectionAssert.AreEqual(before.Graph.Output, after.Graph.Output);
    }
}

/// <summary>Edits in the middle of an expression.</summary>
internal static class Editing
{
    public static T With<T>(this T target, Action<T> edit)
    {
        edit(target);
        return target;
    }
}
