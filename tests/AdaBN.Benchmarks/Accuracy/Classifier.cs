using System.Numerics.Tensors;
using AdaBN.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>A model and what it wants its images to look like.</summary>
/// <param name="Name">Its name in the tables.</param>
/// <param name="Model">The source model.</param>
/// <param name="Shape">Shape of an image.</param>
/// <param name="Mean">Subtracted, a channel.</param>
/// <param name="Deviation">Divided by, a channel.</param>
internal sealed record Classifier(string Name, OnnxModel Model, int[] Shape, float[] Mean, float[] Deviation)
{
    private const int Batch = 25;

    /// <summary>Images as the model takes them.</summary>
    public float[][] Prepare(IReadOnlyList<float[]> images)
    {
        int area = Shape[1] * Shape[2];
        return [.. images.Select(image => image.Select((value, i) => (value - Mean[i / area]) / Deviation[i / area]).ToArray())];
    }

    /// <summary>The class of the highest score, by plain ONNX Runtime on the bytes of a model's file.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prepared">The images.</param>
    /// <param name="domain">Of which domain they all are, where the model asks for that.</param>
    public int[] Predict(OnnxModel model, float[][] prepared, long domain = 0)
    {
        using var settings = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using var session = new InferenceSession(model.ToBytes(), settings);
        int batch = session.InputMetadata.Values.Single(one => one.ElementDataType == TensorElementType.Float).Dimensions[0] is > 0 and var fixedAxis ? fixedAxis : Batch;
        var predictions = new int[prepared.Length];
        for (int first = 0; first < prepared.Length; first += batch)
        {
            int count = Math.Min(batch, prepared.Length - first);
            float[] data = [.. prepared.AsSpan(first, count).ToArray().SelectMany(image => image)];
            using var input = OrtValue.CreateTensorValueFromMemory(data, [count, .. Shape.Select(axis => (long)axis)]);
            using var run = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, session.InputNames, Inputs(session, input, count, domain), [session.OutputNames[0]]);
            ReadOnlySpan<float> scores = outputs[0].GetTensorDataAsSpan<float>();
            int classes = scores.Length / count;
            for (int i = 0; i < count; i++) predictions[first + i] = TensorPrimitives.IndexOfMax(scores.Slice(i * classes, classes));
        }
        return predictions;
    }

    /// <summary>Images, and the number of their domain for a model that asks for it, in the order of the model's inputs.</summary>
    public static OrtValue[] Inputs(InferenceSession session, OrtValue images, int count, long domain) =>
        [.. session.InputNames.Select(name => session.InputMetadata[name] is { ElementDataType: TensorElementType.Int64, Dimensions.Length: var rank }
            ? OrtValue.CreateTensorValueFromMemory(Enumerable.Repeat(domain, count).ToArray(), [count, .. Enumerable.Repeat(1L, rank - 1)])
            : images)];
}
