using AdaBN.Domains;

namespace AdaBN.Tests;

/// <summary>Domains found in a set: how many, which image is of which, and a router that says the same of any image.</summary>
[TestClass]
public sealed class ImageClustersTests
{
    [TestMethod]
    [DataRow(1, 12, 500)]
    [DataRow(2, 30, 1000)]
    [DataRow(3, 30, 64)]
    [DataRow(4, 60, 40)]
    [DataRow(5, 3, 16)]
    [DataRow(6, 3, 1)]
    public void One_domain_stays_one_whatever_its_shape(int seed, int features, int images)
    {
        Func<Random, double>[] shapes = [Gaussian, random => random.NextDouble(), random => -Math.Log(1 - random.NextDouble()), random => Math.Exp(Gaussian(random)), random => Math.Round(Gaussian(random))];
        foreach ((int shape, Func<Random, double> draw) in shapes.Index())
        {
            var random = new Random((seed * 10) + shape);
            double[][] mixing = Rows(features, features, () => Gaussian(random));
            double[][] rows = [.. Rows(images, features, () => draw(random)).Select(row => mixing.Select(weights => weights.Zip(row, (w, x) => w * x).Sum()).ToArray())];
            Assert.AreEqual(1, ImageClusters.Find(rows).Count, $"shape {shape}");
        }
    }

    [TestMethod]
    [DataRow("301,299", 8, DisplayName = "two of nearly equal size")]
    [DataRow("950,50", 8, DisplayName = "95 % and 5 %")]
    [DataRow("500,300,200", 8, DisplayName = "three")]
    [DataRow("200,190,180,170,160", 12, DisplayName = "five")]
    [DataRow("40,30", 60, DisplayName = "as many features as images")]
    [DataRow("25,20", 90, DisplayName = "fewer images than features")]
    [DataRow("3000,2000", 6, DisplayName = "more images than are looked at")]
    public void Domains_that_lie_apart_are_found_and_numbered_by_size(string sizes, int features)
    {
        int[] images = [.. sizes.Split(',').Select(int.Parse)];
        (double[][] rows, int[] domain) = Domains(images, features, apart: features > images.Sum() / 2 ? 60 : 14, seed: features);
        ImageClusters found = ImageClusters.Find(rows);
        Assert.AreEqual(images.Length, found.Count);
        CollectionAssert.AreEqual(domain, found.Assignment);
    }

    [TestMethod]
    public void A_direction_hidden_among_strongly_correlated_features_is_found()
    {
        // All features follow one that varies further than the domains lie apart, which no feature by itself shows.
        var random = new Random(3);
        int[] domain = [.. Enumerable.Range(0, 600).Select(i => i % 3 == 0 ? 1 : 0)];
        double[][] rows = [.. domain.Select(d =>
        {
            double common = Gaussian(random);
            return Enumerable.Range(0, 10).Select(j => common + (0.1 * Gaussian(random)) + (j % 2 == 0 ? 0.8 * d : 0)).ToArray();
        })];
        Assert.AreEqual(1, ImageClusters.Find([.. rows.Select(row => row[..1])]).Count);
        int[] found = ImageClusters.Find(rows).Assignment;
        Assert.AreEqual(0, found.Zip(domain).Count(pair => pair.First != pair.Second));
    }

    [TestMethod]
    public void The_router_is_Fishers_discriminant_of_the_clusters_it_tells()
    {
        foreach (int features in (int[])[1, 4])
        {
            (double[][] rows, _) = Domains([400, 200], features, apart: 9, seed: 11);
            ImageClusters found = ImageClusters.Find(rows);
            Assert.AreEqual(2, found.Count);
            double[][][] members = [.. Enumerable.Range(0, 2).Select(k => rows.Where((_, i) => found.Assignment[i] == k).ToArray())];
            double[][] means = [.. members.Select(group => Enumerable.Range(0, features).Select(j => group.Average(row => row[j])).ToArray())];
            double[] w = [.. Enumerable.Range(0, features).Select(j => found.Router.Weights[0][j] - found.Router.Weights[1][j])];
            for (int a = 0; a < features; a++)
            {
                // S·w = m0 − m1, S the covariance within clusters, shrunk off its diagonal.
                double product = Enumerable.Range(0, features).Sum(b => w[b] * (a == b ? 1 : rows.Length / (double)(rows.Length + features))
                    * members.Select((group, k) => group.Sum(row => (row[a] - means[k][a]) * (row[b] - means[k][b]))).Sum() / (rows.Length - 2));
                Assert.AreEqual(means[0][a] - means[1][a], product, 1e-3 * Math.Abs(means[0][a] - means[1][a]));
            }
            double middle = Enumerable.Range(0, features).Sum(j => w[j] * (means[0][j] + means[1][j]) / 2);
            Assert.AreEqual(Math.Log((double)members[0].Length / members[1].Length) - middle, found.Router.Offsets[0] - found.Router.Offsets[1], 1e-6 * Math.Abs(middle));
        }
    }

