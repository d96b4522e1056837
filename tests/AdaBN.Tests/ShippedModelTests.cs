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

    [TestMethod]
    public void Aligned_pixels_undo_other_light_and_a_little_of_another_scanner()
    {
        (float[][] digits, int[] labels) = ShippedDigits.Mnist;
        OnnxModel model = OnnxModel.Load(Repository.Model("digits-cnn-folded.onnx")); // taken as one that never had BatchNormalization
        int half = digits.Length / 2;
        ReferenceStatistics reference = ReferenceStatistics.MeasurePixels(model, SampleSource.FromArrays(digits[..half], 1, 28, 28));
        int Aligned(float[][] images, int[] classes, AdaptationOptions options) =>
            Right(BatchNormAdapter.Adapt(model, SampleSource.FromArrays(images, 1, 28, 28), options with { Reference = reference }).Model, images, classes);

        (float[][] unseen, int[] classes) = (digits[half..], labels[half..]);
        float[][] faint = [.. unseen.Select(digit => digit.Select(pixel => (pixel * 0.2f) + 0.4f).ToArray())];
        int own = Right(model, unseen, classes), before = Right(model, faint, classes), after = Aligned(faint, classes, PaperAdaBN.Options), byDefault = Aligned(faint, classes, new AdaptationOptions());
        (float[][] scans, int[] scanned) = ShippedDigits.Scans;
        int scansBefore = Right(model, scans, scanned), scansAfter = Aligned(scans, scanned, PaperAdaBN.Options), scansByDefault = Aligned(scans, scanned, new AdaptationOptions());
        Console.WriteLine($"of {half} unseen digits {own} right; faint on grey {before} before, {after} aligned, {byDefault} by the default policy; of {scans.Length} scans {scansBefore} before, {scansAfter} aligned, {scansByDefault} by the default policy");
        Assert.AreEqual(own, Aligned(unseen, classes, PaperAdaBN.Options), 2);
        Assert.AreEqual(195, before, 2);
        Assert.AreEqual(own, after, 2);
        Assert.AreEqual(own, byDefault, 5);
        Assert.AreEqual(1143, scansBefore, 2);
        Assert.AreEqual(1276, scansAfter, 2); // strokes of other width and shape are no matter of light: its layers' own statistics bring 1680
        Assert.AreEqual(scansBefore, scansByDefault, 2); // it cannot tell that gain from none, and keeps the source
    }

    internal static int Right(OnnxModel model, float[][] images, int[] labels) => Predictions(model, images).Zip(labels).Count(pair => pair.First == pair.Second);

    private static int[] Predictions(OnnxModel model, float[][] digits)
    {
        float[] logits = Scoring.Run(model, new Dictionary<string, (float[], int[])> { ["image"] = ([.. digits.SelectMany(digit => digit)], [digits.Length, 1, 28, 28]) });
        return [.. logits.Chunk(10).Select(scores => Array.IndexOf(scores, scores.Max()))];
    }
}
