using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Google.Protobuf;

namespace AdaBN.Tests;

/// <summary>Models of other floating-point types: measured in float32, written back in their own.</summary>
[TestClass]
public sealed class PrecisionTests
{
    [TestMethod]
    [DataRow(ElementType.Float16)]
    [DataRow(ElementType.BFloat16)]
    public void Half_models_are_measured_as_their_float32_twin_and_written_in_their_own_type(ElementType type)
    {
        OnnxModel half = Convert(Twin.Plain(opset: 15, irVersion: 8).Proto, type);
        ModelProto rounded = Twin.Plain(opset: 15, irVersion: 8).Proto;
        for (int i = 0; i < rounded.Graph.Initializer.Count; i++) rounded.Graph.Initializer[i] = rounded.Graph.Initializer[i].As(type).As(ElementType.Float);
        AdaptationResult result = BatchNormAdapter.Adapt(half, Twin.Source, PaperAdaBN.Options);
        LayerReport first = BatchNormAdapter.Adapt(OnnxModel.FromBytes(rounded.ToByteArray()), Twin.Source, PaperAdaBN.Options).Report.Layers[0];
        CollectionAssert.AreEqual(first.TargetMean.ToArray(), result.Report.Layers[0].TargetMean.ToArray());
        CollectionAssert.AreEqual(first.TargetVariance.ToArray(), result.Report.Layers[0].TargetVariance.ToArray());

        // The second layer sees the first with the statistics that the file really holds.
        foreach ((string name, IReadOnlyList<double> numbers) in (ReadOnlySpan<(string, IReadOnlyList<double>)>)[("bn1.mean", first.TargetMean), ("bn1.var", first.TargetVariance)])
        {
            double[] stored = Find(result.Model, name).ToDoubleArray();
            Assert.AreEqual(type, Find(result.Model, name).ElementType);
            CollectionAssert.AreEqual(numbers.Select(number => type.Round(number)).ToArray(), stored);
            rounded.Initializer(name).RawData = ByteString.CopyFrom(ElementType.Float.Write(stored));
        }
        AdaptationResult twin = BatchNormAdapter.Adapt(OnnxModel.FromBytes(rounded.ToByteArray()), Twin.Source, PaperAdaBN.Options with { LayerFilter = layer => layer.Name == "n2" });
        LayerReport second = result.Report.Layers[1], reference = twin.Report.Layers.Single();
        for (int c = 0; c < second.Channels; c++)
        {
            Assert.AreEqual(reference.TargetMean[c], second.TargetMean[c], 1e-6 * Math.Sqrt(reference.TargetVariance[c]));
            Assert.AreEqual(reference.TargetVariance[c], second.TargetVariance[c], 1e-6 * reference.TargetVariance[c]);
        }
        if (type == ElementType.BFloat16) return; // ONNX Runtime's CPU provider has no such kernels: the model is for other processors
        float[] expected = Scoring.Run(twin.Model, Twin.Tensors), actual = Scoring.Run(OnnxModel.FromBytes(result.Model.ToBytes()), Twin.Tensors);
        double unit = Math.Pow(2, -11) * expected.Max(Math.Abs);
        foreach ((float e, float a) in expected.Zip(actual)) Assert.AreEqual(e, a, 10 * unit, "a few roundings to 11 bits");
    }

    [TestMethod]
    public void All_but_the_statistics_of_a_half_model_is_as_it_was()
    {
        OnnxModel half = Convert(Twin.Plain().Proto, ElementType.Float16);
        OnnxModel adapted = BatchNormAdapter.Adapt(half, Twin.Source, PaperAdaBN.Options).Model;
        ModelProto before = ModelProto.Parser.ParseFrom(half.ToBytes()), after = ModelProto.Parser.ParseFrom(adapted.ToBytes());
        foreach (string name in (string[])["bn1.mean", "bn1.var", "bn2.mean", "bn2.var"]) after.Initializer(name).RawData = before.Initializer(name).RawData;
        after.MetadataProps.Clear();
        Assert.AreEqual(before, after);
    }

