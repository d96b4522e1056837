using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;

namespace AdaBN.Fuzz;

/// <summary>The models that are mutated: the repository's own, models of odd forms, and ONNX's test data where it is installed.</summary>
internal static class Corpus
{
    /// <summary>Parsed models, the smaller ones more often than the large shipped classifier would be by its share of the files.</summary>
    public static ModelProto[] Load() => [.. Files().Select(File.ReadAllBytes).Concat(Generated().Select(builder => builder.ToBytes())).Append(Bank()).Select(ModelProto.Parser.ParseFrom)];

    /// <summary>Whether a layer's statistics are initializers, so that an adaptation gets somewhere.</summary>
    public static bool IsAdaptable(ModelProto model) => model.Graph.Node.Any(node =>
        node.OpType == "BatchNormalization" && node.Input.Count == 5 && model.Graph.Initializer.Any(tensor => tensor.Name == node.Input[3]));

    private static IEnumerable<string> Files()
    {
        string[] own = [.. Directory.GetFiles(Repository.Root, "*.onnx", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3 })
            .Where(file => !file.Contains("artifacts", StringComparison.Ordinal) && !file.Contains("node_modules", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        if (!OnnxTestData.IsInstalled) return own;
        string[] folders = ["pytorch-converted", "pytorch-operator", "simple"];
        return own.Concat(folders.SelectMany(folder => Directory.GetFiles(Path.Combine(OnnxTestData.Folder, folder), "model.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal)))
            .Concat(Directory.GetDirectories(Path.Combine(OnnxTestData.Folder, "node"), "test_*norm*").Order(StringComparer.Ordinal).Select(folder => Path.Combine(folder, "model.onnx")));
    }

    private static IEnumerable<ModelBuilder> Generated()
    {
        yield return Models.WithIf();
        yield return new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "b", 2).Node("Relu", ["b"], ["y"]).Output("y", -1, 2);
        yield return new ModelBuilder(opset: 9, irVersion: 3).Input("x", -1, 2, 4, 4).Input("w", 4, 2, 3, 3).Floats("w", [4, 2, 3, 3], ModelBuilder.Filled(72, 0.1f))
            .Node("Conv", ["x", "w"], ["c"], ModelBuilder.Ints("pads", 1, 1, 1, 1)).BatchNorm("c", "b", 4).Node("Relu", ["b"], ["y"]).Output("y", -1, 4, 4, 4);
        yield return new ModelBuilder().Input("x", -1, 4, 6, 6).BatchNorm("x", "a", 4).Node("Clip", ["a"], ["r"]).Node("Concat", ["r", "x"], ["j"], ModelBuilder.Int("axis", 1))
            .BatchNorm("j", "b", 8).Node("MaxPool", ["b"], ["p"], ModelBuilder.Ints("kernel_shape", 2, 2)).Node("Add", ["p", "p"], ["s"]).BatchNorm("s", "y", 8).Output("y", -1, 8, 5, 5);
        yield return External();
    }

    /// <summary>A bank that tells domains from the image.</summary>
    private static byte[] Bank()
    {
        OnnxModel source = new ModelBuilder().Input("x", -1, 2, 5, 5).BatchNorm("x", "b", 2).Node("Relu", ["b"], ["y"]).Output("y", -1, 2, 5, 5).Build();
        float[][] images = [.. Enumerable.Range(0, 40).Select(i => Enumerable.Range(0, 50).Select(k => (float)Math.Sin((i * 31) + (k * (1 + (i % 2))))).ToArray())];
        DomainBankResult found = DomainBank.AdaptMixed(source, SampleSource.FromArrays(images, 2, 5, 5), new AdaptationOptions { Workers = 1, Policy = AdaptationPolicy.AdaBN, JudgementImages = 0, AllowImageOutput = true });
        return found.Bank.ToModel().ToBytes();
    }

    private static ModelBuilder External()
    {
        ModelBuilder builder = new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2);
        long offset = 0;
        foreach (TensorProto tensor in builder.Graph.Initializer)
        {
            tensor.ClearRawData();
            tensor.DataLocation = 1;
            tensor.ExternalData.Add([
                new StringStringEntryProto { Key = "location", Value = Trial.DataFile }, new StringStringEntryProto { Key = "offset", Value = $"{offset}" },
                new StringStringEntryProto { Key = "length", Value = "8" }]);
            offset += 8;
        }
        return builder;
    }
}
