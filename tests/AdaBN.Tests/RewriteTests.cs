using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>BatchNormalization layers of a model turned into other normalizations: what they compute, and that nothing else changes.</summary>
[TestClass]
public sealed class RewriteTests
{
    private static readonly NormalizationRewrite[] All =
        [NormalizationRewrite.ToInstanceNorm, NormalizationRewrite.ToSourceStyle, NormalizationRewrite.ToBatchInstanceNorm(0.25), NormalizationRewrite.ToInstanceBatchNorm(2)];

    [TestMethod]
    public void To_instance_normalization_is_the_twin_that_has_it_from_the_start()
    {
        ModelBuilder twin = Twin.Plain();
        foreach (int layer in (int[])[1, 2])
        {
            NodeProto node = twin.Proto.BatchNorm(layer);
            node.OpType = "InstanceNormalization";
            node.Input.RemoveAt(4);
            node.Input.RemoveAt(3);
        }
        RewriteResult result = NormalizationRewriter.Rewrite(Twin.Plain().Build(), NormalizationRewrite.ToInstanceNorm);
        CollectionAssert.AreEqual(Scoring.Run(twin.Build(), Twin.Tensors), Scoring.Run(result.Model, Twin.Tensors));
        Assert.HasCount(twin.Graph.Node.Count, result.Model.Graph.Nodes);
        CollectionAssert.AreEqual(new[] { "w1", "w2" }, result.Model.Graph.Initializers.Select(tensor => tensor.Name).Where(name => Twin.Plain().Graph.Initializer.Any(old => old.Name == name)).ToArray());
    }

    [TestMethod]
    public void AdaIN_toward_the_source_equals_instance_normalization_with_the_layers_own_scale_and_bias()
    {
        OnnxModel source = Twin.Plain().Build(), style = NormalizationRewriter.Rewrite(source, NormalizationRewrite.ToSourceStyle).Model;
        float[] expected = Scoring.Run(NormalizationRewriter.Rewrite(source, NormalizationRewrite.ToInstanceNorm).Model, Twin.Tensors), actual = Scoring.Run(style, Twin.Tensors);
        for (int i = 0; i < expected.Length; i++) Assert.AreEqual(expected[i], actual[i], 2e-6);
        foreach (Node layer in source.Graph.Nodes.Where(node => node.Is(BatchNormalization.OpType)))
        {
            Node kept = NodePath.InMainGraph(layer.Outputs[0]!.Name).Find(style);
            CollectionAssert.AreEqual(layer.Inputs.Skip(1).Select(input => input!.Name).ToArray(), kept.Inputs.Skip(1).Select(input => input!.Name).ToArray());
            Assert.AreEqual("InstanceNormalization", kept.Inputs[0]!.Producer!.OpType);
        }
    }

    [TestMethod]
    public void Batch_instance_normalization_mixes_both_and_is_one_of_them_at_the_ends()
    {
        OnnxModel source = Twin.Plain().Build();
        float[] Score(double share) => Scoring.Run(NormalizationRewriter.Rewrite(source, NormalizationRewrite.ToBatchInstanceNorm(share) with { LayerFilter = layer => layer.Name == "n2" }).Model, Twin.Tensors);
        float[] batch = Scoring.Run(source, Twin.Tensors), instance = Score(0), mixed = Score(0.3); // behind n2 the network is linear
        for (int i = 0; i < mixed.Length; i++) Assert.AreEqual((0.3 * batch[i]) + (0.7 * instance[i]), mixed[i], 2e-6);
        CollectionAssert.AreEqual(NormalizationRewriter.Rewrite(source, NormalizationRewrite.ToInstanceNorm).Model.Graph.Nodes.Select(node => node.OpType).ToArray(),
            NormalizationRewriter.Rewrite(source, NormalizationRewrite.ToBatchInstanceNorm(0)).Model.Graph.Nodes.Select(node => node.OpType).ToArray());
        AdaptationException error = Assert.ThrowsExactly<AdaptationException>(() => Score(1));
        Assert.AreEqual("No layer can be rewritten to batch-instance normalization (ρ = 1): 'n2': the rewrite leaves it as it is.", error.Message);
    }