    [TestMethod]
    public void Order_of_images_changes_nothing_and_every_assignment_is_the_routers()
    {
        (double[][] rows, _) = Domains([130, 100, 70], 9, apart: 10, seed: 5);
        ImageClusters first = ImageClusters.Find(rows);
        int[] order = [.. Enumerable.Range(0, rows.Length)];
        foreach (int seed in (int[])[1, 2])
        {
            new Random(seed).Shuffle(order);
            ImageClusters found = ImageClusters.Find([.. order.Select(i => rows[i])]);
            CollectionAssert.AreEqual(order.Select(i => first.Assignment[i]).ToArray(), found.Assignment);
            for (int k = 0; k < first.Count; k++) CollectionAssert.AreEqual(first.Router.Weights[k], found.Router.Weights[k]);
            CollectionAssert.AreEqual(first.Router.Offsets, found.Router.Offsets);
        }
        for (int i = 0; i < rows.Length; i++)
        {
            double[] scores = [.. first.Router.Weights.Select((weights, k) => weights.Zip(rows[i], (w, x) => w * x).Sum() + first.Router.Offsets[k])];
            Assert.AreEqual(Array.IndexOf(scores, scores.Max()), first.Assignment[i]);
        }
    }

    [TestMethod]
    public void Of_equal_scores_the_first_wins() => Assert.AreEqual(1, new LinearRouter([[0], [1], [1]], [0, 0, 0]).Of([2.0]));

    [TestMethod]
    public void Units_of_features_and_features_that_never_vary_change_nothing()
    {
        (double[][] rows, int[] domain) = Domains([150, 90], 6, apart: 10, seed: 8);
        double[] unit = [1e-3, 1, 1e3, 7, 1e-5, 2], offset = [5, -1e3, 0, 1, 1, 1e4];
        double[][] others = [.. rows.Select(row => (double[])[3, .. row.Select((value, j) => (value * unit[j]) + offset[j]), 0])];
        ImageClusters found = ImageClusters.Find(others);
        CollectionAssert.AreEqual(domain, found.Assignment);
        Assert.IsTrue(found.Router.Weights.All(weights => weights[0] == 0 && weights[^1] == 0));
    }

    [TestMethod]
    public void Copies_of_images_are_no_domains_unless_they_lie_apart()
    {
        Assert.AreEqual(1, ImageClusters.Find([.. Enumerable.Repeat((double[])[1, 2, 3], 200)]).Count);
        double[][] two = [.. Enumerable.Range(0, 200).Select(i => (double[])[i % 4 == 0 ? 1 : 0, 2, 3])];
        CollectionAssert.AreEqual(two.Select(row => (int)row[0]).ToArray(), ImageClusters.Find(two).Assignment);
        (double[][] rows, int[] domain) = Domains([60, 40], 5, apart: 12, seed: 2);
        CollectionAssert.AreEqual(domain.Concat(domain).Concat(domain).ToArray(), ImageClusters.Find([.. rows, .. rows, .. rows]).Assignment);
    }

