using AdaBN.Discovery;
using AdaBN.Forms;
using AdaBN.Measurement;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Onnx.Serialization;
using AdaBN.Planning;
using AdaBN.Storage;
using AdaBN.TestSupport;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Tests;

/// <summary>The vectors that ONNX itself defines BatchNormalization by, and those of PyTorch's converter: against ONNX Runtime and against the engine's own arithmetic.</summary>
[TestClass]
public sealed class ConformanceTests
{
    private const int FirstOpsetOfOnnxRuntime = 7;

    private static readonly string[] Inference =
    [
        "node/test_batchnorm_example", "node/test_batchnorm_epsilon", "pytorch-converted/test_BatchNorm1d_3d_input_eval", "pytorch-converted/test_BatchNorm2d_eval",
        "pytorch-converted/test_BatchNorm2d_momentum_eval", "pytorch-converted/test_BatchNorm3d_eval", "pytorch-converted/test_BatchNorm3d_momentum_eval",
    ];

    public static IEnumerable<object[]> InferenceVectors => Inference.Select(name => new object[] { name });

    public static IEnumerable<object[]> TrainingVectors => [["node/test_batchnorm_example_training_mode"], ["node/test_batchnorm_epsilon_training_mode"]];

    [TestMethod]
    [DynamicData(nameof(InferenceVectors))]
    public void The_engine_normalizes_as_the_vector_says(string name)
    {
        Vector vector = Read(name);
        BatchNormLayer layer = WorkingModel.Of(OnnxModel.FromBytes(vector.Model.ToByteArray()), null).Layers.Single();
        var normalizers = new Dictionary<BatchNormLayer, Normalizer> { [layer] = Normalizer.Of(layer, layer.RunningMean, layer.RunningVariance) };
        var runner = new BlendRunner(new Blend(layer.Node.Outputs[0]!, [new BlendTerm([layer.Input], layer)], float.NegativeInfinity, float.PositiveInfinity), normalizers);
        using var allocator = new SlotAllocator(long.MaxValue, null);
        Slot input = allocator.Rent(vector.X.Length * sizeof(float)), output = allocator.Rent(vector.X.Length * sizeof(float));
        vector.X.CopyTo(input.Floats(0, vector.X.Length));
        int rows = (int)vector.Shape[0], rowBytes = vector.X.Length / rows * sizeof(float);
        var form = new TensorForm(ElementType.Float, 1, vector.Shape[1..]);
        runner.Compute(rows, form, output, _ => new RowSet(form, [.. Enumerable.Range(0, rows).Select(row => input.Address + (row * rowBytes))]));
        AssertClose(vector.Outputs[0], output.Floats(0, vector.X.Length).ToArray());
    }

    [TestMethod]
    [DynamicData(nameof(InferenceVectors))]
    [DynamicData(nameof(TrainingVectors))]
    public void ONNX_Runtime_computes_a_loaded_and_saved_model_as_the_vector_says(string name)
    {
        Vector vector = Read(name);
        OnnxModel model = OnnxModel.FromBytes(vector.Model.ToByteArray());
        if (model.Opset < FirstOpsetOfOnnxRuntime)
        {
            // ONNX Runtime no longer has this version of the operator; its inference form is that of version 9 but for is_test.
            ModelProto later = vector.Model.Clone();
            later.OpsetImport[0].Version = 9;
            later.Graph.Node[0].Attribute.Remove(later.Graph.Node[0].Attribute.Single(attribute => attribute.Name == BatchNormalization.IsTest));
            model = OnnxModel.FromBytes(later.ToByteArray());
        }
        using var session = new InferenceSession(model.ToBytes());
        using OrtValue x = OrtValue.CreateTensorValueFromMemory(vector.X, vector.Shape);
        using var options = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(options, new Dictionary<string, OrtValue> { [session.InputNames[0]] = x }, session.OutputNames);
        for (int i = 0; i < vector.Outputs.Length; i++) AssertClose(vector.Outputs[i], outputs[i].GetTensorDataAsSpan<float>().ToArray());
    }

    [TestMethod]
    [DynamicData(nameof(TrainingVectors))]
    public void What_the_engine_measures_is_what_training_moves_the_running_statistics_to(string name)
    {
        Vector vector = Read(name);
        NodeProto node = vector.Model.Graph.Node[0];
        double momentum = node.Attribute.FirstOrDefault(attribute => attribute.Name == "momentum")?.F ?? 0.9f;
        ModelProto inference = vector.Model.Clone();
        inference.Graph.Node[0].Attribute.Remove(inference.Graph.Node[0].Attribute.Single(attribute => attribute.Name == BatchNormalization.TrainingMode));
        for (int extra = 2; extra > 0; extra--)
        {
            inference.Graph.Node[0].Output.RemoveAt(extra);
            inference.Graph.Output.RemoveAt(extra);
        }
        int length = vector.X.Length / (int)vector.Shape[0];
        ISampleSource samples = SampleSource.FromArrays(vector.X.Chunk(length), [.. vector.Shape[1..].Select(axis => (int)axis)]);
        OnnxModel source = OnnxModel.FromBytes(inference.ToByteArray());
        LayerReport layer = BatchNormAdapter.Adapt(source, samples, PaperAdaBN.Options).Report.Layers.Single();

        double[] RunningAfter(IReadOnlyList<double> before, IReadOnlyList<double> batch) => [.. before.Zip(batch, (running, measured) => (running * momentum) + (measured * (1 - momentum)))];
        AssertClose(vector.Outputs[1], RunningAfter(layer.SourceMean, layer.TargetMean));
        AssertClose(vector.Outputs[2], RunningAfter(layer.SourceVariance, layer.TargetVariance));
    }

    /// <summary>A vector's model with parameters that it wants from the caller put in as initializers, as a trained model has them.</summary>
    private static Vector Read(string name)
    {
        if (!OnnxTestData.IsInstalled) Assert.Inconclusive(OnnxTestData.WhySkipped);
        string folder = Path.Combine(OnnxTestData.Folder, name), data = Path.Combine(folder, "test_data_set_0");
        ModelProto model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(folder, "model.onnx")));
        for (int i = Directory.GetFiles(data, "input_*.pb").Length - 1; i > 0; i--)
        {
            TensorProto parameter = Tensor(Path.Combine(data, $"input_{i}.pb"));
            parameter.Name = model.Graph.Input[i].Name;
            model.Graph.Initializer.Add(parameter);
            model.Graph.Input.RemoveAt(i);
        }
        TensorProto x = Tensor(Path.Combine(data, "input_0.pb"));
        float[][] outputs = [.. Directory.GetFiles(data, "output_*.pb").Order(StringComparer.Ordinal).Select(file => LittleEndian.ToFloats(Tensor(file).RawData.Span))];
        return new Vector(model, LittleEndian.ToFloats(x.RawData.Span), [.. x.Dims], outputs);
    }

    private static TensorProto Tensor(string file) => TensorProto.Parser.ParseFrom(File.ReadAllBytes(file));

    private static void AssertClose(float[] expected, IReadOnlyList<float> found) => AssertClose(expected, [.. found.Select(value => (double)value)]);

    private static void AssertClose(float[] expected, double[] found)
    {
        Assert.HasCount(expected.Length, found);
        for (int i = 0; i < expected.Length; i++) Assert.AreEqual(expected[i], found[i], 2e-6 * (1 + Math.Abs(expected[i])), $"element {i}");
    }

    private sealed record Vector(ModelProto Model, float[] X, long[] Shape, float[][] Outputs);
}
