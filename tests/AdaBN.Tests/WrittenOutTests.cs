using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Google.Protobuf;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>BatchNormalization written out in elementary operators, as exporters do: the same statistics as the twin with the node, written into the constants that hold them.</summary>
[TestClass]
public sealed class WrittenOutTests
{
    // m, v, g, b: the constants in their shape; e: epsilon, o: 1, h: 0.5, n: −0.5; x: the data, y: the result.
    public static IEnumerable<object[]> Orders =>
    [
        ["center, divide, scale, shift", "Add v e s|Sqrt s r|Sub x m c|Div c r d|Mul d g w|Add w b y"],
        ["center, times reciprocal", "Add v e s|Sqrt s r|Reciprocal r i|Sub x m c|Mul c i d|Mul g d w|Add b w y"],
        ["root as a power", "Add e v s|Pow s h r|Sub x m c|Div c r d|Mul d g w|Add w b y"],
        ["reciprocal root as a power", "Add v e s|Pow s n i|Sub x m c|Mul c i d|Mul d g w|Add w b y"],
        ["one over the root", "Add v e s|Sqrt s r|Div o r i|Sub x m c|Mul i c d|Mul d g w|Add w b y"],
        ["scale in the factor", "Add v e s|Sqrt s r|Reciprocal r i|Mul i g k|Sub x m c|Mul c k w|Add w b y"],
        ["scale over the root", "Add v e s|Sqrt s r|Div g r k|Sub x m c|Mul c k w|Add w b y"],
        ["scale first", "Add v e s|Sqrt s r|Sub x m c|Mul g c w|Div w r d|Add d b y"],
        ["shift with the mean in it (TensorFlow)", "Add v e s|Sqrt s r|Reciprocal r i|Mul i g k|Mul x k w|Mul m k p|Sub b p q|Add w q y"],
        ["mean taken off afterwards", "Add v e s|Sqrt s r|Reciprocal r i|Mul g i k|Mul k x w|Mul k m p|Sub w p q|Add q b y"],
        ["constants behind Identity", "Identity v v2|Add v2 e s|Sqrt s r0|Identity r0 r|Identity m m2|Sub x m2 c|Div c r d|Mul d g w|Add w b y"],
    ];

    public static IEnumerable<object[]> OrdersAndShapes => Orders.SelectMany(order => new[] { "[C,1,1]", "[1,C,1,1]", "[C] last" }.Select(shape => (object[])[.. order, shape]));

    [TestMethod]
    [DynamicData(nameof(OrdersAndShapes))]
    public void Every_order_and_shape(string name, string operators, string shape) => Same(operators, shape, (_, _) => { });

    [TestMethod]
    [DataRow("Add v e s|Sqrt s r|Sub x m c|Div c r y")]
    [DataRow("Add v e s|Sqrt s r|Sub x m c|Div c r d|Add d b y")]
    [DataRow("Add v e s|Sqrt s r|Sub x m c|Div c r d|Mul d g y")]
    [DataRow("Add v e s|Sqrt s r|Sub x m c|Div c r d|Mul d g w|Sub w b y")]
    public void Without_scale_or_bias_or_with_the_bias_subtracted(string operators) => Same(operators, "[1,C,1,1]", (twin, layer) =>
    {
        void Set(string parameter, Func<float, float> to)
        {
            float[] numbers = ElementType.Float.Read(twin.Initializer($"bn{layer}.{parameter}").RawData.Span)!.Select(number => to((float)number)).ToArray();
            twin.Initializer($"bn{layer}.{parameter}").RawData = Tensor("", [numbers.Length], numbers).RawData;
        }
        if (!operators.Contains(" g", StringComparison.Ordinal)) Set("scale", _ => 1);
        if (!operators.Contains(" b", StringComparison.Ordinal)) Set("bias", _ => 0);
        if (operators.Contains("Sub w b", StringComparison.Ordinal)) Set("bias", number => -number);
    });

