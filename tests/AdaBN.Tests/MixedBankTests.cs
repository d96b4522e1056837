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
        DomainBankResult result = DomainBank.AdaptMixed(source, SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options);
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
    }

    [TestMethod]
    public void The_model_tells_the_domains_that_the_search_told()
    {
        OnnxModel source = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
        (float[][] images, _, _) = Mixture();
        DomainBankResult result = DomainBank.AdaptMixed(source, SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options);
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
        DomainBankResult one = DomainBank.AdaptMixed(source, SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options);
        DomainBankResult other = DomainBank.AdaptMixed(source, SampleSource.FromArrays([.. images.Reverse()], 1, 28, 28), PaperAdaBN.Options with { MaxMemory = 0 });
        CollectionAssert.AreEqual(one.Assigned.ToArray(), other.Assigned.Reverse().ToArray());
        string Header(DomainBankResult result) => result.Bank.ToModel().Metadata.Single(entry => entry.Key == "adabn.bank").Value;
        Assert.AreEqual(Header(one), Header(other), "the same router, bit for bit");
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
        Assert.Contains("told by the texture of pictures", Assert.ThrowsExactly<AdaptationException>(() => DomainBank.AdaptMixed(golden.Model, golden.Source())).Message);
        OnnxModel twin = Twin.Plain().Build();
        DomainBank bank = DomainBank.Of(twin).With(BatchNormAdapter.Adapt(twin, Twin.Source, PaperAdaBN.Options).ToPatch("one"));
        Assert.Contains("is a bank of domains already", Assert.ThrowsExactly<AdaptationException>(() => DomainBank.AdaptMixed(bank.ToModel(), Twin.Source)).Message);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => DomainBank.AdaptMixed(twin, Twin.Source, mostDomains: 0));
        Assert.Contains("holds no sample", Assert.ThrowsExactly<AdaptationException>(() => DomainBank.AdaptMixed(twin, SampleSource.FromArrays([], 3, 6, 6))).Message);
        DomainBankResult few = DomainBank.AdaptMixed(twin, Twin.Source, PaperAdaBN.Options);
        Assert.HasCount(1, few.Bank.Domains, "too few to tell");
    }

    [TestMethod]
    public void Channels_last_are_no_picture_and_a_plane_that_only_rounding_moves_tells_nothing()
    {
        OnnxModel last = new ModelBuilder().Input("x", -1, 8, 8, 3).Node("Transpose", ["x"], ["t"], ModelBuilder.Ints("perm", 0, 3, 1, 2)).BatchNorm("t", "y", 3).Output("y", -1, 3, 8, 8).Build();
        float[][] pixels = [.. Enumerable.Range(0, 40).Select(i => Twin.Numbers(i, 192, 0, 1))];
        Assert.Contains("channels first", Assert.ThrowsExactly<AdaptationException>(() => DomainBank.AdaptMixed(last, SampleSource.FromArrays(pixels, 8, 8, 3), PaperAdaBN.Options with { AllowImageOutput = true })).Message);

        OnnxModel three = new ModelBuilder().Input("x", -1, 3, 8, 8).BatchNorm("x", "y", 3).Output("y", -1, 3, 8, 8).Build();
        float[][] images = [.. Enumerable.Range(0, 400).Select(i => (float[])[.. Twin.Numbers(i, 128, 0, i % 2 == 0 ? 0.3f : 1), .. Enumerable.Repeat(i % 4 < 2 ? 1 : MathF.BitIncrement(1), 64)])];
        DomainBankResult found = DomainBank.AdaptMixed(three, SampleSource.FromArrays(images, 3, 8, 8), PaperAdaBN.Options with { AllowImageOutput = true });
        Assert.HasCount(2, found.Bank.Domains);
        var tensors = new Dictionary<string, (float[], int[])> { ["x"] = ([.. images.SelectMany(image => image)], [400, 3, 8, 8]) };
        float[] routed = Scoring.Run(found.Bank.ToModel(), tensors);
        DomainBank picked = found.Bank.Domains.Aggregate(DomainBank.Of(three), (bank, domain) => bank.With(found.Bank.Export(domain.Name), domain.Id));
        float[] told = Scoring.Run(picked.ToModel(), tensors, [.. found.Assigned]);
        for (int i = 0; i < told.Length; i++) Assert.AreEqual(told[i], routed[i], 1e-3, $"image {i / 192}");
    }

    [TestMethod]
    public void Half_models_tell_domains_too_whatever_their_values_are_called()
    {
        ModelBuilder builder = new ModelBuilder(opset: 15, irVersion: 8).Input("domain", -1, 3, 8, 8).BatchNorm("domain", "y", 3).Output("y", -1, 3, 8, 8);
        OnnxModel half = PrecisionTests.Convert(builder.Proto, ElementType.Float16);
        float[][] images = [.. Enumerable.Range(0, 200).Select(i => Twin.Numbers(i, 192, 0, i % 2 == 0 ? 0.3f : 1))];
        DomainBankResult found = DomainBank.AdaptMixed(half, SampleSource.FromArrays(images, 3, 8, 8), PaperAdaBN.Options with { AllowImageOutput = true });
        Assert.HasCount(2, found.Bank.Domains);
        Assert.IsTrue(found.Assigned.Index().All(at => (at.Item == found.Assigned[0]) == (at.Index % 2 == 0)));
        float[] scores = Scoring.Run(found.Bank.ToModel(), new Dictionary<string, (float[], int[])> { ["domain"] = ([.. images.SelectMany(image => image)], [200, 3, 8, 8]) });
        double SpreadOf(int image) => Math.Sqrt(scores[(image * 192)..((image + 1) * 192)].Average(score => (double)score * score));
        Assert.AreEqual(Enumerable.Range(0, 100).Average(i => SpreadOf(2 * i)), Enumerable.Range(0, 100).Average(i => SpreadOf((2 * i) + 1)), 0.02, "each domain normalized by its own spread");
    }

    [TestMethod]
    public void A_domain_that_the_router_would_never_pick_is_refused()
    {
        OnnxModel source = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
        (float[][] images, _, _) = Mixture();
        DomainBankResult found = DomainBank.AdaptMixed(source, SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options);
        DomainPatch patch = found.Bank.Export("cluster 1");
        Assert.Contains("would never pick 'south'", Assert.ThrowsExactly<AdaptationException>(() => found.Bank.With(patch.Named("south"))).Message);
        Assert.HasCount(2, found.Bank.With(patch.Named("cluster 2")).Domains, "its own may be replaced");
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
