using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Models and data that cannot be used: each gets its own error, which says what, where and how to mend it.</summary>
[TestClass]
public sealed class RefusalTests
{
    [TestMethod]
    public void No_BatchNormalization_says_that_exporters_fold_it_and_how_to_export_again()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2).Node("Relu", ["x"], ["y"]).Output("y", -1, 2).Build();
        string message = Refused(AdaptationError.NoBatchNormalization, model, Rows(2));
        Assert.Contains("fold", message);
        Assert.Contains("TrainingMode.PRESERVE", message);
    }

    [TestMethod]
    public void A_filter_that_leaves_nothing_is_refused() =>
        Assert.Contains("filter", Refused(AdaptationError.NoBatchNormalization, Plain(), Rows(2), PaperAdaBN.Options with { LayerFilter = _ => false }));

    [TestMethod]
    public void No_sample_is_refused() => Refused(AdaptationError.EmptyData, Plain(), SampleSource.FromArrays([], 2));

    [TestMethod]
    public void One_value_a_channel_has_no_sample_variance() =>
        Refused(AdaptationError.EmptyData, Plain(), Rows(2, count: 1), PaperAdaBN.Options with { Variance = VarianceKind.Sample });

    [TestMethod]
    public void Wrong_shape_names_the_input_and_what_it_takes()
    {
        string message = Refused(AdaptationError.InputMismatch, Plain(), Rows(3));
        Assert.Contains("'x'", message);
        Assert.Contains("(2)", message);
    }

    [TestMethod]
    public void Wrong_input_name_lists_the_model_inputs()
    {
        ISampleSource source = SampleSource.FromArrays([new SampleInput("picture", [2])], [[[1f, 2f]]]);
        string message = Refused(AdaptationError.InputMismatch, Plain(), source);
        Assert.Contains("'picture'", message);
        Assert.Contains("x: Float [N, 2]", message);
    }

    [TestMethod]
    public void A_missing_input_is_named()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2).Input("z", -1, 2).Node("Add", ["x", "z"], ["a"]).BatchNorm("a", "y", 2).Output("y", -1, 2).Build();
        Assert.Contains("'z'", Refused(AdaptationError.InputMismatch, model, SampleSource.FromArrays([new SampleInput("x", [2])], [[[1f, 2f]]])));
    }

    [TestMethod]
    public void A_sample_of_another_length_is_named_by_its_number() =>
        Assert.Contains("Sample 1 ", Refused(AdaptationError.InputMismatch, Plain(), SampleSource.FromArrays([[1f, 2f], [1f]], 2)));

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    public void NaN_and_infinity_in_the_data_are_found_at_their_place(float bad)
    {
        string message = Refused(AdaptationError.NonFinite, Plain(), SampleSource.FromArrays([[1f, 2f], [3f, bad]], 2));
        Assert.Contains("Sample 1 ", message);
        Assert.Contains("element 1", message);
    }

    [TestMethod]
    public void Large_finite_data_whose_sum_overflows_is_no_infinity()
    {
        AdaptationReport report = BatchNormAdapter.Adapt(Plain(), SampleSource.FromArrays([[3e38f, 3e38f], [3e38f, 3e38f]], 2), PaperAdaBN.Options).Report;
        Assert.AreEqual(3e38, report.Layers[0].TargetMean[0], 1e32);
    }

    [TestMethod]
    public void NaN_made_by_the_model_names_the_layer()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2).Node("Log", ["x"], ["log"]).BatchNorm("log", "y", 2).Output("y", -1, 2).Build();
        string message = Refused(AdaptationError.NonFinite, model, SampleSource.FromArrays([[1f, 2f], [1f, -2f]], 2));
        Assert.Contains("'y'", message);
        Assert.Contains("channel 1", message);
    }

    [TestMethod]
    public void A_variance_beyond_float32_is_refused_not_written() =>
        Refused(AdaptationError.NonFinite, Plain(), SampleSource.FromArrays([[-3e38f, 0f], [3e38f, 0f]], 2));

    [TestMethod]
    [DataRow(9)]
    [DataRow(14)]
    public void Training_form_whose_statistics_are_read_is_declined_with_the_mend(int opset)
    {
        ModelBuilder builder = new ModelBuilder(opset).Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2).Output("m", 2);
        if (opset == 14) builder.Graph.Node[0].Attribute.Add(ModelBuilder.Int("training_mode", 1));
        builder.Graph.Node[0].Output.Add(["m", "v"]);
        string message = Unsupported(builder);
        Assert.Contains("'m', a statistic of each batch, is read by the caller", message);
        Assert.Contains("eval mode", message);
    }

    [TestMethod]
    public void A_layer_left_out_that_stays_in_training_form_is_told()
    {
        ModelBuilder builder = new ModelBuilder(opset: 14).Input("x", -1, 2).BatchNorm("x", "h", 2).BatchNorm("h", "y", 2).Output("y", -1, 2).Output("m", 2);
        builder.Graph.Node[0].Attribute.Add(ModelBuilder.Int("training_mode", 1));
        builder.Graph.Node[0].Output.Add(["m", "v"]);
        var options = PaperAdaBN.Options with { LayerFilter = layer => layer.Name == "y" };
        AdaptationReport report = BatchNormAdapter.Adapt(builder.Build(), SampleSource.FromArrays([[1f, 2f], [3f, 5f], [4f, 4f]], 2), options).Report;
        Assert.Contains("Layer 'h' stays in training form", string.Join('\n', report.Findings));
    }

    [TestMethod]
    public void Statistics_for_each_activation_are_declined() =>
        Assert.Contains("spatial", Unsupported(new ModelBuilder(opset: 7).Input("x", -1, 2).BatchNorm("x", "y", 2, ModelBuilder.Int("spatial", 0)).Output("y", -1, 2)));

    [TestMethod]
    public void Parameters_computed_at_run_time_are_declined_by_name()
    {
        foreach (string[] computing in (string[][])[["ReduceMean", "x"], ["RandomUniform"]])
        {
            ModelBuilder builder = new ModelBuilder().Input("x", -1, 2).Floats("one", [2], 1, 1).Node("BatchNormalization", ["x", "one", "one", "computed", "one"], ["y"]).Output("y", -1, 2);
            builder.Node(computing[0], computing[1..], ["computed"], computing.Length == 1 ? ModelBuilder.Ints("shape", 2) : ModelBuilder.Ints("axes", 0));
            Assert.Contains($"'computed' is computed at run time by {computing[0]}", Unsupported(builder));
        }
    }

    [TestMethod]
    public void Parameters_of_another_shape_or_length_are_declined()
    {
        ModelBuilder Of(long[] shape) => new ModelBuilder().Input("x", -1, 2).Floats("one", [2], 1, 1).Floats("m", shape, ModelBuilder.Filled((int)shape[^1], 0))
            .Node("BatchNormalization", ["x", "one", "one", "m", "one"], ["y"]).Output("y", -1, 2);
        Assert.Contains("'m' has the shape [1, 2]", Unsupported(Of([1, 2])));
        Assert.Contains("for 2 and 3 channels", Unsupported(Of([3])));
    }

    [TestMethod]
    public void Parameters_that_no_constant_operator_makes_are_declined() =>
        Assert.Contains("'m' is a constant that cannot be computed", Unsupported(new ModelBuilder().Input("x", -1, 2).Floats("one", [2], 1, 1)
            .Node("NoSuchOperator", ["one"], ["m"]).Node("BatchNormalization", ["x", "one", "one", "m", "one"], ["y"]).Output("y", -1, 2)));

    [TestMethod]
    public void A_layer_inside_a_branch_is_declined_and_may_be_left_out()
    {
        Assert.Contains("body of If 'y'", Unsupported(Models.WithIf()));
        NormalizationLayer layer = NormalizationDiscovery.Inspect(Models.WithIf().Build()).Single();
        Assert.IsFalse(layer.CanAdapt);
        Assert.AreEqual("normalized_out", layer.Name);
    }

    [TestMethod]
    public void What_ONNX_Runtime_refuses_is_said_with_its_own_words()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2).Node("NoSuchOperator", ["x"], ["a"]).BatchNorm("a", "y", 2).Output("y", -1, 2).Build();
        Assert.Contains("NoSuchOperator", Refused(AdaptationError.ModelRefused, model, Rows(2)));
    }

    [TestMethod]
    public void A_layer_fed_other_channels_than_it_has_parameters_for_is_refused()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 4).Floats("unused", [1], 0).Node("Identity", ["x"], ["a"]).BatchNorm("a", "y", 2).Output("y", -1, 4).Build();
        Assert.Contains("fed 4 channels", Refused(AdaptationError.UnsupportedForm, model, Rows(4)));
    }

    [TestMethod]
    public void Normalizations_of_the_sample_itself_are_told_apart()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2, 4).Floats("s", [2], 1, 1).Floats("b", [2], 0, 0)
            .Node("InstanceNormalization", ["x", "s", "b"], ["i"]).BatchNorm("i", "y", 2).Output("y", -1, 2, 4).Build();
        IReadOnlyList<NormalizationLayer> layers = NormalizationDiscovery.Inspect(model);
        Assert.AreEqual("InstanceNormalization", layers[0].Form);
        Assert.IsFalse(layers[0].CanAdapt);
        Assert.IsTrue(layers[1] is { CanAdapt: true, Channels: 2, Depth: 0 });
        Assert.AreEqual(1, BatchNormAdapter.Adapt(model, SampleSource.FromArrays([[1, 2, 3, 4, 5, 6, 7, 9]], 2, 4), PaperAdaBN.Options).Report.Layers.Count);
    }

    private static OnnxModel Plain() => new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2).Build();

    private static ISampleSource Rows(int length, int count = 2) => SampleSource.FromArrays(Enumerable.Range(0, count).Select(i => ModelBuilder.Filled(length, i)).ToArray(), length);

    private static string Unsupported(ModelBuilder builder) => Refused(AdaptationError.UnsupportedForm, builder.Build(), Rows(2));

    private static string Refused(AdaptationError error, OnnxModel model, ISampleSource source, AdaptationOptions? options = null)
    {
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(model, source, options));
        Assert.AreEqual(error, e.Error, e.Message);
        return e.Message;
    }
}
