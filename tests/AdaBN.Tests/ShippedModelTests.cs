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
        (float[][] digits, _) = ShippedDigits.Mnist;
        OnnxModel source = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
        AdaptationResult result = BatchNormAdapter.Adapt(source, SampleSource.FromArrays(digits, 1, 28, 28), PaperAdaBN.Options);

        foreach (LayerReport layer in result.Report.Layers) Assert.IsLessThan(0.02, layer.Shift, layer.Name);
        int[] before = Predictions(source, digits), after = Predictions(result.Model, digits);
        int changed = before.Zip(after).Count(pair => pair.First != pair.Second);
        Assert.IsLessThanOrEqualTo(digits.Length / 100, changed);
    }

    [TestMethod]
    public void The_folded_classifier_adapts_as_well_as_the_one_with_BatchNormalization_kept()
    {
        (float[][] source, _) = ShippedDigits.Mnist;
        (float[][] target, int[] labels) = ShippedDigits.Scans;
        OnnxModel kept = OnnxModel.Load(Repository.Model("digits-cnn.onnx")), folded = OnnxModel.Load(Repository.Model("digits-cnn-folded.onnx"));
        ReferenceStatistics reference = ReferenceStatistics.Measure(folded, SampleSource.FromArrays(source, 1, 28, 28));
        CollectionAssert.AreEqual(new[] { 12, 24, 32, 32, 32 }, reference.Layers.Select(layer => layer.Mean.Count).ToArray());

        ISampleSource samples = SampleSource.FromArrays(target, 1, 28, 28);
        int before = Right(folded, target, labels), keptRight = Right(BatchNormAdapter.Adapt(kept, samples, PaperAdaBN.Options).Model, target, labels);
        int foldedRight = Right(BatchNormAdapter.Adapt(folded, samples, PaperAdaBN.Options with { Reference = reference }).Model, target, labels);
        Console.WriteLine($"of {labels.Length}: {before} right before, {keptRight} kept and adapted, {foldedRight} folded and adapted");
        Assert.AreEqual(1143, before, 2);
        Assert.AreEqual(1680, keptRight, 2);
        // The reference comes from 2000 images that training never saw, the running statistics from training itself.
        Assert.AreEqual(keptRight, foldedRight, labels.Length / 100);
    }

    internal static int Right(OnnxModel model, float[][] images, int[] labels) => Predictions(model, images).Zip(labels).Count(pair => pair.First == pair.Second);

    private static int[] Predictions(OnnxModel model, float[][] digits)
    {
        float[] logits = Scoring.Run(model, new Dictionary<string, (float[], int[])> { ["image"] = ([.. digits.SelectMany(digit => digit)], [digits.Length, 1, 28, 28]) });
        return [.. logits.Chunk(10).Select(scores => Array.IndexOf(scores, scores.Max()))];
    }
}
