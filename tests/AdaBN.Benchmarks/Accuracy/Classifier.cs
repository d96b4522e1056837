using System.Numerics.Tensors;
using AdaBN.Onnx;
using Microsoft.ML.OnnxRuntime;

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
    public int[] Predict(OnnxModel model, float[][] prepared)
    {
        using var settings = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using var session = new InferenceSession(model.ToBytes(), settings);
        int batch = session.InputMetadata.Values.Single().Dimensions[0] is > 0 and var fixedAxis ? fixedAxis : Batch;
        var predictions = new int[prepared.Length];
        for (int first = 0; first < prepared.Length; first += batch)
        {
            int count = Math.Min(batch, prepared.Length - first);
            float[] data = [.. prepared.AsSpan(first, count).ToArray().SelectMany(image => image)];
            using var input = OrtValue.CreateTensorValueFromMemory(data, [count, .. Shape.Select(axis => (long)axis)]);
            using var run = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, [session.InputNames[0]], [input], [session.OutputNames[0]]);
            ReadOnlySpan<float> scores = outputs[0].GetTensorDataAsSpan<float>();
            int classes = scores.Length / count;
            for (int i = 0; i < count; i++) predictions[first + i] = TensorPrimitives.IndexOfMax(scores.Slice(i * classes, classes));
        }
        return predictions;
    }
}
