using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>When the shift report raises an alarm on the shipped classifier, and when it must not.</summary>
[TestClass]
public sealed class DriftTests
{
    private static readonly OnnxModel Model = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
    private static readonly float[][] Digits = ShippedDigits.Mnist.Images;

    [TestMethod]
    [DataRow(8)]
    [DataRow(64)]
    [DataRow(500)]
    [DataRow(2000)]
    public void Unseen_images_of_the_model_s_own_domain_raise_no_alarm(int images)
    {
        for (int first = 0; first + images <= Digits.Length; first += Math.Max(images, 250))
            Assert.IsFalse(DomainShift.Measure(Model, Source(Digits[first..(first + images)])).HasDrifted, $"images {first} to {first + images - 1}");
    }

    [TestMethod]
    [DataRow(10, 40)]
    [DataRow(100, 20)]
    [DataRow(1000, 5)]
    public void Random_halves_raise_no_alarm_and_pure_chance_seldom_passes_for_a_shift(int size, int trials)
    {
        var random = new Random(size);
        int aboveChance = 0;
        for (int trial = 0; trial < trials; trial++)
        {
            float[][] drawn = [.. Digits.OrderBy(_ => random.Next()).Take(2 * size)];
            ShiftReport report = DomainShift.Measure(Model, Source(drawn[..size]), new ShiftOptions { SourceSamples = Source(drawn[size..]) });
            Assert.IsFalse(report.HasDrifted, $"trial {trial}");
            if (report.Layers.Any(layer => layer.LowerBound > 0)) aboveChance++; // what a threshold of 0 would alarm at
        }
        Console.WriteLine($"{aboveChance} of {trials} above chance");
        Assert.IsLessThanOrEqualTo(trials / 20, aboveChance);
    }

    [TestMethod]
    public void Another_scanner_and_corruptions_raise_it()
    {
        float[][] scans = ShippedDigits.Scans.Images;
        var random = new Random(1);
        float Noise() => (float)(0.15 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        (string Name, float[][] Images)[] domains =
        [
            ("scanner", scans), ("64 scans", scans[..64]), ("contrast", Changed(x => x * 0.6f)), ("brightness", Changed(x => Math.Min(1, x + 0.15f))), ("noise", Changed(x => Math.Clamp(x + Noise(), 0, 1))),
        ];
        foreach ((string name, float[][] images) in domains)
        {
            Assert.IsTrue(DomainShift.Measure(Model, Source(images)).HasDrifted, name);
            Assert.IsTrue(DomainShift.Measure(Model, Source(images), new ShiftOptions { SourceSamples = Source(Digits[1000..]) }).HasDrifted, $"{name}, against samples");
            Assert.IsFalse(DomainShift.Measure(Model, Source(images), new ShiftOptions { Threshold = 10 }).HasDrifted, name);
        }

        float[][] Changed(Func<float, float> change) => [.. Digits[..500].Select(digit => digit.Select(change).ToArray())];
    }

    [TestMethod]
    public void A_model_adapted_to_a_domain_finds_no_drift_there_but_at_home()
    {
        float[][] scans = [.. ShippedDigits.Scans.Images];
        new Random(1).Shuffle(scans);
        OnnxModel adapted = BatchNormAdapter.Adapt(Model, Source(scans[..900]), PaperAdaBN.Options).Model;
        Assert.IsFalse(DomainShift.Measure(adapted, Source(scans[900..])).HasDrifted);
        Assert.IsTrue(DomainShift.Measure(adapted, Source(Digits[..500])).HasDrifted);
    }

    private static ISampleSource Source(float[][] images) => SampleSource.FromArrays(images, 1, 28, 28);
}