    [TestMethod]
    public void Clusters_hold_enough_images_and_are_not_too_many()
    {
        (double[][] few, _) = Domains([300, ImageClusters.LeastImages - 1], 5, apart: 30, seed: 4);
        Assert.AreEqual(1, ImageClusters.Find(few).Count);
        (double[][] many, _) = Domains([.. Enumerable.Range(0, 12).Select(k => 100 - k)], 16, apart: 30, seed: 6);
        ImageClusters found = ImageClusters.Find(many);
        Assert.AreEqual(ImageClusters.Most, found.Count);
        Assert.IsTrue(Discriminant.Sizes(found.Assignment, found.Count).All(size => size >= ImageClusters.LeastImages));
        Assert.AreEqual(3, ImageClusters.Find(many, most: 3).Count);
    }

    [TestMethod]
    public void What_is_no_table_of_numbers_is_refused()
    {
        foreach (double bad in (double[])[double.NaN, double.PositiveInfinity])
        {
            AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => ImageClusters.Find([[1, 2], [3, bad], [4, 5]]));
            Assert.AreEqual(AdaptationError.NonFinite, e.Error);
            StringAssert.Contains(e.Message, "Feature 1 of image 1");
        }
        Assert.ThrowsExactly<ArgumentException>(() => ImageClusters.Find([[1, 2], [3]]));
        Assert.ThrowsExactly<ArgumentException>(() => ImageClusters.Find([]));
    }

    [TestMethod]
    public void Texture_is_the_variance_of_cosine_coefficients_of_windows()
    {
        var random = new Random(9);
        (int planes, int height, int width) = (2, 7, 5);
        float[] image = [.. Enumerable.Range(0, planes * height * width).Select(i => (float)(1000 + Gaussian(random)))];
        double[] moments = TextureFeatures.Moments(image, new SampleInput(null, [planes, height, width]));
        double floor = TextureFeatures.FloorOf([moments]);
        double[] features = TextureFeatures.Of(moments, floor);
        Assert.HasCount(planes * TextureFeatures.PerPlane, features);
        for (int p = 0; p < planes; p++)
        {
            for (int u = 0; u < 3; u++)
            {
                for (int v = 0; v < 3; v++)
                {
                    double Wave(int frequency, int at) => Math.Sqrt((frequency == 0 ? 1 : 2) / 3.0) * Math.Cos(((2 * at) + 1) * frequency * Math.PI / 6);
                    double[] coefficients = [.. from y in Enumerable.Range(0, height - 2) from x in Enumerable.Range(0, width - 2)
                        select (from dy in Enumerable.Range(0, 3) from dx in Enumerable.Range(0, 3) select Wave(u, dy) * Wave(v, dx) * image[(((p * height) + y + dy) * width) + x + dx]).Sum()];
                    double mean = coefficients.Average(), variance = coefficients.Average(value => (value - mean) * (value - mean));
                    Assert.AreEqual(Math.Log(variance + floor), features[(p * 10) + 1 + (u * 3) + v], 1e-8, $"plane {p}, wave {u}, {v}");
                    if (u + v == 0) Assert.AreEqual(mean / 3, features[p * 10], 1e-9);
                }
            }
        }
        Assert.IsFalse(TextureFeatures.Apply(new SampleInput(null, [12])) || TextureFeatures.Apply(new SampleInput(null, [3, 2, 9])));
    }

    /// <summary>Gaussian domains of one covariance, their centres so many deviations apart or more; images in mixed order, domains numbered by size.</summary>
    private static (double[][] Rows, int[] Domain) Domains(int[] sizes, int features, double apart, int seed)
    {
        var random = new Random(seed);
        double[][] mixing = Rows(features, features, () => Gaussian(random));
        double[][] centres = [.. sizes.Select((_, k) => Enumerable.Range(0, features).Select(j => j == k % features ? apart * (1 + (k / features)) : 0.0).ToArray())];
        int[] domain = [.. sizes.SelectMany((size, k) => Enumerable.Repeat(k, size))];
        random.Shuffle(domain);
        return ([.. domain.Select(k => centres[k].Select(value => value + Gaussian(random)).ToArray()).Select(row => mixing.Select(weights => weights.Zip(row, (w, x) => w * x).Sum()).ToArray())], domain);
    }

    private static double[][] Rows(int rows, int columns, Func<double> draw) => [.. Enumerable.Range(0, rows).Select(_ => Enumerable.Range(0, columns).Select(_ => draw()).ToArray())];

    private static double Gaussian(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
