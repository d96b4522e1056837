using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>Inputs of every make: who reads them, what else the model has, and which are declined.</summary>
[TestClass]
public sealed class PixelFormTests
{
    private const double FloatRounding = 1e-6;

    [TestMethod]
    public void Convs_that_share_weights_and_bias_with_others_get_copies()
    {
        // Two Convs read x, with one pair of parameters between them; a third, deeper one reads the same weights.
        OnnxModel model = new ModelBuilder().Input("x", -1, 2, 5).Floats("w", [2, 2, 1], 1, 2, -1, 1).Floats("b", [2], 0.5f, -0.5f)
            .Node("Conv", ["x", "w", "b"], ["c1"]).Node("Conv", ["x", "w", "b"], ["c2"]).Node("Add", ["c1", "c2"], ["s"]).Node("Conv", ["s", "w"], ["y"]).Output("y", -1, 2, 5).Build();
        float[][] source = Rows(1, 10, 0, 1), target = Rows(2, 10, 3, 2);
        OnnxModel adapted = Adapt(model, SampleSource.FromArrays(source, 2, 5), SampleSource.FromArrays(target, 2, 5)).Model;
        Assert.HasCount(4, adapted.Graph.Nodes);
        CollectionAssert.AreEqual(new[] { 1f, 2, -1, 1 }, adapted.Graph.Nodes[3].Inputs[1]!.Initializer!.ToFloatArray());
        AssertSame(Run(model, Aligned(target, source, 2), [2, 5]), Run(adapted, target, [2, 5]));
    }

