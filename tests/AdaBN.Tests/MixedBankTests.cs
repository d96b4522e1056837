using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>A set of images of two domains that nobody told apart: found, adapted to, and told again by the model itself.</summary>
[TestClass]
public sealed class MixedBankTests
{
    private const int Images = 800;

    [TestMethod]
    public void Found_domains_score_as_given_ones_and_far_better_than_the_mixture()
    {
        OnnxModel source = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
        (float[][] images, int[] labels, long[] domains) = Mixture();
        DomainBankResult result = DomainBank.Of(source).AdaptMixed(SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options);
        Assert.HasCount(2, result.Bank.Domains);
        Assert.HasCount(Images, result.Assigned);
        int agreeing = result.Assigned.Zip(domains).Count(pair => (pair.First == result.Assigned[0]) == (pair.Second == domains[0]));
        Assert.IsGreaterThanOrEqualTo(Images * 99 / 100, agreeing);

        OnnxModel routed = OnnxModel.FromBytes(result.Bank.ToModel().ToBytes()), mixed = BatchNormAdapter.Adapt(source, SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options).Model;
        CollectionAssert.AreEqual(source.Graph.RequiredInputs.Select(input => input.Name).ToArray(), routed.Graph.RequiredInputs.Select(input => input.Name).ToArray(), "the source model's inputs, no other");
        OnnxModel given = DomainBank.Of(source).Adapt(SampleSource.WithDomains(SampleSource.FromArrays(images, 1, 28, 28), domains), PaperAdaBN.Options).Bank.ToModel();
        int before = ShippedModelTests.Right(source, images, labels), together = ShippedModelTests.Right(mixed, images, labels), found = ShippedModelTests.Right(routed, images, labels);
        float[] logits = Scoring.Run(given, Tensors(images), domains);
        int told = logits.Chunk(10).Zip(labels).Count(pair => Array.IndexOf(pair.First, pair.First.Max()) == pair.Second);
        Console.WriteLine($"of {Images}: source {before}, statistics of the mixture {together}, domains given {told}, found {found}");
        Assert.IsGreaterThan(together + (Images / 10), told);
        Assert.IsGreaterThanOrEqualTo(0.9 * (told - together), found - together);
        if (OnnxChecker.IsInstalled) Assert.AreEqual(1, OnnxChecker.Check([routed]));
    }

    [TestMethod]
    public void The_model_tells_the_domains_that_the_search_told()
    {
        OnnxModel source = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
        (float[][] images, _, _) = Mixture();
        DomainBankResult result = DomainBank.Of(source).AdaptMixed(SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options);
        float[] routed = Scoring.Run(result.Bank.ToModel(), Tensors(images));
        DomainBank picked = result.Bank.Domains.Aggregate(DomainBank.Of(source), (bank, domain) => bank.With(result.Bank.Export(domain.Name), domain.Id));
        float[] told = Scoring.Run(picked.ToModel(), Tensors(images), [.. result.Assigned]);
        int same = Enumerable.Range(0, Images).Count(i => Enumerable.Range(0, 10).All(c => Math.Abs(routed[(i * 10) + c] - told[(i * 10) + c]) <= 1e-4));
        Assert.IsGreaterThanOrEqualTo(Images - 1, same);
    }

    [TestMethod]
    public void The_order_of_images_decides_nothing_and_the_bank_is_taken_apart_again()
    {
        OnnxModel source = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
        (float[][] images, _, _) = Mixture();
        DomainBankResult one = DomainBank.Of(source).AdaptMixed(SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options);
        DomainBankResult other = DomainBank.Of(source).AdaptMixed(SampleSource.FromArrays([.. images.Reverse()], 1, 28, 28), PaperAdaBN.Options with { MaxMemory = 0 });
        CollectionAssert.AreEqual(one.Assigned.ToArray(), other.Assigned.Reverse().ToArray());
        DomainBank opened = DomainBank.Open(OnnxModel.FromBytes(one.Bank.ToModel().ToBytes()));
        Assert.IsTrue(opened.TellsDomains);
        CollectionAssert.AreEqual(source.ToBytes(), opened.Source.ToBytes());
        CollectionAssert.AreEqual(one.Bank.ToModel().ToBytes(), opened.ToModel().ToBytes());
        float[] less = Scoring.Run(opened.Without("cluster 1").ToModel(), Tensors(images)), plain = Scoring.Run(source, Tensors(images));
        int first = Array.IndexOf([.. one.Assigned], 1L);
        for (int c = 0; c < 10; c++) Assert.AreEqual(plain[(first * 10) + c], less[(first * 10) + c], 1e-4, "a removed domain's images score as in the source model");
    }

    [TestMethod]
    public void Samples_that_are_no_pictures_and_banks_with_domains_are_refused()
    {
        var golden = new GoldenCase("linear_bn1d");
        Assert.Contains("told by the texture of pictures", Assert.ThrowsExactly<AdaptationException>(() => DomainBank.Of(golden.Model).AdaptMixed(golden.Source())).Message);
        OnnxModel twin = Twin.Plain().Build();
        DomainBank bank = DomainBank.Of(twin).With(BatchNormAdapter.Adapt(twin, Twin.Source, PaperAdaBN.Options).ToPatch("one"));
        Assert.ThrowsExactly<InvalidOperationException>(() => bank.AdaptMixed(Twin.Source));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => DomainBank.Of(twin).AdaptMixed(Twin.Source, mostDomains: 0));
        Assert.Contains("holds no sample", Assert.ThrowsExactly<AdaptationException>(() => DomainBank.Of(twin).AdaptMixed(SampleSource.FromArrays([], 3, 6, 6))).Message);
        DomainBankResult few = DomainBank.Of(twin).AdaptMixed(Twin.Source, PaperAdaBN.Options);
        Assert.HasCount(1, few.Bank.Domains, "too few to tell");
    }

    /// <summary>MNIST digits in a weak light, and others from a noisy sensor, in turn.</summary>
    private static (float[][] Images, int[] Labels, long[] Domains) Mixture()
    {
        (float[][] digits, int[] labels) = ShippedDigits.Mnist;
        var random = new Random(1);
        float Noise() => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        long[] domains = [.. Enumerable.Range(0, Images).Select(i => 1L + (i % 2))];
        return ([.. domains.Index().Select(at => digits[at.Index].Select(pixel => at.Item == 1 ? (0.25f * pixel) + 0.3f : Math.Clamp(pixel + (0.4f * Noise()), 0, 1)).ToArray())], labels[..Images], domains);
    }

    private static Dictionary<string, (float[], int[])> Tensors(float[][] images) => new() { ["image"] = ([.. images.SelectMany(image => image)], [images.Length, 1, 28, 28]) };
}