    [TestMethod]
    public void A_part_that_others_read_is_declined_by_name()
    {
        OnnxModel model = Write("Add v e s|Sqrt s r|Sub x m c|Div c r d|Mul d g w|Add w b y", "[C,1,1]");
        ModelProto edited = ModelProto.Parser.ParseFrom(model.ToBytes());
        edited.Graph.Output.Add(Info("n1.c", ElementType.Float, [-1, 4, 4, 4]));
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(OnnxModel.FromBytes(edited.ToByteArray()), Twin.Source, PaperAdaBN.Options));
        Assert.AreEqual(AdaptationError.UnsupportedForm, e.Error);
        Assert.Contains("'n1': 'n1.c', which is part of it, is an output of the model", e.Message);
        edited.Graph.Output.RemoveAt(1);
        edited.Graph.Node.Single(node => node.Output[0] == "y").With(node => node.Input[0] = "q");
        edited.Insert(edited.Graph.Node.Single(node => node.Output[0] == "y"), NodeOf("Mul", ["p", "zero"], ["q0"]), NodeOf("ReduceMean", ["n1.c"], ["z"]), NodeOf("Add", ["q0", "z"], ["q"]));
        edited.Graph.Initializer.Add(Tensor("zero", [1], 0));
        e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(OnnxModel.FromBytes(edited.ToByteArray()), Twin.Source, PaperAdaBN.Options));
        Assert.Contains("is also read by ReduceMean 'z'", e.Message);
        AdaptationReport rest = BatchNormAdapter.Adapt(OnnxModel.FromBytes(edited.ToByteArray()), Twin.Source, PaperAdaBN.Options with { LayerFilter = layer => layer.Name != "n1" }).Report;
        Assert.AreEqual("n2", rest.Layers.Single().Name, "left out, the other can be adapted");
    }

    [TestMethod]
    public void Preprocessing_with_one_number_for_the_whole_image_is_no_layer()
    {
        ModelProto model = Twin.Plain().Proto;
        foreach ((string name, float number) in (ReadOnlySpan<(string, float)>)[("m", 0.5f), ("v", 0.25f), ("e", 1e-3f)]) model.Graph.Initializer.Add(Tensor(name, name == "v" ? [1] : [], number));
        model.Insert(model.Graph.Node[0], NodeOf("Add", ["v", "e"], ["s"]), NodeOf("Sqrt", ["s"], ["r"]), NodeOf("Sub", ["x", "m"], ["c"]), NodeOf("Div", ["c", "r"], ["d"]));
        model.Graph.Node.Single(node => node.Output[0] == "a1").Input[0] = "d";
        Assert.HasCount(2, BatchNormAdapter.Adapt(OnnxModel.FromBytes(model.ToByteArray()), Twin.Source, PaperAdaBN.Options).Report.Layers);
    }

    private static void Same(string operators, string shape, Action<ModelProto, int> editTwin)
    {
        ModelProto twinModel = Twin.Plain().Proto;
        foreach (int layer in (int[])[1, 2]) editTwin(twinModel, layer);
        AdaptationResult twin = BatchNormAdapter.Adapt(OnnxModel.FromBytes(twinModel.ToByteArray()), Twin.Source, PaperAdaBN.Options);
        OnnxModel model = Write(operators, shape);
        AdaptationResult result = BatchNormAdapter.Adapt(model, Twin.Source, PaperAdaBN.Options);

        Assert.HasCount(2, result.Report.Layers);
        double tolerance = shape == "[C] last" ? 1e-6 : 0; // Transposes make other batches, whose convolutions may round otherwise
        foreach ((LayerReport expected, LayerReport actual) in twin.Report.Layers.Zip(result.Report.Layers))
        {
            Assert.AreEqual(expected.Name, actual.Name);
            for (int c = 0; c < expected.Channels; c++)
            {
                Assert.AreEqual(expected.TargetMean[c], actual.TargetMean[c], tolerance * Math.Sqrt(expected.TargetVariance[c]));
                Assert.AreEqual(expected.TargetVariance[c], actual.TargetVariance[c], tolerance * expected.TargetVariance[c]);
            }
        }
        OnnxModel written = OnnxModel.FromBytes(result.Model.ToBytes());
        float[] scores = Scoring.Run(twin.Model, Twin.Tensors);
        foreach ((float e, float a) in scores.Zip(Scoring.Run(written, Twin.Tensors))) Assert.AreEqual(e, a, 2e-6 * Math.Max(1, scores.Max(Math.Abs)), "the same formula in other steps");
        OnlyTheConstantsDiffer(model, written, result);
    }

    private static void OnlyTheConstantsDiffer(OnnxModel model, OnnxModel written, AdaptationResult result)
    {
        ModelProto before = ModelProto.Parser.ParseFrom(model.ToBytes()), after = ModelProto.Parser.ParseFrom(written.ToBytes());
        bool hasChains = before.Graph.Node.Any(node => node.OpType == "Identity");
        foreach (int layer in (int[])[1, 2])
        {
            foreach ((string what, IReadOnlyList<double> numbers) in (ReadOnlySpan<(string, IReadOnlyList<double>)>)[("m", result.Report.Layers[layer - 1].TargetMean), ("v", result.Report.Layers[layer - 1].TargetVariance)])
            {
                string name = hasChains ? $"n{layer}.{what}2_1" : $"n{layer}.{what}";
                TensorProto tensor = after.Initializer(name), source = before.Initializer($"n{layer}.{what}");
                CollectionAssert.AreEqual(source.Dims, tensor.Dims, "in its own shape");
                CollectionAssert.AreEqual(numbers.Select(number => (double)(float)number).ToArray(), ElementType.Float.Read(tensor.RawData.Span));
                if (!hasChains) tensor.RawData = source.RawData;
            }
        }
        if (hasChains) return;
        after.MetadataProps.Clear();
        Assert.AreEqual(before, after, "nothing else has changed");
    }

    /// <summary>The twin with its layers written out; "[C] last" puts Transposes around each.</summary>
    internal static OnnxModel Write(string operators, string shape)
    {
        ModelProto model = Twin.Plain().Proto;
        foreach (int layer in (int[])[1, 2])
        {
            NodeProto norm = model.BatchNorm(layer);
            bool last = shape == "[C] last";
            string Name(string value) => value switch
            {
                "x" => last ? $"n{layer}.last" : norm.Input[0],
                "y" => last ? $"n{layer}.y" : $"n{layer}",
                _ => $"n{layer}.{value}",
            };
            foreach ((string what, string parameter) in (ReadOnlySpan<(string, string)>)[("g", "scale"), ("b", "bias"), ("m", "mean"), ("v", "var")])
            {
                TensorProto tensor = model.Take($"bn{layer}.{parameter}");
                tensor.Name = Name(what);
                if (shape != "[C] last") tensor.Dims.Add([1, 1]);
                if (shape == "[1,C,1,1]") tensor.Dims.Insert(0, 1);
                model.Graph.Initializer.Add(tensor);
            }
            foreach ((string what, float number) in (ReadOnlySpan<(string, float)>)[("e", 1e-3f), ("o", 1), ("h", 0.5f), ("n", -0.5f)]) model.Graph.Initializer.Add(Tensor(Name(what), [], number));
            if (last) model.Insert(norm, NodeOf("Transpose", [norm.Input[0]], [Name("x")], Ints("perm", 0, 2, 3, 1)));
            foreach (string[] op in operators.Split('|').Select(op => op.Split(' ')))
                model.Insert(norm, NodeOf(op[0], [.. op[1..^1].Select(Name)], [Name(op[^1])]).With(node => node.Name = op[^1] == "y" ? $"n{layer}" : ""));
            if (last) model.Insert(norm, NodeOf("Transpose", [Name("y")], [$"n{layer}"], Ints("perm", 0, 3, 1, 2)));
            model.Graph.Node.Remove(norm);
        }
        return OnnxModel.FromBytes(model.ToByteArray());
    }
}
