using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Google.Protobuf;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>What the doctor finds: the whole family of normalizations, as operators and written out.</summary>
[TestClass]
public sealed class InspectionTests
{
    [TestMethod]
    [DataRow("ReduceMean x m -1|Sub x m c|Pow c two q|ReduceMean q v -1|Add v e s|Sqrt s r|Div c r y", "LayerNormalization")]
    [DataRow("ReduceMean x m -1|Sub x m c|Sub x m c2|Pow c2 two q|ReduceMean q v -1|Add v e s|Sqrt s r|Div c r y", "LayerNormalization")]
    [DataRow("ReduceMean x m 1|Sub x m c|Mul c c q|ReduceMean q v 1|Add v e s|Sqrt s r|Reciprocal r i|Mul c i y", "LayerNormalization")]
    [DataRow("ReduceMean x m 2 3|Sub x m c|Pow c two q|ReduceMean q v 2 3|Add v e s|Sqrt s r|Div c r y", "InstanceNormalization")]
    [DataRow("Reshape x groups g|ReduceMean g m -1|Sub g m c|Pow c two q|ReduceMean q v -1|Add v e s|Sqrt s r|Div c r d|Reshape d image y", "GroupNormalization")]
    [DataRow("Reshape x groups g|InstanceNormalization g two3 two3 d|Reshape d image y", "GroupNormalization")]
    [DataRow("InstanceNormalization x two4 two4 y", "InstanceNormalization")]
    [DataRow("Pow x two q|ReduceMean q v -1|Add v e s|Sqrt s r|Div x r y", "RMSNormalization")]
    [DataRow("ReduceL2 x n 1|Clip n e n2|Div x n2 y", "LpNormalization")]
    [DataRow("LpNormalization x y", "LpNormalization")]
    [DataRow("MeanVarianceNormalization x y", "MeanVarianceNormalization")]
    [DataRow("LRN x y", "LRN")]
    public void Normalizations_of_the_sample_are_named_and_left_alone(string operators, string form)
    {
        OnnxModel model = Build(operators);
        NormalizationLayer layer = NormalizationDiscovery.Inspect(model).Single();
        Assert.AreEqual(form, layer.Form);
        Assert.AreEqual(operators.Contains('|', StringComparison.Ordinal), layer.Spelling is not null);
        Assert.IsFalse(layer.CanAdapt);
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(model, SampleSource.FromArrays([new float[4 * 6 * 6]], 4, 6, 6), PaperAdaBN.Options));
        Assert.AreEqual(AdaptationError.NoBatchNormalization, e.Error);
        Assert.Contains($"normalizes with {form}", e.Message);
        Assert.Contains("nothing to re-estimate", e.Message);
        Assert.IsNotEmpty(Scoring.Run(model, new Dictionary<string, (float[], int[])> { ["x"] = (Twin.Numbers(1, 288, -1, 1), [2, 4, 6, 6]) }), "ONNX Runtime takes the model of this test for one");
    }

    [TestMethod]
    public void Statistics_of_the_batch_computed_at_run_time_are_declined()
    {
        OnnxModel model = Build("ReduceMean x m 0 2 3|Sub x m c|Pow c two q|ReduceMean q v 0 2 3|Add v e s|Sqrt s r|Div c r y");
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(model, SampleSource.FromArrays([new float[4 * 6 * 6]], 4, 6, 6), PaperAdaBN.Options));
        Assert.AreEqual(AdaptationError.UnsupportedForm, e.Error);
        Assert.Contains("'y': it normalizes with each batch's own statistics, computed at run time (export the model in eval mode)", e.Message);
    }

    [TestMethod]
    [DataRow("Conv x w a|Mul a k1 p|Add p k2 y")]
    [DataRow("Sub x k1 c|Mul c k2 p|Add p k1 y")]
    public void A_bare_scale_and_shift_needs_reference_statistics(string operators)
    {
        OnnxModel model = Build(operators);
        NormalizationLayer layer = NormalizationDiscovery.Inspect(model).Single();
        Assert.AreEqual("Affine", layer.Form);
        Assert.Contains("reference statistics", layer.Mend!);
        Assert.Contains("1 scale-and-shift pair(s)", Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(model, SampleSource.FromArrays([new float[4 * 6 * 6]], 4, 6, 6), PaperAdaBN.Options)).Message);
    }

    [TestMethod]
    public void A_layer_tells_its_form_and_where_its_statistics_stand()
    {
        ModelProto model = Twin.Plain(opset: 14).Proto;
        model.BatchNorm(1).Attribute.Add(Int("training_mode", 1));
        model.Graph.Node.Insert(0, NodeOf("Constant", [], ["bn2.var"], Twin.Value(model.Take("bn2.var"))));
        NormalizationLayer[] layers = [.. NormalizationDiscovery.Inspect(OnnxModel.FromBytes(model.ToByteArray()))];
        Assert.AreEqual("training form", layers[0].Spelling);
        Assert.AreEqual("'bn1.mean', 'bn1.var'", layers[0].Statistics);
        Assert.AreEqual("parameters from Constant", layers[1].Spelling);
        Assert.IsTrue(layers.All(layer => layer.CanAdapt && layer.Mend is null));
        Assert.AreEqual("2 normalization layers, 2 of them with statistics to re-estimate.", NormalizationVerdict.Of(layers));
    }

    [TestMethod]
    public void Every_golden_model_is_plain_but_the_one_whose_equal_tensors_were_merged()
    {
        Assert.IsTrue(NormalizationDiscovery.Inspect(new GoldenCase("merged_equal").Model).All(layer => layer is { CanAdapt: true, Spelling: "parameters from Identity" }));
        foreach (string name in GoldenCase.Names.Select(name => (string)name[0]).Where(name => name != "merged_equal"))
            Assert.IsTrue(NormalizationDiscovery.Inspect(new GoldenCase(name).Model).All(layer => layer is { CanAdapt: true, Spelling: null, Form: "BatchNormalization" }), name);
    }

    private static OnnxModel Build(string operators)
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 4, 6, 6).Floats("two", [], 2).Floats("e", [], 1e-5f).Floats("two3", [3], 2, 2, 2).Floats("two4", [4], 2, 2, 2, 2)
            .Floats("w", [4, 4, 1, 1], Twin.Numbers(1, 16, -1, 1)).Floats("k1", [4, 1, 1], 1, 2, 3, 4).Floats("k2", [4, 1, 1], 4, 3, 2, 1);
        builder.Graph.Initializer.Add([Twin.Integers("groups", 0, 3, -1), Twin.Integers("image", -1, 4, 6, 6)]);
        foreach (string[] op in operators.Split('|').Select(op => op.Split(' ')))
        {
            long[] axes = [.. op[1..].Where(word => word[0] is '-' || char.IsDigit(word[0])).Select(word => long.Parse(word, System.Globalization.CultureInfo.InvariantCulture))];
            string[] names = [.. op[1..].Where(word => char.IsLetter(word[0]))];
            AttributeProto[] attributes = axes.Length > 0 ? [Ints("axes", axes)] : op[0] == "LRN" ? [Int("size", 3)] : [];
            builder.Node(op[0], names[..^1], [names[^1]], attributes);
        }
        return builder.Output("y").Build();
    }
}
