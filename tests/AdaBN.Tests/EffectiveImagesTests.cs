using AdaBN.Distributed;
using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>How many independent images a sequence is worth.</summary>
[TestClass]
public sealed class EffectiveImagesTests
{
    private static readonly (float[][] Images, int[] Labels) Source = ShippedDigits.Mnist;
    private static readonly (float[][] Images, int[] Labels) Target = ShippedDigits.Scans;

    [TestMethod]
    public void It_equals_its_definition()
    {
        float[][] film = Film(new Random(3), 150, 0.8);
        foreach (int n in (int[])[8, 9, 37, 150])
        {
            float[][] images = film[..n];
            double V(int lag) => Enumerable.Range(lag, n - lag).Average(i => 0.5 * images[i].Zip(images[i - lag], (x, y) => ((double)x - y) * ((double)x - y)).Sum());
            int lags = Math.Min(64, n / 2);
            double far = Enumerable.Range(lags / 2, lags - (lags / 2)).Average(V), sum = 0;
            for (int lag = 1; lag < lags / 2 && 1 - (V(lag) / far) > 2 / Math.Sqrt(n); lag++) sum += 1 - (V(lag) / far);
            double atZero = (2 * (1 - (V(1) / far))) - (1 - (V(2) / far));
            Assert.AreEqual(atZero > 0.75 ? n / (1 + (2 * sum)) : n, Worth(images), 1e-4 * n, $"{n} images");
        }
    }

    /// <summary>Autoregressive noise of known autocorrelation a^k: n·(1 − a)/(1 + a) independent ones.</summary>
    [TestMethod]
    [DataRow(0.6)]
    [DataRow(0.8)]
    [DataRow(0.9)]
    public void A_film_of_known_autocorrelation_is_worth_what_the_formula_says(double a)
    {
        double[] shares = [.. Enumerable.Range(0, 10).Select(seed => Worth(Film(new Random(seed), 2000, a)) / 2000)];
        double expected = (1 - a) / (1 + a);
        Assert.AreEqual(expected, shares.Average(), 0.2 * expected);
    }

    [TestMethod]
    public void Random_order_is_worth_all_of_its_images_and_raises_no_false_alarm()
    {
        var random = new Random(11);
        foreach ((float[][] images, _) in (IEnumerable<(float[][], int[])>)[Source, Target])
        {
            foreach (int n in (int[])[8, 16, 32, 64, 256])
            {
                int alarms = 0;
                const int draws = 200;
                for (int draw = 0; draw < draws; draw++)
                {
                    double worth = Worth(Draw(random, images, n));
                    Assert.IsTrue(worth >= 1 && worth <= n);
                    if (worth < n) alarms++;
                }
                Assert.IsLessThanOrEqualTo(draws / 50, alarms, $"{n} images");
                if (n >= 32) Assert.AreEqual(0, alarms, $"{n} images");
            }
        }
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(5)]
    [DataRow(10)]
    [DataRow(25)]
    public void Each_image_again_and_again_counts_once(int times)
    {
        var random = new Random(times);
        double[] worths = [.. Enumerable.Range(0, 20).Select(_ => Worth([.. Draw(random, Source.Images, 60).SelectMany(image => Enumerable.Repeat(image, times))]))];
        Assert.AreEqual(60, worths.Average(), 12);
    }

    [TestMethod]
    public void One_image_for_ever_is_one_and_few_images_count_as_they_are()
    {
        Assert.AreEqual(1, Worth([.. Enumerable.Repeat(Source.Images[0], 100)]));
        Assert.AreEqual(7, Worth([.. Enumerable.Repeat(Source.Images[0], 7)]));
        Assert.AreEqual(100, Worth([.. Enumerable.Range(0, 100).Select(i => Enumerable.Repeat(i % 3 == 0 ? 3e38f : -3e38f, 784).ToArray())]), "squares of these overflow");
    }