    [TestMethod]
    public void A_reader_that_is_no_Conv_keeps_all_weights_as_they_are()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2, 5).Floats("w", [2, 2, 1], 1, 2, -1, 1).Node("Conv", ["x", "w"], ["c"]).Node("Add", ["c", "x"], ["y"]).Output("y", -1, 2, 5).Build();
        float[][] source = Rows(1, 10, 0, 1), target = Rows(2, 10, 3, 2);
        OnnxModel adapted = Adapt(model, SampleSource.FromArrays(source, 2, 5), SampleSource.FromArrays(target, 2, 5)).Model;
        CollectionAssert.AreEqual(new[] { "Mul", "Add", "Conv", "Add" }, adapted.Graph.Nodes.Select(node => node.OpType).ToArray());
        AssertSame(Run(model, Aligned(target, source, 2), [2, 5]), Run(adapted, target, [2, 5]));
    }

    [TestMethod]
    public void A_Mul_and_an_Add_of_its_own_take_it_in_unless_others_see_them()
    {
        ModelBuilder Model(params string[] outputs)
        {
            ModelBuilder builder = new ModelBuilder().Input("x", -1, 2, 5).Floats("s", [1, 2, 1], 2, 0.25f).Floats("t", [1, 2, 1], -1, 3).Node("Mul", ["x", "s"], ["m"]).Node("Add", ["m", "t"], ["a"]).Node("Relu", ["a"], ["y"]);
            return outputs.Aggregate(builder, (model, output) => model.Output(output, -1, 2, 5));
        }
        float[][] source = Rows(1, 10, 0, 1), target = Rows(2, 10, 3, 2);
        foreach ((string[] outputs, int nodes) in (ReadOnlySpan<(string[], int)>)[(["y"], 3), (["y", "m"], 5)])
        {
            OnnxModel model = Model(outputs).Build();
            AdaptationResult result = Adapt(model, SampleSource.FromArrays(source, 2, 5), SampleSource.FromArrays(target, 2, 5));
            Assert.HasCount(nodes, result.Model.Graph.Nodes);
            Assert.AreEqual(nodes == 3, result.Report.Findings.Any(finding => finding.Contains("in the constants of Mul 'm' and Add 'a'", StringComparison.Ordinal)));
            AssertSame(Run(model, Aligned(target, source, 2), [2, 5]), Run(result.Model, target, [2, 5]));
        }
    }

    [TestMethod]
    public void An_input_that_is_an_output_too_is_given_back_as_it_came()
    {
        ModelBuilder builder = new ModelBuilder().Output("x", -1, 3);
        builder.Input("x", -1, 3).Floats("w", [3, 2], 1, 2, 3, -4, 5, 6).Node("MatMul", ["x", "w"], ["y"]).Output("y", -1, 2);
        OnnxModel adapted = Adapt(builder.Build(), PixelTests.Flat(0), PixelTests.Flat(1)).Model;
        CollectionAssert.AreEqual(PixelTests.FlatRows(1).SelectMany(row => row).ToArray(), Run(adapted, PixelTests.FlatRows(1), [3]));
        Assert.IsTrue(adapted.Graph.Nodes.Any(node => node.Is("Mul")));
    }

    [TestMethod]
    public void Each_number_of_a_flat_input_is_a_channel_and_that_is_told()
    {
        AdaptationResult result = Adapt(PixelTests.Linear(), PixelTests.Flat(0), PixelTests.Flat(1));
        Assert.Contains("each of its 3 numbers, taken for a channel each, is aligned", string.Join('\n', result.Report.Findings));
        AssertSame(Run(PixelTests.Linear(), Aligned(PixelTests.FlatRows(1), PixelTests.FlatRows(0), 3), [3]), Run(result.Model, PixelTests.FlatRows(1), [3]));
    }

    [TestMethod]
    public void Bodies_of_If_read_the_aligned_input_too()
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 3).Input("flag", ElementType.Bool);
        GraphProto Branch(string opType)
        {
            var graph = new GraphProto { Name = opType };
            graph.Node.Add(NodeOf("Identity", ["x"], [$"{opType}_in"]));
            graph.Node.Add(NodeOf(opType, [$"{opType}_in", "x"], [$"{opType}_out"]));
            graph.Output.Add(new ValueInfoProto { Name = $"{opType}_out" });
            return graph;
        }
        OnnxModel model = builder.Node("If", ["flag"], ["y"], SubGraph("then_branch", Branch("Add")), SubGraph("else_branch", Branch("Mul"))).Output("y", -1, 3).Build();
        OnnxModel adapted = Adapt(model, PixelTests.Flat(0), PixelTests.Flat(1)).Model;
        Assert.IsTrue(adapted.Graph.Nodes[^1].Captures.Single().Name.StartsWith("x.aligned", StringComparison.Ordinal));
        float[][] rows = PixelTests.FlatRows(1), aligned = Aligned(rows, PixelTests.FlatRows(0), 3);
        foreach (bool flag in (bool[])[true, false]) AssertSame(RunIf(model, aligned, flag), RunIf(adapted, rows, flag));
    }

    [TestMethod]
    public void Several_inputs_are_aligned_together_or_one_by_one()
    {
        OnnxModel model = new ModelBuilder().Input("a", -1, 2, 5).Input("b", -1, 2, 5).Input("flag", ElementType.Bool).Floats("w", [2, 2, 1], 1, 2, -1, 1)
            .Node("Conv", ["a", "w"], ["c"]).Node("Mul", ["c", "b"], ["y"]).Output("y", -1, 2, 5).Build();
        float[][] sourceA = Rows(1, 10, 0, 1), sourceB = Rows(3, 10, 1, 1), targetA = Rows(2, 10, 3, 2), targetB = Rows(4, 10, -1, 4);
        ISampleSource Both(float[][] a, float[][] b) => SampleSource.FromArrays([new SampleInput("a", [2, 5]), new SampleInput("b", [2, 5])], a.Zip(b, (one, other) => new[] { one, other }));
        float[] RunBoth(OnnxModel scored, float[][] a, float[][] b) => Scoring.Run(scored, new Dictionary<string, (float[], int[])>
            { ["a"] = ([.. a.SelectMany(row => row)], [a.Length, 2, 5]), ["b"] = ([.. b.SelectMany(row => row)], [b.Length, 2, 5]) });

        CollectionAssert.AreEqual(new[] { ("a", true), ("b", true), ("flag", false) }, ReferenceStatistics.MeasurableInputs(model).Select(input => (input.Name, input.CanAdapt)).ToArray());
        OnnxModel plain = new ModelBuilder().Input("a", -1, 2, 5).Input("b", -1, 2, 5).Floats("w", [2, 2, 1], 1, 2, -1, 1).Node("Conv", ["a", "w"], ["c"]).Node("Mul", ["c", "b"], ["y"]).Output("y", -1, 2, 5).Build();
        ReferenceStatistics reference = ReferenceStatistics.MeasurePixels(plain, Both(sourceA, sourceB));
        OnnxModel both = BatchNormAdapter.Adapt(plain, Both(targetA, targetB), PaperAdaBN.Options with { Reference = reference }).Model;
        AssertSame(RunBoth(plain, Aligned(targetA, sourceA, 2), Aligned(targetB, sourceB, 2)), RunBoth(both, targetA, targetB));
        CollectionAssert.AreEqual(new[] { "Mul", "Add", "Conv", "Mul" }, both.Graph.Nodes.Select(node => node.OpType).ToArray());

        OnnxModel one = BatchNormAdapter.Adapt(plain, Both(targetA, targetB), PaperAdaBN.Options with { Reference = reference, LayerFilter = input => input.Name == "a" }).Model;
        AssertSame(RunBoth(plain, Aligned(targetA, sourceA, 2), targetB), RunBoth(one, targetA, targetB));
        ReferenceStatistics ofB = ReferenceStatistics.MeasurePixels(plain, SampleSource.FromArrays([new SampleInput("b", [2, 5])], sourceB.Select(row => new[] { row })), new AdaptationOptions { LayerFilter = input => input.Name == "b" });
        Assert.AreEqual("b", ofB.Layers.Single().Output);
    }

    [TestMethod]
    [DataRow(7, 3)]
    [DataRow(8, 3)]
    [DataRow(9, 4)]
    [DataRow(13, 7)]
    [DataRow(20, 9)]
    public void Every_opset_that_broadcasts_works_alike_and_passes_the_checker(int opset, int irVersion)
    {
        List<OnnxModel> models = [];
        foreach (int pad in (int[])[0, 1])
        {
            var network = new PixelNetwork(pad, HasBias: pad == 1);
            ModelBuilder builder = network.Plain(opset, irVersion);
            if (irVersion < 4) foreach (TensorProto tensor in builder.Graph.Initializer) builder.Input(tensor.Name, [.. tensor.Dims]);
            OnnxModel adapted = PixelTests.Adapt(builder.Build(), PixelNetwork.Target).Model;
            models.Add(adapted);
            Assert.IsLessThan(FloatRounding, FoldedTwin.Difference(network.ExpectedScores(PixelNetwork.Target, PixelNetwork.Source), PixelNetwork.Score(adapted, PixelNetwork.Target)));
            if (irVersion < 4) Assert.IsTrue(adapted.Graph.Initializers.All(initializer => initializer.Value.IsGraphInput));
        }
        const int knownToEveryChecker = 13;
        if (OnnxChecker.IsInstalled && opset <= knownToEveryChecker) Assert.AreEqual(models.Count, OnnxChecker.Check(models));
    }

    [TestMethod]
    public void Beside_BatchNormalization_it_is_the_first_layer_and_the_others_see_aligned_pixels()
    {
        OnnxModel model = Twin.Plain().Build();
        float[][] light = [.. Twin.Images.Select(image => image.Select((value, i) => (value * (1 + (i % 3))) + 0.5f).ToArray())];
        ISampleSource source = Twin.Source, target = SampleSource.FromArrays(light, 3, 6, 6);
        var options = PaperAdaBN.Options with { Reference = ReferenceStatistics.MeasurePixels(model, source) };
        AdaptationResult together = BatchNormAdapter.Adapt(model, target, options);
        CollectionAssert.AreEqual(new[] { ("x", 0), ("n1", 1), ("n2", 2) }, together.Report.Layers.Select(layer => (layer.Name, layer.Depth)).ToArray());

        OnnxModel pixels = BatchNormAdapter.Adapt(model, target, options with { LayerFilter = layer => layer.IsInput }).Model;
        OnnxModel oneByOne = BatchNormAdapter.Adapt(OnnxModel.FromBytes(pixels.ToBytes()), target, PaperAdaBN.Options).Model;
        AssertSame(ScoreTwin(oneByOne, light), ScoreTwin(together.Model, light), 1e-5);
        OnnxModel plain = BatchNormAdapter.Adapt(model, target, options with { LayerFilter = layer => !layer.IsInput }).Model;
        CollectionAssert.AreEqual(BatchNormAdapter.Adapt(model, target, PaperAdaBN.Options).Model.Graph.Initializers.SelectMany(initializer => initializer.ToSerializedBytes()).ToArray(),
            plain.Graph.Initializers.SelectMany(initializer => initializer.ToSerializedBytes()).ToArray());
    }

    [TestMethod]
    public void Beside_folded_layers_one_reference_holds_both()
    {
        FoldedTwin twin = FoldedTwin.Small;
        ReferenceStatistics folded = twin.Measure(), pixels = ReferenceStatistics.MeasurePixels(twin.Folded, twin.Source);
        ReferenceStatistics Of(OnnxModel model, params IEnumerable<ReferenceLayer> layers) => new(model.ComputationSha256(), model.Sha256, folded.Samples, folded.ToolVersion, [.. layers]);
        OnnxModel carrier = twin.Folded.Clone();
        Of(carrier, [.. pixels.Layers, .. folded.Layers]).EmbedIn(carrier);
        AdaptationResult together = BatchNormAdapter.Adapt(carrier, twin.Target, PaperAdaBN.Options);
        Assert.HasCount(folded.Layers.Count + 1, together.Report.Layers);
        Assert.Contains($"{folded.Layers.Count} of {folded.Layers.Count + 1} layers had their BatchNormalization folded in", string.Join('\n', together.Report.Findings));

        AdaptationResult first = BatchNormAdapter.Adapt(twin.Folded, twin.Target, PaperAdaBN.Options with { Reference = pixels });
        Assert.Contains($"{folded.Layers.Count} layers look as if a BatchNormalization had been folded into them and stay as they are", string.Join('\n', first.Report.Findings));
        OnnxModel then = OnnxModel.FromBytes(first.Model.ToBytes());
        double[] oneByOne = [.. twin.Logits(BatchNormAdapter.Adapt(then, twin.Target, PaperAdaBN.Options with { Reference = Of(then, folded.Layers) }).Model)];
        Assert.IsLessThan(1e-5, FoldedTwin.Difference(oneByOne, twin.Logits(together.Model)));

        // The reference that the result carries leads back to the source, inputs and layers alike.
        OnnxModel back = BatchNormAdapter.Adapt(OnnxModel.FromBytes(together.Model.ToBytes()), twin.Source, PaperAdaBN.Options).Model;
        Assert.IsLessThan(1e-4, FoldedTwin.Difference([.. twin.Logits(twin.Folded, "source.npy")], twin.Logits(back, "source.npy")));
    }

    [TestMethod]
    public void One_Conv_takes_in_its_aligned_input_and_its_own_folded_statistics()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2, 5).Floats("w", [3, 2, 1], 1, 2, -1, 1, 0.5f, -2).Floats("b", [3], 0.5f, -0.5f, 1)
            .Node("Conv", ["x", "w", "b"], ["c"]).Node("Relu", ["c"], ["y"]).Output("y", -1, 3, 5).Build();
        float[][] source = Rows(1, 10, 0, 1), target = [.. Rows(2, 10, 3, 2).Select(row => row.Select((value, i) => i < 5 ? value : (0.3f * value) - row[i - 5]).ToArray())];
        ISampleSource sourceSamples = SampleSource.FromArrays(source, 2, 5), targetSamples = SampleSource.FromArrays(target, 2, 5);
        ReferenceLayer pixels = ReferenceStatistics.MeasurePixels(model, sourceSamples).Layers.Single(), conv = ReferenceStatistics.Measure(model, sourceSamples, new AdaptationOptions { LayerFilter = _ => true }).Layers.Single();
        OnnxModel Adapted(OnnxModel from, params ReferenceLayer[] layers) => BatchNormAdapter.Adapt(from, targetSamples,
            PaperAdaBN.Options with { Reference = new ReferenceStatistics(from.ComputationSha256(), from.Sha256, source.Length, "1", layers) }).Model;
        OnnxModel together = Adapted(model, pixels, conv), oneByOne = Adapted(OnnxModel.FromBytes(Adapted(model, pixels).ToBytes()), conv);
        Assert.HasCount(2, together.Graph.Nodes);
        AssertSame(Run(oneByOne, target, [2, 5]), Run(together, target, [2, 5]), 1e-5);
        Assert.IsGreaterThan(0.01, FoldedTwin.Difference([.. Run(Adapted(model, conv), target, [2, 5])], Run(together, target, [2, 5]))); // the input counts, too
    }

    [TestMethod]
    public void A_patch_carries_it_and_a_bank_declines_it()
    {
        OnnxModel model = new PixelNetwork(Pad: 1).Plain().Build();
        PixelTests.Measure(model).EmbedIn(model);
        model = OnnxModel.FromBytes(model.ToBytes());
        AdaptationResult result = BatchNormAdapter.Adapt(model, PixelNetwork.Samples(PixelNetwork.Target), PaperAdaBN.Options);
        using var folder = new TemporaryFolder();
        result.ToPatch("other light").Save(folder.File("patch"));
        DomainPatch patch = DomainPatch.Load(folder.File("patch"));
        CollectionAssert.AreEqual(result.Model.ToBytes(), patch.ApplyTo(model).ToBytes());
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => DomainBank.Of(model).With(patch));
        Assert.AreEqual(AdaptationError.UnsupportedForm, e.Error);
        Assert.Contains("'x' is an input, and a bank corrects layers only", e.Message);

        OnnxModel twin = Twin.Plain().Build();
        OnnxModel bank = DomainBank.Of(twin).With(BatchNormAdapter.Adapt(twin, Twin.Source, PaperAdaBN.Options).ToPatch("site")).ToModel();
        Assert.Contains("bank of domains", Assert.ThrowsExactly<AdaptationException>(() => ReferenceStatistics.MeasurePixels(bank, Twin.Source)).Message);
    }

    [TestMethod]
    public void Inputs_that_cannot_be_aligned_are_declined_with_the_mend()
    {
        ModelBuilder Transposed(params long[] dims) => new ModelBuilder().Input("x", dims).Node("Transpose", ["x"], ["t"], Ints("perm", 0, 3, 1, 2)).Node("Relu", ["t"], ["y"]).Output("y");
        var withBody = new ModelBuilder().Input("x", -1, 2).Input("flag", ElementType.Bool);
        GraphProto body = new() { Name = "as it is", Output = { new ValueInfoProto { Name = "x" } } };
        withBody.Node("If", ["flag"], ["y"], SubGraph("then_branch", body), SubGraph("else_branch", body)).Output("y", -1, 2);
        (string Because, string Mend, ModelBuilder Model)[] cases =
        [
            ("looks as if channels came last", "--inputs-as-nchw", Transposed(-1, 8, 8, 6)),
            ("looks as if channels came last", "channels first", new ModelBuilder().Input("x", -1, 8, 8, 3).Node("Relu", ["x"], ["y"]).Output("y")),
            ("does not tell how many channels", "fixed number of channels", new ModelBuilder().Input("x", -1, -1, 8, 8).Node("Relu", ["x"], ["y"]).Output("y")),
            ("does not tell how many channels", "fixed number of channels", new ModelBuilder().Input("x", -1).Node("Relu", ["x"], ["y"]).Output("y")),
            ("operator set 6 has no Mul and Add", "operator set 7 or later", new ModelBuilder(opset: 6).Input("x", -1, 3, 8, 8).Node("Relu", ["x"], ["y"]).Output("y")),
            ("declared as UInt8 [N, 3, 8, 8]", "leave the input out", new ModelBuilder().Input("x", ElementType.UInt8, -1, 3, 8, 8).Node("Cast", ["x"], ["y"], Int("to", 1)).Output("y")),
            ("no node reads it", "leave the input out", new ModelBuilder().Input("x", -1, 3).Input("z", ElementType.Bool, -1, 3).Node("Not", ["z"], ["y"]).Output("y")),
            ("a body of If 'y' returns it as it is", "Identity", withBody),
        ];
        foreach ((string because, string mend, ModelBuilder builder) in cases)
        {
            AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => ReferenceStatistics.MeasurePixels(builder.Build(), PixelTests.Flat(0)));
            Assert.AreEqual(AdaptationError.UnsupportedForm, e.Error);
            Assert.Contains(because, e.Message);
            Assert.Contains(mend, e.Message);
            NormalizationLayer declined = ReferenceStatistics.MeasurableInputs(builder.Build())[0];
            Assert.IsTrue(declined is { IsInput: true, CanAdapt: false }, declined.ToString());
        }
        AdaptationException none = Assert.ThrowsExactly<AdaptationException>(() => ReferenceStatistics.MeasurePixels(PixelTests.Linear(), PixelTests.Flat(0), new AdaptationOptions { LayerFilter = _ => false }));
        Assert.Contains("turns down every input", none.Message);
    }

    [TestMethod]
    public void A_reference_of_an_input_that_cannot_be_aligned_is_refused()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 8, 8, 3).Node("Relu", ["x"], ["y"]).Output("y").Build();
        var reference = new ReferenceStatistics(model.ComputationSha256(), model.Sha256, 1, "1", [new ReferenceLayer("x", "x", [0, 0, 0], [1, 1, 1])]);
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(model, SampleSource.FromArrays(Rows(1, 192, 0, 1), 8, 8, 3), PaperAdaBN.Options with { Reference = reference }));
        Assert.AreEqual(AdaptationError.InvalidReference, e.Error);
        Assert.Contains("hold 3 channels of layer 'x', which has 0", e.Message);
    }

    [TestMethod]
    public void Inspection_lists_inputs_where_a_reference_holds_them()
    {
        OnnxModel model = new PixelNetwork().Plain().Build();
        Assert.IsFalse(NormalizationDiscovery.Inspect(model).Any(layer => layer.IsInput));
        NormalizationLayer listed = NormalizationDiscovery.Inspect(model, PixelTests.Measure(model)).Single(layer => layer.IsInput);
        Assert.AreEqual(("x", "Input", PixelNetwork.Channels, 0, true), (listed.Name, listed.Form, listed.Channels!.Value, listed.Depth!.Value, listed.CanAdapt));
    }

    private static AdaptationResult Adapt(OnnxModel model, ISampleSource source, ISampleSource target) =>
        BatchNormAdapter.Adapt(model, target, PaperAdaBN.Options with { Reference = ReferenceStatistics.MeasurePixels(model, source) });

    private static float[][] Rows(int seed, int length, float shift, float scale) => [.. Enumerable.Range(0, 40).Select(i => Twin.Numbers((seed * 100) + i, length, shift - scale, shift + scale))];

    /// <summary>In double: each channel of the rows brought to the source's mean and variance.</summary>
    private static float[][] Aligned(float[][] rows, float[][] source, int channels)
    {
        (double Mean, double Variance)[] Moments(float[][] images) =>
        [
            .. Enumerable.Range(0, channels).Select(c =>
            {
                double[] values = [.. images.SelectMany(image => image.Chunk(image.Length / channels).ElementAt(c)).Select(value => (double)value)];
                return (values.Average(), values.Average(value => Math.Pow(value - values.Average(), 2)));
            }),
        ];
        (double Mean, double Variance)[] from = Moments(rows), to = Moments(source);
        double epsilon = 1e-5 * to.Average(channel => channel.Variance);
        return [.. rows.Select(row => row.Select((value, i) =>
        {
            int c = i / (row.Length / channels);
            return (float)(((value - from[c].Mean) * Math.Sqrt((to[c].Variance + epsilon) / (from[c].Variance + epsilon))) + to[c].Mean);
        }).ToArray())];
    }

    private static float[] Run(OnnxModel model, float[][] rows, int[] shape) =>
        Scoring.Run(OnnxModel.FromBytes(model.ToBytes()), new Dictionary<string, (float[], int[])> { ["x"] = ([.. rows.SelectMany(row => row)], [rows.Length, .. shape]) });

    private static float[] ScoreTwin(OnnxModel model, float[][] images) => Run(model, images, [3, 6, 6]);

    private static float[] RunIf(OnnxModel model, float[][] rows, bool flag)
    {
        using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(model.ToBytes());
        using var x = Microsoft.ML.OnnxRuntime.OrtValue.CreateTensorValueFromMemory([.. rows.SelectMany(row => row)], [rows.Length, 3]);
        using var condition = Microsoft.ML.OnnxRuntime.OrtValue.CreateTensorValueFromMemory([flag], []);
        using var options = new Microsoft.ML.OnnxRuntime.RunOptions();
        using var outputs = session.Run(options, new Dictionary<string, Microsoft.ML.OnnxRuntime.OrtValue> { ["x"] = x, ["flag"] = condition }, ["y"]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static void AssertSame(float[] expected, float[] actual, double tolerance = FloatRounding) => Assert.IsLessThan(tolerance, FoldedTwin.Difference([.. expected], actual));
}
