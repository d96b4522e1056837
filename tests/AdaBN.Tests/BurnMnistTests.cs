using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Another project's digit classifier, not ours to ship: batch axis fixed at 1, BatchNormalization behind a ReLU and, of rank 2, behind a Gemm.</summary>
[TestClass]
public sealed class BurnMnistTests
{
    [TestMethod]
    public void Another_project_s_digit_classifier_gains_on_another_scanner_s_digits()
    {
        string? data = Environment.GetEnvironmentVariable("ADABN_DATA");
        if (data is null) Assert.Inconclusive("ADABN_DATA names no folder with larger models (in its subfolder models).");
        string file = Path.Combine(data, "models", "burn_mnist.onnx");
        if (!File.Exists(file)) Assert.Inconclusive($"There is no {file}.");
        OnnxModel source = OnnxModel.Load(file);
        const float mean = 0.1307f, deviation = 0.3081f; // what the classifier was trained with
        (float[][] digits, int[] labels) = ShippedDigits.Scans;
        float[][] scans = [.. digits.Select(scan => scan.Select(pixel => (pixel - mean) / deviation).ToArray())];
        OnnxModel adapted = BatchNormAdapter.Adapt(source, SampleSource.FromArrays(scans, 1, 28, 28), PaperAdaBN.Options).Model;

        double before = Accuracy(source, scans, labels), after = Accuracy(adapted, scans, labels);
        Console.WriteLine($"{before:0.0} % before, {after:0.0} % after");
        Assert.AreEqual(72.6, before, 1);
        Assert.AreEqual(90, after, 1);
    }

    private static double Accuracy(OnnxModel model, float[][] images, int[] labels)
    {
        float[] scores = Scoring.Run(model, new Dictionary<string, (float[], int[])> { [model.Graph.RequiredInputs.Single().Name] = ([.. images.SelectMany(image => image)], [images.Length, 1, 28, 28]) });
        int right = scores.Chunk(10).Select(digit => Array.IndexOf(digit, digit.Max())).Zip(labels).Count(pair => pair.First == pair.Second);
        return 100.0 * right / labels.Length;
    }
}