    /// <summary>Files sorted by class are as many images as in any other order: classes are no near-duplicates.</summary>
    [TestMethod]
    public void Sorted_by_class_is_worth_all_of_its_images()
    {
        var random = new Random(2);
        foreach ((float[][] images, int[] labels) in (IEnumerable<(float[][], int[])>)[Source, Target])
        {
            foreach (int n in (int[])[50, 100, 400, images.Length])
            {
                int[] chosen = [.. Enumerable.Range(0, images.Length)];
                random.Shuffle(chosen);
                Assert.AreEqual(n, Worth([.. chosen.Take(n).OrderBy(i => labels[i]).Select(i => images[i])]), $"{n} images");
            }
        }
    }

    [TestMethod]
    public void The_report_gives_it_for_any_batches_and_a_finding_where_it_is_much_less()
    {
        OnnxModel model = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
        AdaptationReport Report(float[][] images, int batch, int workers) =>
            BatchNormAdapter.Adapt(model, SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options with { BatchSize = batch, Workers = workers }).Report;
        float[][] few = Target.Images[..30], film = [.. few.SelectMany(image => Enumerable.Repeat(image, 10))];
        AdaptationReport repeated = Report(film, 7, 2), plain = Report(Target.Images[..300], 64, 2);
        Assert.AreEqual(Worth(film), repeated.EffectiveImages);
        Assert.AreEqual(repeated.EffectiveImages, Report(film, 1, 3).EffectiveImages);
        Assert.AreEqual(300, plain.EffectiveImages);
        Assert.AreEqual(30, repeated.EffectiveImages, 8);
        string finding = repeated.Findings.Single(finding => finding.Contains("much alike", StringComparison.Ordinal));
        Assert.Contains($"the 300 are worth about {Math.Ceiling(repeated.EffectiveImages)} independent ones", finding);
        Assert.DoesNotContain("much alike", string.Join(' ', plain.Findings));
        Assert.Contains("\"effectiveImages\": 300", plain.ToJson());

        // Errors of 300 repeats are those of the 30 images, and a prior of 30 images weighs against them as it does against these.
        LayerReport stated = repeated.Layers[0], honest = Report(few, 7, 2).Layers[0];
        for (int c = 0; c < stated.Channels; c++) Assert.AreEqual(1, stated.MeanStandardError[c] / honest.MeanStandardError[c], 0.2);
        LayerReport prior = BatchNormAdapter.Adapt(model, SampleSource.FromArrays(film, 1, 28, 28), PaperAdaBN.Options with { Policy = AdaptationPolicy.SourcePrior(30) }).Report.Layers[0];
        double share = repeated.EffectiveImages / (30 + repeated.EffectiveImages);
        for (int c = 0; c < prior.Channels; c++) Assert.AreEqual(prior.SourceMean[c] + (share * (prior.TargetMean[c] - prior.SourceMean[c])), prior.AdaptedMean[c], 1e-9);
    }

    private static double Worth(IReadOnlyList<float[]> images)
    {
        var neighbours = new NeighbourResemblance([new SampleInput(null, [images[0].Length])], Share.Whole(images.Count, null));
        foreach (float[] image in images) neighbours.Add([image.AsMemory()]);
        neighbours.Complete(CancellationToken.None);
        return neighbours.EffectiveImages();
    }

    private static float[][] Draw(Random random, float[][] images, int count)
    {
        float[][] drawn = [.. images];
        random.Shuffle(drawn);
        return drawn[..count];
    }

    private static float[][] Film(Random random, int count, double a)
    {
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        var pixels = Enumerable.Range(0, 20).Select(_ => Normal()).ToArray();
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            for (int i = 0; i < pixels.Length; i++) pixels[i] = (a * pixels[i]) + (Math.Sqrt(1 - (a * a)) * Normal());
            return pixels.Select(pixel => (float)pixel).ToArray();
        })];
    }
}
