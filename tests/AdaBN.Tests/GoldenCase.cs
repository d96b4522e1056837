using System.Text.Json;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>One reference case: a model, its target data, and what float64 PyTorch found (tests/Golden/README.md).</summary>
internal sealed class GoldenCase
{
    private readonly (string Name, float[] Data, int[] Shape)[] _inputs;

    public GoldenCase(string name)
    {
        Folder = Path.Combine(Repository.Golden, name);
        Model = OnnxModel.Load(Path.Combine(Folder, "model.onnx"));
        _inputs = [.. Model.Graph.RequiredInputs.Select(input =>
        {
            (float[] data, int[] shape) = Npy.Read<float>(Path.Combine(Folder, input.Name + ".npy"));
            return (input.Name, data, shape);
        })];
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "expected.json")));
        Samples = json.RootElement.GetProperty("samples").GetInt32();
        Layers = LayersOf(json.RootElement.GetProperty("layers"));
    }

    public static IEnumerable<object[]> Names => Directory.GetDirectories(Repository.Golden).Order(StringComparer.Ordinal).Select(folder => new object[] { Path.GetFileName(folder) });

    public string Folder { get; }

    public OnnxModel Model { get; }

    public int Samples { get; }

    public IReadOnlyList<GoldenLayer> Layers { get; }

    public (double[] Data, int[] Shape) AdaptedOutput => Npy.Read<double>(Path.Combine(Folder, "adapted_output.npy"));

    /// <summary>The samples in the order given; in the file's order by default.</summary>
    /// <param name="order">Numbers of samples.</param>
    /// <param name="factorOf">What to multiply a sample with; by default none is.</param>
    public ISampleSource Source(IEnumerable<int>? order = null, Func<int, float>? factorOf = null)
    {
        SampleInput[] inputs = [.. _inputs.Select(input => new SampleInput(input.Name, [.. input.Shape[1..]]))];
        return SampleSource.FromArrays(inputs, (order ?? Enumerable.Range(0, Samples)).Select(i =>
            _inputs.Zip(inputs, (data, input) => data.Data.AsSpan(i * input.Length, input.Length).ToArray().Select(x => x * (factorOf?.Invoke(i) ?? 1)).ToArray()).ToArray()));
    }

    public IReadOnlyDictionary<string, (float[] Data, int[] Shape)> Tensors => _inputs.ToDictionary(input => input.Name, input => (input.Data, input.Shape));

    /// <summary>The layer of a report that the golden layer speaks of: reports name nodes, PyTorch names parameters.</summary>
    public LayerReport Match(GoldenLayer golden, AdaptationReport report)
    {
        Node node = Model.Graph.Nodes.Single(node => node.Is(BatchNormalization.OpType) && node.Inputs[BatchNormalization.MeanInput]!.Name == golden.MeanInitializer);
        return report.Layers.Single(layer => layer.Name == node.DisplayName);
    }

    internal static GoldenLayer[] LayersOf(JsonElement array) => [.. array.EnumerateArray().Select(layer => new GoldenLayer(
        layer.GetProperty("mean_initializer").GetString()!, Numbers(layer.GetProperty("mean")), Numbers(layer.GetProperty("variance"))))];

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetDouble())];
}

internal sealed record GoldenLayer(string MeanInitializer, double[] Mean, double[] Variance);
