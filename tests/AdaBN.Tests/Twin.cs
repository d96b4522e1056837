using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Google.Protobuf;

namespace AdaBN.Tests;

/// <summary>A small network in its plainest form, for tests to write in other forms: x → Conv → bn1 → Relu → Conv → bn2 → pool → y.</summary>
internal static class Twin
{
    public const int Samples = 21;
    private static readonly int[] Channels = [4, 5];

    public static float[][] Images { get; } = [.. Enumerable.Range(0, Samples).Select(i => Numbers(seed: 100 + i, 3 * 6 * 6, -1, 2))];

    public static Dictionary<string, (float[] Data, int[] Shape)> Tensors => new() { ["x"] = ([.. Images.SelectMany(image => image)], [Samples, 3, 6, 6]) };

    public static ISampleSource Source => SampleSource.FromArrays(Images, 3, 6, 6);

    public static ModelBuilder Plain(long opset = 13, long irVersion = 7)
    {
        ModelBuilder builder = new ModelBuilder(opset, irVersion).Input("x", -1, 3, 6, 6)
            .Floats("w1", [4, 3, 3, 3], Numbers(1, 108, -0.4f, 0.4f)).Node("Conv", ["x", "w1"], ["a1"]);
        Normalize(builder, 1, "a1", "n1");
        builder.Node("Relu", ["n1"], ["r1"]).Floats("w2", [5, 4, 3, 3], Numbers(2, 180, -0.4f, 0.4f)).Node("Conv", ["r1", "w2"], ["a2"]);
        Normalize(builder, 2, "a2", "n2");
        return builder.Node("GlobalAveragePool", ["n2"], ["p"]).Node("Flatten", ["p"], ["y"]).Output("y", -1, 5);
    }

    public static float[] Numbers(int seed, int count, float low, float high)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => low + (random.NextSingle() * (high - low)))];
    }

    public static NodeProto BatchNorm(this ModelProto model, int layer) => model.Graph.Node.Single(node => node.Output.Contains($"n{layer}"));

    public static TensorProto Initializer(this ModelProto model, string name) => model.Graph.Initializer.Single(tensor => tensor.Name == name);

    /// <summary>Takes an initializer out of the graph.</summary>
    public static TensorProto Take(this ModelProto model, string name)
    {
        TensorProto tensor = model.Initializer(name);
        model.Graph.Initializer.Remove(tensor);
        return tensor;
    }

    /// <summary>Puts a node where another stands, the others behind it.</summary>
    public static void Insert(this ModelProto model, NodeProto before, params NodeProto[] nodes)
    {
        int index = model.Graph.Node.IndexOf(before);
        foreach (NodeProto node in nodes) model.Graph.Node.Insert(index++, node);
    }

    public static AttributeProto Value(TensorProto tensor) => new() { Name = "value", Type = 4, T = tensor };

    public static AttributeProto Float(string name, float value) => new() { Name = name, Type = 1, F = value };

    public static TensorProto Integers(string name, params long[] values)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)Onnx.ElementType.Int64 };
        tensor.Dims.Add(values.Length);
        tensor.Int64Data.Add(values);
        return tensor;
    }

    /// <summary>The same numbers in another floating-point type.</summary>
    public static TensorProto As(this TensorProto tensor, Onnx.ElementType type)
    {
        double[] numbers = Onnx.ElementTypes.Read((Onnx.ElementType)tensor.DataType, tensor.RawData.Span)!;
        TensorProto converted = tensor.Clone();
        converted.DataType = (int)type;
        converted.RawData = ByteString.CopyFrom(Onnx.ElementTypes.Write(type, numbers));
        return converted;
    }

    private static void Normalize(ModelBuilder builder, int layer, string input, string output)
    {
        int channels = Channels[layer - 1];
        builder.Floats($"bn{layer}.scale", [channels], Numbers(10 + layer, channels, 0.6f, 1.4f)).Floats($"bn{layer}.bias", [channels], Numbers(20 + layer, channels, -0.5f, 0.5f))
            .Floats($"bn{layer}.mean", [channels], Numbers(30 + layer, channels, -0.3f, 0.3f)).Floats($"bn{layer}.var", [channels], Numbers(40 + layer, channels, 0.5f, 1.5f))
            .Node("BatchNormalization", [input, $"bn{layer}.scale", $"bn{layer}.bias", $"bn{layer}.mean", $"bn{layer}.var"], [output], Float("epsilon", 1e-3f));
    }
}
