using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>Pictures are told from scores by how the output is computed; the models run, so each is what it claims to be.</summary>
[TestClass]
public sealed class ImageOutputTests
{
    private const int Size = 8;

    // A step a word: cK a 3x3 convolution to K channels, each of them but the last normalized; uK the same behind doubling by ConvTranspose; others by name.
    [TestMethod]
    [DataRow(3, "c8 c12 DepthToSpace", "2 times")]
    [DataRow(3, "c8 c12 shuffle", "2 times")]
    [DataRow(1, "c8 c4 DepthToSpace Clip", "2 times")]
    [DataRow(3, "c8 Resize c3", "2 times")]
    [DataRow(3, "c8 u1", "2 times")]
    [DataRow(6, "c8 u6", "2 times")]
    [DataRow(3, "c8 c3", "as large as")]
    [DataRow(3, "c8 c3 Sigmoid", "as large as")]
    [DataRow(3, "c8 MaxPool c8 u3", "as large as")]
    [DataRow(3, "c8 MaxPool c8 u8 skip c3", "as large as")]
    [DataRow(3, "c8 stride c8 Resize c3 Tanh", "Tanh")]
    [DataRow(1, "c8 c1 Tanh", "Tanh")]
    [DataRow(3, "c8 c1 Clip", "Clip")]
    [DataRow(1, "c8 c1 residual", "is added")]
    [DataRow(6, "c8 c6 residual", "is added")]
    [DataRow(3, "c8 c12 DepthToSpace last", "2 times")]
    public void Pictures_are_refused_unless_allowed(int channels, string steps, string because)
    {
        OnnxModel model = Build(channels, steps);
        ImageOutput found = NormalizationDiscovery.ImageOutputs(model).Single();
        Assert.IsTrue(found.IsSure, found.Because);
        Assert.Contains(because, found.Because);
        AssertRefused(model, Samples(channels, steps));
    }