    [TestMethod]
    public void Batch_instance_normalization_takes_a_share_a_channel()
    {
        OnnxModel source = Twin.Plain().Build();
        int index = NormalizationDiscovery.Inspect(source).Single(layer => layer.Name == "n2").Index;
        var shares = new Dictionary<int, IReadOnlyList<double>> { [index] = [1, 0.5, 0, 0.25, 1] };
        RewriteResult result = NormalizationRewriter.Rewrite(source, NormalizationRewrite.ToBatchInstanceNorm(shares));
        float[] batch = Scoring.Run(source, Twin.Tensors), mixed = Scoring.Run(result.Model, Twin.Tensors);
        float[] instance = Scoring.Run(NormalizationRewriter.Rewrite(source, NormalizationRewrite.ToInstanceNorm with { LayerFilter = layer => layer.Name == "n2" }).Model, Twin.Tensors);
        for (int i = 0; i < mixed.Length; i++) Assert.AreEqual((shares[index][i % 5] * batch[i]) + ((1 - shares[index][i % 5]) * instance[i]), mixed[i], 2e-6);
        Assert.AreEqual("the rewrite leaves it as it is", result.Report.Layers.Single(layer => layer.Name == "n1").LeftBecause);
    }

    [TestMethod]
    public void IBN_a_normalizes_the_first_channels_by_the_sample_and_the_others_by_the_source()
    {
        OnnxModel source = Twin.Plain().Build();
        Func<NormalizationLayer, bool> last = layer => layer.Name == "n2";
        float[] batch = Scoring.Run(source, Twin.Tensors), instance = Scoring.Run(NormalizationRewriter.Rewrite(source, NormalizationRewrite.ToInstanceNorm with { LayerFilter = last }).Model, Twin.Tensors);
        float[] split = Scoring.Run(NormalizationRewriter.Rewrite(source, NormalizationRewrite.ToInstanceBatchNorm(1, share: 0.6) with { LayerFilter = last }).Model, Twin.Tensors);
        for (int i = 0; i < split.Length; i++) Assert.AreEqual(i % 5 < 3 ? instance[i] : batch[i], split[i], 2e-6);
    }

    [TestMethod]
    [DataRow(1, "n1")]
    [DataRow(2, "n1 n2")]
    [DataRow(9, "n1 n2")]
    public void IBN_a_takes_the_shallowest_layers(int layers, string expected)
    {
        RewriteReport report = NormalizationRewriter.Rewrite(Twin.Plain().Build(), NormalizationRewrite.ToInstanceBatchNorm(layers)).Report;
        Assert.AreEqual(expected, string.Join(' ', report.Layers.Select(layer => layer.Name)));
        Assert.IsTrue(report.Layers.All(layer => layer.LeftBecause is null && layer.Normalization == nameof(InstanceBatchNorm)));
    }

    [TestMethod]
    public void Anything_of_the_catalogue_may_take_the_place()
    {
        var rewrite = new NormalizationRewrite("groups", layer => layer.Layer.Name == "n1" ? new GroupNorm(2, layer.Scale, layer.Bias) { Epsilon = layer.Epsilon } : null);
        RewriteResult result = NormalizationRewriter.Rewrite(Twin.Plain().Build(), rewrite);
        Assert.AreEqual("GroupNorm", result.Report.Layers[0].Normalization);
        Assert.IsTrue(Scoring.Run(result.Model, Twin.Tensors).All(float.IsFinite));
    }

    [TestMethod]
    public void Every_opset_gives_the_same_scores()
    {
        foreach (NormalizationRewrite rewrite in All)
        {
            float[] expected = Scoring.Run(NormalizationRewriter.Rewrite(Twin.Plain().Build(), rewrite).Model, Twin.Tensors);
            for (long opset = 7; opset <= 23; opset++)
            {
                OnnxModel rewritten = NormalizationRewriter.Rewrite(Twin.Plain(opset, opset < 9 ? 3 : 8).Build(), rewrite).Model;
                CollectionAssert.AreEqual(expected, Scoring.Run(rewritten, Twin.Tensors), $"{rewrite.Description}, opset {opset}");
            }
        }
    }