    [TestMethod]
    public void A_statistic_beyond_float16_is_refused_with_the_type_and_the_mend()
    {
        OnnxModel half = Convert(new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2).Proto, ElementType.Float16);
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(half, SampleSource.FromArrays([[-300f, 0f], [300f, 1f]], 2), PaperAdaBN.Options));
        Assert.AreEqual(AdaptationError.NonFinite, e.Error);
        Assert.Contains("variance of layer 'y', channel 0, is 9e+04, more than float16 holds", e.Message);
        Assert.Contains("export the model in float32", e.Message);
    }

    [TestMethod]
    public void Double_models_match_the_float64_reference_and_keep_every_digit()
    {
        var golden = new GoldenCase("linear_bn1d");
        OnnxModel model = Convert(ModelProto.Parser.ParseFrom(golden.Model.ToBytes()), ElementType.Double);
        AdaptationResult result = BatchNormAdapter.Adapt(model, golden.Source(), PaperAdaBN.Options);
        foreach (GoldenLayer expected in golden.Layers)
        {
            Initializer mean = Find(result.Model, expected.MeanInitializer), variance = Find(result.Model, expected.MeanInitializer.Replace("running_mean", "running_var", StringComparison.Ordinal));
            Assert.AreEqual(ElementType.Double, mean.ElementType);
            LayerReport layer = result.Report.Layers.Single(layer => layer.TargetMean.SequenceEqual(mean.ToDoubleArray()));
            CollectionAssert.AreEqual(layer.TargetVariance.ToArray(), variance.ToDoubleArray());
            for (int c = 0; c < expected.Mean.Length; c++)
            {
                Assert.AreEqual(expected.Mean[c], mean.ToDoubleArray()[c], 1e-6 * Math.Sqrt(expected.Variance[c]));
                Assert.AreEqual(expected.Variance[c], variance.ToDoubleArray()[c], 1e-6 * expected.Variance[c]);
            }
        }
        (double[] logits, _) = golden.AdaptedOutput;
        double largest = logits.Max(Math.Abs);
        foreach ((double e, float a) in logits.Zip(Scoring.Run(result.Model, golden.Tensors))) Assert.AreEqual(e, a, 1e-5 * largest);
    }

    [TestMethod]
    public void Mixed_precision_casts_constants_and_int32_data_are_followed()
    {
        // float32 image, cast to float16 for the first Conv and layer, back to float32 for the second; the exporter lists half numbers as int32_data.
        ModelProto mixed = Twin.Plain().Proto, twin = Twin.Plain().Proto;
        foreach (string name in (string[])["w1", "bn1.scale", "bn1.bias", "bn1.mean", "bn1.var"])
        {
            TensorProto half = mixed.Initializer(name).As(ElementType.Float16);
            byte[] raw = half.RawData.ToByteArray();
            half.ClearRawData();
            for (int i = 0; i < raw.Length; i += 2) half.Int32Data.Add(BitConverter.ToUInt16(raw, i));
            mixed.Graph.Initializer[mixed.Graph.Initializer.IndexOf(mixed.Initializer(name))] = half;
            twin.Initializer(name).RawData = twin.Initializer(name).As(ElementType.Float16).As(ElementType.Float).RawData;
        }
        mixed.Insert(mixed.Graph.Node[0], ModelBuilder.NodeOf("Cast", ["x"], ["x16"], ModelBuilder.Int("to", (long)ElementType.Float16)));
        mixed.Graph.Node[1].Input[0] = "x16";
        mixed.Graph.Node.Single(node => node.OpType == "Relu").Input[0] = "n32";
        mixed.Insert(mixed.Graph.Node.Single(node => node.OpType == "Relu"), ModelBuilder.NodeOf("Cast", ["n1"], ["n32"], ModelBuilder.Int("to", (long)ElementType.Float)));
        AdaptationResult result = BatchNormAdapter.Adapt(OnnxModel.FromBytes(mixed.ToByteArray()), Twin.Source, PaperAdaBN.Options);
        AdaptationResult expected = BatchNormAdapter.Adapt(OnnxModel.FromBytes(twin.ToByteArray()), Twin.Source, PaperAdaBN.Options);
        foreach ((double e, double a) in expected.Report.Layers[0].TargetMean.Zip(result.Report.Layers[0].TargetMean)) Assert.AreEqual(e, a, 1e-14, "the same numbers, in other batches");
        Assert.AreEqual(ElementType.Float16, Find(result.Model, "bn1.var").ElementType);
        Assert.AreEqual(ElementType.Float, Find(result.Model, "bn2.var").ElementType);
        Assert.HasCount(Twin.Samples * 5, Scoring.Run(result.Model, Twin.Tensors));
    }

    [TestMethod]
    public void A_constant_beyond_float32_is_refused()
    {
        ModelBuilder builder = new ModelBuilder().Input("x", ElementType.Double, -1, 2).Floats("huge", [2], 1, 1).Node("Add", ["x", "huge"], ["a"]).BatchNorm("a", "y", 2).Output("y", -1, 2);
        OnnxModel model = Convert(builder.Proto, ElementType.Double, tensor =>
        {
            if (tensor.Name == "huge") tensor.RawData = ByteString.CopyFrom(ElementType.Double.Write([1e300, 0]));
        });
        Assert.Contains("'huge' holds 1e+300, more than float32", Assert.ThrowsExactly<OnnxModelException>(() => BatchNormAdapter.Adapt(model, SampleSource.FromArrays([[1f, 2f]], 2), PaperAdaBN.Options)).Message);
    }

    private static Initializer Find(OnnxModel model, string name) => model.Graph.Initializers.Single(initializer => initializer.Name == name);

    /// <summary>The same network with all its float32 tensors and declared types in another type.</summary>
    internal static OnnxModel Convert(ModelProto model, ElementType type, Action<TensorProto>? edit = null)
    {
        for (int i = 0; i < model.Graph.Initializer.Count; i++)
        {
            if (model.Graph.Initializer[i].DataType != (int)ElementType.Float) continue;
            model.Graph.Initializer[i] = model.Graph.Initializer[i].As(type);
            edit?.Invoke(model.Graph.Initializer[i]);
        }
        foreach (AttributeProto constant in model.Graph.Node.SelectMany(node => node.Attribute).Where(attribute => attribute.T is { DataType: (int)ElementType.Float }))
            constant.T = constant.T.As(type);
        foreach (AttributeProto target in model.Graph.Node.Where(node => node.OpType == "Cast").SelectMany(node => node.Attribute).Where(attribute => attribute.I == (int)ElementType.Float)) target.I = (int)type;
        foreach (ValueInfoProto info in model.Graph.Input.Concat(model.Graph.Output).Concat(model.Graph.ValueInfo)) info.Type.TensorType.ElemType = (int)type;
        return OnnxModel.FromBytes(model.ToByteArray());
    }
}