    [TestMethod]
    public void What_is_upsampled_from_no_image_is_a_picture()
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 5).Floats("w", [5, 16], Twin.Numbers(1, 80, -1, 1)).Node("MatMul", ["x", "w"], ["m"]);
        builder.Graph.Initializer.Add(Twin.Integers("shape", -1, 4, 2, 2));
        builder.Node("Reshape", ["m", "shape"], ["r"]).Floats("w1", [4, 6, 2, 2], Twin.Numbers(2, 96, -1, 1)).Node("ConvTranspose", ["r", "w1"], ["c1"], Ints("strides", 2, 2)).BatchNorm("c1", "n1", 6)
            .Floats("w2", [6, 3, 2, 2], Twin.Numbers(3, 72, -1, 1)).Node("ConvTranspose", ["n1", "w2"], ["c2"], Ints("strides", 2, 2)).Node("Tanh", ["c2"], ["y"]).Output("y", -1, 3, 8, 8);
        OnnxModel model = builder.Build();
        Assert.Contains("made from no image", NormalizationDiscovery.ImageOutputs(model).Single().Because);
        AssertRefused(model, SampleSource.FromArrays([.. Enumerable.Range(0, 5).Select(i => Twin.Numbers(i, 5, -1, 1))], 5));
    }

    [TestMethod]
    [DataRow(3, "c8 c1 Sigmoid")] // a mask
    [DataRow(1, "c8 c1")] // depth, or a mask, or a picture
    [DataRow(1, "c8 c3")] // three classes, or colours
    [DataRow(3, "c8 MaxPool c8 computed c3")] // resized to a size computed at run time
    public void Maps_that_may_be_pictures_are_adapted_and_noted(int channels, string steps)
    {
        OnnxModel model = Build(channels, steps, declares: !steps.Contains("computed", StringComparison.Ordinal));
        Assert.IsFalse(NormalizationDiscovery.ImageOutputs(model).Single().IsSure);
        AdaptationReport report = BatchNormAdapter.Adapt(model, Samples(channels, steps), PaperAdaBN.Options).Report;
        Assert.ContainsSingle(finding => finding.Contains("may be a picture", StringComparison.Ordinal), report.Findings);
    }

    [TestMethod]
    [DataRow(3, "c8 c21")] // scores of 21 classes a pixel
    [DataRow(3, "c8 c2")]
    [DataRow(3, "c8 MaxPool c8 u21")]
    [DataRow(3, "c8 c3 Softmax")]
    [DataRow(3, "c8 c3 ArgMax")]
    [DataRow(3, "c8 c3 Resize Softmax")]
    [DataRow(3, "c8 MaxPool c3")] // a detector's grid
    [DataRow(3, "c8 stride c1 Sigmoid")]
    [DataRow(3, "c8 c3 GlobalAveragePool")] // scores as maps of one pixel
    [DataRow(3, "c8 c3 GlobalAveragePool Flatten")]
    [DataRow(3, "c8 c8 c8")] // features
    [DataRow(3, "c8 c3 BatchNormalization Relu")]
    public void Scores_and_features_are_no_pictures(int channels, string steps)
    {
        OnnxModel model = Build(channels, steps);
        Assert.IsEmpty(NormalizationDiscovery.ImageOutputs(model));
        AdaptationReport report = BatchNormAdapter.Adapt(model, Samples(channels, steps), PaperAdaBN.Options).Report;
        Assert.DoesNotContain(finding => finding.Contains("picture", StringComparison.Ordinal), report.Findings);
    }

    [TestMethod]
    public void A_picture_that_no_adapted_layer_leads_to_does_not_matter()
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 3, Size, Size).Floats("wp", [3, 3, 1, 1], Twin.Numbers(1, 9, -1, 1)).Node("Conv", ["x", "wp"], ["picture"]).Output("picture", -1, 3, Size, Size)
            .Floats("w", [5, 3, 1, 1], Twin.Numbers(1, 15, -1, 1)).Node("Conv", ["x", "w"], ["c"]).BatchNorm("c", "n", 5).Node("GlobalAveragePool", ["n"], ["p"]).Node("Flatten", ["p"], ["scores"]).Output("scores", -1, 5);
        Assert.IsTrue(NormalizationDiscovery.ImageOutputs(builder.Build()).Single().IsSure);
        Assert.DoesNotContain(finding => finding.Contains("picture", StringComparison.Ordinal), BatchNormAdapter.Adapt(builder.Build(), Samples(3, ""), PaperAdaBN.Options).Report.Findings);
    }

    [TestMethod]
    public void No_model_of_the_repository_passes_for_a_picture()
    {
        string[] files = [.. Directory.GetFiles(Repository.Root, "*.onnx", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3 })
            .Where(file => !file.Contains("artifacts", StringComparison.Ordinal) && !file.Contains("node_modules", StringComparison.Ordinal))];
        Assert.IsGreaterThan(20, files.Length);
        foreach (string file in files) Assert.IsEmpty(NormalizationDiscovery.ImageOutputs(OnnxModel.Load(file)), file);
        Assert.IsEmpty(NormalizationDiscovery.ImageOutputs(Twin.Plain().Build()));
    }

    private static void AssertRefused(OnnxModel model, ISampleSource samples)
    {
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(model, samples, PaperAdaBN.Options));
        Assert.AreEqual(AdaptationError.ImageOutput, e.Error);
        Assert.Contains("'y' is a picture", e.Message);
        Assert.Contains("--allow-image-output", e.Message);
        Assert.AreEqual(AdaptationError.ImageOutput, Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.EstimateMemory(model, samples)).Error);
        AdaptationReport report = BatchNormAdapter.Adapt(model, samples, PaperAdaBN.Options with { AllowImageOutput = true }).Report;
        Assert.ContainsSingle(finding => finding.Contains("is a picture", StringComparison.Ordinal), report.Findings);
    }

    private static ISampleSource Samples(int channels, string steps)
    {
        int[] shape = steps.EndsWith("last", StringComparison.Ordinal) ? [Size, Size, channels] : [channels, Size, Size];
        return SampleSource.FromArrays([.. Enumerable.Range(0, 5).Select(i => Twin.Numbers(i, channels * Size * Size, -1, 1))], shape);
    }

    private static OnnxModel Build(int channels, string steps, bool declares = true)
    {
        bool isLast = steps.EndsWith("last", StringComparison.Ordinal);
        ModelBuilder builder = isLast ? new ModelBuilder().Input("x", -1, Size, Size, channels).Node("Transpose", ["x"], ["nchw"], Ints("perm", 0, 3, 1, 2)) : new ModelBuilder().Input("x", -1, channels, Size, Size);
        string value = isLast ? "nchw" : "x";
        int have = channels, index = 0, size = Size, firstChannels = 0;
        string first = "";
        string[] words = steps.Split(' ');
        int lastLayer = Array.FindLastIndex(words, word => char.IsDigit(word[^1]));
        builder.Graph.Initializer.Add(Twin.Integers("spread", -1, 3, 2, 2, Size, Size));
        builder.Graph.Initializer.Add(Twin.Integers("gathered", -1, 3, 2 * Size, 2 * Size));
        builder.Floats("twice", [4], 1, 1, 2, 2).Floats("zero", [], 0).Floats("one", [], 1).Floats("none", [0]);
        foreach (string word in words)
        {
            string next = $"v{index}";
            switch (word)
            {
                case ['c' or 'u', .. var digits] when int.TryParse(digits, out int wanted):
                    bool grows = word[0] == 'u';
                    builder.Floats($"w{index}", grows ? [have, wanted, 2, 2] : [wanted, have, 3, 3], Twin.Numbers(index, have * wanted * (grows ? 4 : 9), -0.5f, 0.5f))
                        .Node(grows ? "ConvTranspose" : "Conv", [value, $"w{index}"], [next], grows ? Ints("strides", 2, 2) : Ints("pads", 1, 1, 1, 1));
                    if (grows) size *= 2;
                    have = wanted;
                    if (index < lastLayer) builder.BatchNorm(next, next = $"n{index}", have);
                    if (first.Length == 0) (first, firstChannels) = (next, have);
                    break;
                case "stride":
                    builder.Floats($"w{index}", [have, have, 3, 3], Twin.Numbers(index, have * have * 9, -0.5f, 0.5f)).Node("Conv", [value, $"w{index}"], [next], Ints("pads", 1, 1, 1, 1), Ints("strides", 2, 2));
                    size /= 2;
                    break;
                case "MaxPool":
                    builder.Node("MaxPool", [value], [next], Ints("kernel_shape", 2, 2), Ints("strides", 2, 2));
                    size /= 2;
                    break;
                case "DepthToSpace":
                    builder.Node("DepthToSpace", [value], [next], Int("blocksize", 2));
                    (have, size) = (have / 4, size * 2);
                    break;
                case "shuffle":
                    builder.Node("Reshape", [value, "spread"], [$"s{index}"]).Node("Transpose", [$"s{index}"], [$"t{index}"], Ints("perm", 0, 1, 4, 2, 5, 3)).Node("Reshape", [$"t{index}", "gathered"], [next]);
                    (have, size) = (have / 4, size * 2);
                    break;
                case "Resize":
                    builder.Node("Resize", [value, "none", "twice"], [next]);
                    size *= 2;
                    break;
                case "computed":
                    builder.Node("Shape", [first], [$"s{index}"]).Node("Resize", [value, "none", "none", $"s{index}"], [next]);
                    size *= 2;
                    break;
                case "BatchNormalization":
                    builder.BatchNorm(value, next, have);
                    break;
                case "skip":
                    builder.Node("Concat", [first, value], [next], Int("axis", 1));
                    have += firstChannels;
                    break;
                case "residual":
                    builder.Node("Sub", ["x", value], [next]);
                    break;
                case "Clip":
                    builder.Node("Clip", [value, "zero", "one"], [next]);
                    break;
                case "Softmax" or "ArgMax":
                    builder.Node(word, [value], [next], Int("axis", 1));
                    break;
                case "last":
                    builder.Node("Transpose", [value], [next], Ints("perm", 0, 2, 3, 1));
                    break;
                default:
                    builder.Node(word, [value], [next]);
                    break;
            }
            (value, index) = (next, index + 1);
        }
        builder.Node("Identity", [value], ["y"]);
        bool isPooled = steps.Contains("GlobalAveragePool", StringComparison.Ordinal);
        long[] shape = steps.Contains("Flatten", StringComparison.Ordinal) ? [-1, have] : isPooled ? [-1, have, 1, 1] : isLast ? [-1, size, size, have] : [-1, steps.Contains("ArgMax", StringComparison.Ordinal) ? 1 : have, size, size];
        builder.Output("y", shape);
        if (steps.Contains("ArgMax", StringComparison.Ordinal)) builder.Graph.Output[0].Type.TensorType.ElemType = (int)ElementType.Int64;
        if (!declares) builder.Graph.Output[0].Type = new TypeProto { TensorType = new() { ElemType = (int)ElementType.Float } };
        return builder.Build();
    }
}