    [TestMethod]
    public void Of_any_model_nothing_but_the_layers_changes_and_the_result_loads_and_passes_the_checker()
    {
        string[] files = [.. Directory.GetFiles(Repository.Root, "*.onnx", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3 })
            .Where(file => !file.Contains("artifacts", StringComparison.Ordinal) && !file.Contains("node_modules", StringComparison.Ordinal))];
        List<OnnxModel> rewritten = [];
        foreach (string file in files)
        {
            OnnxModel source = OnnxModel.Load(file);
            foreach (NormalizationRewrite rewrite in All)
            {
                RewriteResult result;
                try
                {
                    result = NormalizationRewriter.Rewrite(source, rewrite);
                }
                catch (AdaptationException e) when (e.Error is AdaptationError.NoBatchNormalization or AdaptationError.UnsupportedForm)
                {
                    continue; // which ones and why is for other tests
                }
                RequireNothingElseChanged(source, result, file);
                OnnxModel single = result.Model.ToSingleFile();
                using var session = new InferenceSession(single.ToBytes());
                rewritten.Add(single);
            }
        }
        Console.WriteLine(rewritten.Count);
        Assert.IsGreaterThanOrEqualTo(70, rewritten.Count);
        if (OnnxChecker.IsInstalled) Assert.AreEqual(rewritten.Count(model => model.Opset <= 17), OnnxChecker.Check(rewritten.Where(model => model.Opset <= 17)));
    }

    [TestMethod]
    [DataRow("conv_chain")]
    [DataRow("residual_downsample")]
    [DataRow("bn3d")]
    [DataRow("channels_last")]
    [DataRow("two_inputs")]
    public void Rewritten_networks_run_and_adapt(string name)
    {
        var golden = new GoldenCase(name);
        foreach (NormalizationRewrite rewrite in All)
        {
            OnnxModel rewritten = NormalizationRewriter.Rewrite(golden.Model, rewrite).Model;
            Assert.IsTrue(Scoring.Run(rewritten, golden.Tensors).All(float.IsFinite));
            if (rewrite == NormalizationRewrite.ToInstanceNorm) continue;
            AdaptationResult adapted = BatchNormAdapter.Adapt(rewritten, golden.Source(), PaperAdaBN.Options);
            Assert.IsTrue(Scoring.Run(adapted.Model, golden.Tensors).All(float.IsFinite));
        }
    }

    [TestMethod]
    public void Rewriting_the_last_layer_and_adapting_commute_and_the_layer_keeps_its_name()
    {
        OnnxModel source = Twin.Plain().Build();
        foreach (NormalizationRewrite rewrite in (NormalizationRewrite[])[NormalizationRewrite.ToBatchInstanceNorm(0.25), NormalizationRewrite.ToInstanceBatchNorm(1)])
        {
            NormalizationRewrite last = rewrite with { LayerFilter = layer => layer.Name == "n2" };
            OnnxModel adaptedFirst = NormalizationRewriter.Rewrite(BatchNormAdapter.Adapt(source, Twin.Source, PaperAdaBN.Options).Model, last).Model;
            OnnxModel rewrittenFirst = BatchNormAdapter.Adapt(NormalizationRewriter.Rewrite(source, last).Model, Twin.Source, PaperAdaBN.Options).Model;
            float[] expected = Scoring.Run(adaptedFirst, Twin.Tensors), actual = Scoring.Run(rewrittenFirst, Twin.Tensors);
            for (int i = 0; i < expected.Length; i++) Assert.AreEqual(expected[i], actual[i], 2e-6);
        }
        ModelBuilder named = Twin.Plain();
        named.Proto.BatchNorm(2).Name = "/bn2";
        foreach (NormalizationRewrite rewrite in All)
            Assert.AreEqual(1, NormalizationRewriter.Rewrite(named.Build(), rewrite).Model.Graph.Nodes.Count(node => node.Name == "/bn2" && node.OpType == (rewrite == NormalizationRewrite.ToInstanceNorm ? "InstanceNormalization" : "BatchNormalization")));
    }

    [TestMethod]
    public void The_report_tells_what_each_layer_costs()
    {
        RewrittenLayer Cost(NormalizationRewrite rewrite) => NormalizationRewriter.Rewrite(Twin.Plain().Build(), rewrite).Report.Layers[0];
        RewrittenLayer instance = Cost(NormalizationRewrite.ToInstanceNorm);
        Assert.AreEqual(new RunTimeCost(1, 0, 64), instance.Before, "folded into the Conv when the model is loaded; 4 channels of 4 × 4");
        Assert.AreEqual(new RunTimeCost(1, 3, 64), instance.After);
        Assert.AreEqual(new RunTimeCost(2, 5, 64), Cost(NormalizationRewrite.ToSourceStyle).After);
        RewrittenLayer mixed = Cost(NormalizationRewrite.ToBatchInstanceNorm(0.5));
        Assert.AreEqual(new RunTimeCost(3, 8, 64), mixed.After);
        CollectionAssert.AreEqual(new[] { "BatchNormalization", "InstanceNormalization", "Add" }, mixed.Operators.ToArray());
        RewrittenLayer split = Cost(NormalizationRewrite.ToInstanceBatchNorm(1));
        Assert.AreEqual(new RunTimeCost(4, 2 + 1.5 + 1 + 2, 64), split.After);
        CollectionAssert.AreEqual(new[] { "Split", "InstanceNormalization", "BatchNormalization", "Concat" }, split.Operators.ToArray());
        OnnxModel open = new ModelBuilder().Input("x", -1, 2, -1).Node("Relu", ["x"], ["r"]).BatchNorm("r", "y", 2).Output("y", -1, 2, -1).Build();
        Assert.AreEqual(new RunTimeCost(1, 2, null), NormalizationRewriter.Rewrite(open, NormalizationRewrite.ToInstanceNorm).Report.Layers[0].Before);
    }

    [TestMethod]
    public void Half_models_are_normalized_in_float32_between_Casts()
    {
        ModelProto half = Twin.Plain().Proto;
        for (int i = 0; i < half.Graph.Initializer.Count; i++) half.Graph.Initializer[i] = half.Graph.Initializer[i].As(ElementType.Float16);
        half.Graph.Input[0].Type.TensorType.ElemType = half.Graph.Output[0].Type.TensorType.ElemType = (int)ElementType.Float16;
        float[] expected = Scoring.Run(NormalizationRewriter.Rewrite(Twin.Plain().Build(), NormalizationRewrite.ToInstanceNorm).Model, Twin.Tensors);
        OnnxModel rewritten = NormalizationRewriter.Rewrite(OnnxModel.FromBytes(half.ToByteArray()), NormalizationRewrite.ToInstanceNorm).Model;
        float[] actual = Scoring.Run(rewritten, Twin.Tensors);
        for (int i = 0; i < expected.Length; i++) Assert.AreEqual(expected[i], actual[i], 5e-3);
        Assert.AreEqual(4, rewritten.Graph.Nodes.Count(node => node.OpType == "Cast"));
    }

    [TestMethod]
    public void Layers_in_training_form_are_turned_and_told()
    {
        ModelProto trained = Twin.Plain(14).Proto;
        trained.BatchNorm(1).Output.Add(["m", "v"]);
        trained.BatchNorm(1).Attribute.Add(Int("training_mode", 1));
        RewriteResult result = NormalizationRewriter.Rewrite(OnnxModel.FromBytes(trained.ToByteArray()), NormalizationRewrite.ToInstanceNorm);
        CollectionAssert.AreEqual(Scoring.Run(NormalizationRewriter.Rewrite(Twin.Plain(14).Build(), NormalizationRewrite.ToInstanceNorm).Model, Twin.Tensors), Scoring.Run(result.Model, Twin.Tensors));
        Assert.Contains("'n1' stood in training form", string.Join('\n', result.Report.Findings));
    }

    [TestMethod]
    public void Layers_in_local_functions_are_rewritten_where_they_are_called()
    {
        ModelProto model = Twin.Plain(irVersion: 9).Proto;
        var norm = new FunctionProto { Domain = "local", Name = "Norm" };
        norm.Input.Add(["x", "s", "b", "m", "v"]);
        norm.Output.Add("out");
        norm.Node.Add(NodeOf("BatchNormalization", ["x", "s", "b", "m", "v"], ["out"], Twin.Float("epsilon", 1e-3f)));
        norm.OpsetImport.Add(new OperatorSetIdProto { Version = 13 });
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        model.Functions.Add(norm);
        NodeProto second = model.BatchNorm(2);
        (second.OpType, second.Domain) = ("Norm", "local");
        second.Attribute.Clear();
        RewriteResult result = NormalizationRewriter.Rewrite(OnnxModel.FromBytes(model.ToByteArray()), NormalizationRewrite.ToInstanceNorm);
        CollectionAssert.AreEqual(Scoring.Run(NormalizationRewriter.Rewrite(Twin.Plain().Build(), NormalizationRewrite.ToInstanceNorm).Model, Twin.Tensors), Scoring.Run(result.Model, Twin.Tensors));
        Assert.Contains("local functions were written out", result.Report.Findings[0]);
    }

    [TestMethod]
    public void A_reference_that_the_model_carries_is_told_to_be_stale()
    {
        OnnxModel model = Twin.Plain().Build();
        Assert.HasCount(1, NormalizationRewriter.Rewrite(model, NormalizationRewrite.ToInstanceNorm).Report.Findings);
        model.SetMetadata("adabn.reference", "whatever");
        Assert.Contains("measure them again ('adabn reference')", NormalizationRewriter.Rewrite(model, NormalizationRewrite.ToInstanceNorm).Report.Findings[1]);
    }

    [TestMethod]
    public void What_cannot_be_rewritten_stays_with_the_reason()
    {
        string Left(ModelBuilder builder, string name, NormalizationRewrite? rewrite = null) =>
            NormalizationRewriter.Rewrite(builder.Build(), rewrite ?? NormalizationRewrite.ToInstanceNorm).Report.Layers.Single(layer => layer.Name == name).LeftBecause!;
        ModelBuilder Head() => Twin.Plain().BatchNorm("y", "z", 5).Output("z", -1, 5);
        Assert.Contains("has the shape [?, 5]: a sample has one number a channel, and its own statistics would leave nothing of it", Left(Head(), "z"));
        ModelBuilder even = Twin.Plain();
        even.Proto.BatchNorm(2).Attribute[0].F = 0;
        Assert.Contains("it adds 0 to the variance", Left(even, "n2"));
        ModelBuilder damaged = Twin.Plain();
        damaged.Proto.Initializer("bn1.var").RawData = ByteString.CopyFrom(ElementType.Float.Write([1, -1, 1, 1]));
        Assert.Contains("not all of its numbers are finite and its variances not negative", Left(damaged, "n1"));
        ModelBuilder made = Twin.Plain();
        made.Proto.Insert(made.Proto.BatchNorm(2), NodeOf("ReduceMean", ["x"], ["varying"], Ints("axes", 0, 1, 2), Int("keepdims", 0)));
        made.Proto.BatchNorm(2).Input[3] = "varying";
        Assert.Contains("'varying' is computed at run time", Left(made, "n2"));
        ModelBuilder written = Twin.Plain().Floats("m", [5, 1, 1], 1, 2, 3, 4, 5).Floats("e", [1], 1e-3f).Floats("v", [5, 1, 1], 1, 2, 3, 4, 5).Node("Sub", ["n2", "m"], ["c"]).Node("Add", ["v", "e"], ["ve"]).Node("Sqrt", ["ve"], ["s"]).Node("Div", ["c", "s"], ["w"]).Output("w", -1, 5, 2, 2);
        Assert.Contains("it is written out as Add, Sqrt, Sub, Div (export the model with BatchNormalization kept)", Left(written, "w"));
        ModelBuilder branch = Models.WithIf().BatchNorm("y", "z", 2).Node("Reshape", ["x", "image"], ["r"]).BatchNorm("r", "w", 1).Output("w", -1, 1, 2);
        branch.Graph.Initializer.Add([Twin.Integers("image", -1, 1, 2), new TensorProto { Name = "flag", DataType = (int)ElementType.Bool, RawData = ByteString.CopyFrom(0) }]);
        branch.Graph.Input.RemoveAt(1);
        Assert.Contains("it stands in a branch of If 'y', whose condition is constant", Left(branch, "normalized_out"));
    }

    [TestMethod]
    public void A_model_in_which_nothing_can_be_rewritten_is_refused_with_every_reason()
    {
        void Refuses(ModelBuilder builder, AdaptationError kind, string reason, NormalizationRewrite? rewrite = null)
        {
            AdaptationException error = Assert.ThrowsExactly<AdaptationException>(() => NormalizationRewriter.Rewrite(builder.Build(), rewrite ?? NormalizationRewrite.ToInstanceNorm));
            Assert.AreEqual(kind, error.Error);
            Assert.Contains(reason, error.Message);
        }
        Refuses(new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2), AdaptationError.UnsupportedForm, "No layer can be rewritten to instance normalization: 'y': its input has the shape [?, 2]");
        Refuses(Twin.Plain(6), AdaptationError.UnsupportedForm, "the model's operator set is 6, expected 7 or later");
        Refuses(Twin.Plain(), AdaptationError.NoBatchNormalization, "turns down every BatchNormalization", NormalizationRewrite.ToInstanceNorm with { LayerFilter = _ => false });
        Refuses(new ModelBuilder().Input("x", -1, 2).Node("Relu", ["x"], ["y"]).Output("y", -1, 2), AdaptationError.NoBatchNormalization, "The model has no BatchNormalization to rewrite. Export it again");
        Refuses(Models.WithIf(), AdaptationError.UnsupportedForm, "it sits in the body of If");
        Assert.ThrowsExactly<ArgumentException>(() => NormalizationRewriter.Rewrite(Twin.Plain().Build(), NormalizationRewrite.ToInstanceNorm with { FirstLayers = 0 }));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => NormalizationRewrite.ToBatchInstanceNorm(1.5));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => NormalizationRewrite.ToInstanceBatchNorm(0));
    }

    [TestMethod]
    public void The_shipped_classifier_reads_another_scanners_digits_better_with_its_first_layer_instance_normalized()
    {
        OnnxModel source = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
        OnnxModel rewritten = NormalizationRewriter.Rewrite(source, NormalizationRewrite.ToInstanceNorm with { FirstLayers = 1 }).Model;
        double Accuracy(OnnxModel model, (float[][] Images, int[] Labels) digits)
        {
            float[] scores = Scoring.Run(model, new Dictionary<string, (float[], int[])> { [model.Graph.RequiredInputs.Single().Name] = ([.. digits.Images.SelectMany(image => image)], [digits.Images.Length, 1, 28, 28]) });
            return scores.Chunk(10).Zip(digits.Labels, (row, label) => row[label] == row.Max() ? 100.0 : 0).Average();
        }
        Assert.AreEqual(63.6, Accuracy(source, ShippedDigits.Scans), 0.5);
        Assert.AreEqual(82.6, Accuracy(rewritten, ShippedDigits.Scans), 0.5);
        Assert.AreEqual(98.5, Accuracy(rewritten, ShippedDigits.Mnist), 0.5);
    }

    /// <summary>Without the layers' own nodes and tensors, and those written for them, both files are the same.</summary>
    private static void RequireNothingElseChanged(OnnxModel source, RewriteResult result, string file)
    {
        string[] layers = [.. result.Report.Layers.Where(layer => layer.LeftBecause is null).Select(layer => layer.Name)];
        HashSet<string> outputs = [.. source.Graph.Nodes.Where(node => node.Is(BatchNormalization.OpType) && layers.Contains(node.DisplayName)).Select(node => node.Outputs[0]!.Name)];
        Assert.HasCount(layers.Length, outputs, file);
        ModelProto before = ModelProto.Parser.ParseFrom(source.ToBytes()), after = ModelProto.Parser.ParseFrom(result.Model.ToBytes());
        HashSet<string> known = [.. before.Graph.Node.SelectMany(node => node.Output), .. before.Graph.Initializer.Select(tensor => tensor.Name), .. before.Graph.Input.Select(input => input.Name)];
        HashSet<string> parameters = [.. before.Graph.Node.Where(node => outputs.Contains(node.Output[0])).SelectMany(node => node.Input.Skip(1))];
        while (before.Graph.Node.FirstOrDefault(node => node.Output.Any(parameters.Contains) && !node.Input.All(parameters.Contains)) is { } made) parameters.UnionWith(made.Input);
        bool IsLayers(NodeProto node) => node.Output.Any(output => outputs.Contains(output) || parameters.Contains(output) || !known.Contains(output));
        foreach (ModelProto model in (ModelProto[])[before, after])
        {
            foreach (NodeProto node in model.Graph.Node.Where(IsLayers).ToArray()) model.Graph.Node.Remove(node);
            foreach (TensorProto tensor in model.Graph.Initializer.Where(tensor => parameters.Contains(tensor.Name) || !known.Contains(tensor.Name)).ToArray()) model.Graph.Initializer.Remove(tensor);
            foreach (ValueInfoProto info in model.Graph.ValueInfo.Where(info => parameters.Contains(info.Name)).ToArray()) model.Graph.ValueInfo.Remove(info);
            foreach (StringStringEntryProto note in model.MetadataProps.Where(entry => entry.Key == "adabn.rewrite").ToArray()) model.MetadataProps.Remove(note);
        }
        Assert.AreEqual(before, after, file);
    }
}
