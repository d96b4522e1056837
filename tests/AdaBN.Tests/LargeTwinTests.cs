using System.Globalization;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Real architectures, exported by PyTorch with BatchNormalization kept and folded; made by tests/Folded/make_twins.py, too large to commit.</summary>
[TestClass]
public sealed class LargeTwinTests
{
    private static readonly string? Folder = Environment.GetEnvironmentVariable("ADABN_TWINS");

    [TestMethod]
    [DataRow("resnet18", 20, 0)]
    [DataRow("resnet50", 53, 0)]
    [DataRow("mobilenet_v2", 52, 0)]
    [DataRow("densenet121", 59, 62)]
    public void Folded_and_adapted_it_scores_as_float64_PyTorch_with_BatchNormalization_kept(string name, int folded, int kept)
    {
        FoldedTwin twin = Open(name);
        AdaptationResult result = twin.Adapt();
        Assert.AreEqual(folded, result.Report.Layers.Count - kept);
        Assert.HasCount(folded, twin.Measure().Layers);
        Assert.HasCount(kept + folded, BatchNormAdapter.Adapt(twin.Kept, twin.Target, PaperAdaBN.Options).Report.Layers);
        double difference = FoldedTwin.Difference(twin.ExpectedLogits, twin.Logits(result.Model)), unadapted = FoldedTwin.Difference(twin.ExpectedLogits, twin.Logits(twin.Folded));
        double againstKept = FoldedTwin.Difference([.. twin.Logits(BatchNormAdapter.Adapt(twin.Kept, twin.Target, PaperAdaBN.Options).Model)], twin.Logits(result.Model));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: off float64 by {difference:g2}, off the kept twin by {againstKept:g2}; not adapted {unadapted:g2}"));
        Assert.IsLessThan(1e-3, difference);
        Assert.IsLessThan(1e-3, againstKept);
        Assert.IsGreaterThan(0.05, unadapted);
    }

    [TestMethod]
    [DataRow("cifar10_resnet20")]
    [DataRow("cifar10_resnet20_contrast")]
    [DataRow("cifar10_resnet20_noise")]
    public void A_trained_network_is_no_less_accurate_folded_than_kept(string name)
    {
        FoldedTwin twin = Open(name);
        long[] labels = Npy.Read<long>(twin.File("labels.npy")).Data;
        int Right(OnnxModel model) => twin.Logits(model).Chunk(10).Select(scores => Array.IndexOf(scores, scores.Max())).Zip(labels).Count(pair => pair.First == pair.Second);
        int before = Right(twin.Folded), kept = Right(BatchNormAdapter.Adapt(twin.Kept, twin.Target, PaperAdaBN.Options).Model), folded = Right(twin.Adapt().Model);
        Console.WriteLine($"{name}, of {labels.Length}: {before} right before, {kept} kept and adapted, {folded} folded and adapted");
        // Not equal: the reference says what outputs look like on source images as they are, the running statistics what they looked like in
        // training, with augmented images and batch by batch.
        Assert.IsGreaterThanOrEqualTo(kept - (labels.Length / 50), folded);
    }

    private static FoldedTwin Open(string name)
    {
        if (Folder is null) Assert.Inconclusive("ADABN_TWINS names no folder of large twins; tests/Folded/make_twins.py makes one.");
        if (!Directory.Exists(Path.Combine(Folder, name))) Assert.Inconclusive($"There is no twin of {name} in {Folder}; tests/Folded/make_twins.py makes it.");
        return new FoldedTwin(Path.Combine(Folder, name));
    }
}
