using System.IO.Compression;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>The shipped classifier on its own domain: adapting where nothing shifted must change next to nothing.</summary>
[TestClass]
public sealed class ShippedModelTests
{
    [TestMethod]
    public void Adapting_to_the_source_s_own_domain_is_nearly_no_change()
    {
        float[][] digits = ControlDigits();
        OnnxModel source = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
        AdaptationResult result = BatchNormAdapter.Adapt(source, SampleSource.FromArrays(digits, 1, 28, 28));

        foreach (LayerReport layer in result.Report.Layers) Assert.IsLessThan(0.02, layer.Shift, layer.Name);
        int[] before = Predictions(source, digits), after = Predictions(result.Model, digits);
        int changed = before.Zip(after).Count(pair => pair.First != pair.Second);
        Assert.IsLessThanOrEqualTo(digits.Length / 100, changed);
    }

    private static int[] Predictions(OnnxModel model, float[][] digits)
    {
        float[] logits = Scoring.Run(model, new Dictionary<string, (float[], int[])> { ["image"] = ([.. digits.SelectMany(digit => digit)], [digits.Length, 1, 28, 28]) });
        return [.. logits.Chunk(10).Select(scores => Array.IndexOf(scores, scores.Max()))];
    }

    private static float[][] ControlDigits()
    {
        string file = Path.Combine(Repository.Root, "examples", "DigitsNewScanner", "data", "mnist-control.csv.gz");
        using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        List<float[]> digits = [];
        while (reader.ReadLine() is { } line) digits.Add([.. line.Split(',')[..^1].Select(value => int.Parse(value) / 255f)]);
        return [.. digits];
    }
}
