using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AdaBN.Judgement;
using AdaBN.Onnx;
using AdaBN.Rewriting;
using AdaBN.TestSupport;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>The search for the rewrite that is best without labels, and with a few.</summary>
[TestClass]
public sealed class RewriteSearchTests
{
    private static readonly OnnxModel Digits = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));

    private static readonly Lazy<RewriteSearchResult> Scanned = new(() => Find(ShippedDigits.Scans.Images));

    [TestMethod]
    public void Another_scanner_s_digits_are_read_better_without_a_label()
    {
        RewriteSearchResult result = Scanned.Value;
        (float[][] scans, int[] labels) = ShippedDigits.Scans;
        Assert.AreEqual(VerdictKind.Adapt, result.Report.Verdict.Kind, string.Join(" ", result.Report.Verdict.Reasons));
        int before = ShippedModelTests.Right(Digits, scans, labels), after = ShippedModelTests.Right(result.Model!, scans, labels);
        int home = ShippedModelTests.Right(Digits, ShippedDigits.Mnist.Images, ShippedDigits.Mnist.Labels), then = ShippedModelTests.Right(result.Model!, ShippedDigits.Mnist.Images, ShippedDigits.Mnist.Labels);
        Console.WriteLine($"{result.Report.Chosen}: of {labels.Length} scans {before} right before, {after} after; of {ShippedDigits.Mnist.Images.Length} of MNIST {home} and {then}");
        Assert.IsGreaterThan(before + (0.15 * labels.Length), after);
        CollectionAssert.AreEqual(NormalizationRewriter.Rewrite(Digits, result.Chosen!).Model.ToBytes(), result.Model!.ToBytes());
        Assert.AreEqual(result.Chosen!.Description, result.Report.Rewritten!.Rewrite);
        Assert.Contains($"\"chosen\": \"{result.Report.Chosen}\"", result.Report.ToJson().Replace("\\u03C1", "ρ", StringComparison.Ordinal));
        Assert.IsNull(result.Report.Verdict.Measured);
    }

    [TestMethod]
    public void Where_nothing_shifted_the_model_stays_as_it_is()
    {
        RewriteSearchResult result = Find(ShippedDigits.Mnist.Images);
        Assert.AreEqual(VerdictKind.KeepSource, result.Report.Verdict.Kind, string.Join(" ", result.Report.Verdict.Reasons));
        Assert.IsNull(result.Chosen);
        Assert.IsNull(result.Model);
        Assert.IsNull(result.Report.Chosen);
        Assert.AreEqual(result.Report.Verdict.Source, result.Report.Verdict.Adapted);
        foreach (int label in (int[])[0, 3, 8]) // nor does a set of one class look like a shift
            Assert.IsNull(Find([.. ShippedDigits.Mnist.Images.Where((_, i) => ShippedDigits.Mnist.Labels[i] == label)]).Model, $"class {label}");
    }

    [TestMethod]
    public void The_same_is_found_in_any_order_and_by_any_number_of_workers()
    {
        float[][] scans = ShippedDigits.Scans.Images[..300];
        var random = new Random(4);
        LabelledSamples Few(IEnumerable<int> order) => new(SampleSource.FromArrays(order.Select(i => ShippedDigits.Scans.Images[400 + i]), 1, 28, 28), [.. order.Select(i => ShippedDigits.Scans.Labels[400 + i])]);
        int[] inOrder = [.. Enumerable.Range(0, 50)], shuffled = [.. inOrder.OrderBy(_ => random.Next())];
        RewriteSearchResult expected = Find(scans, new AdaptationOptions { Workers = 1, Labelled = Few(inOrder) });
        RewriteSearchResult other = Find([.. scans.OrderBy(_ => random.Next())], new AdaptationOptions { Workers = 3, Labelled = Few(shuffled) });
        Assert.AreEqual(expected.Report.ToJson(), other.Report.ToJson());
        CollectionAssert.AreEqual(expected.Model!.ToBytes(), other.Model!.ToBytes());
    }

    [TestMethod]
    public void Figures_are_those_of_plain_ONNX_Runtime_on_the_rewritten_files()
    {
        foreach ((OnnxModel model, float[][] images, int[] shape) in ((OnnxModel, float[][], int[])[])[(Digits, ShippedDigits.Scans.Images[..60], [1, 28, 28]), (Twin.Plain().Build(), Twin.Images, [3, 6, 6])])
        {
            RewriteSearchReport report = RewriteSearch.Find(model, SampleSource.FromArrays(images, shape)).Report;
            IReadOnlyList<RewriteOfLayers> rewrites = Candidates(model, images, shape);
            Assert.HasCount(rewrites.Count + 1, report.Candidates);
            float[][] source = Scores(model, images, shape);
            for (int c = 0; c < report.Candidates.Count; c++)
            {
                RewriteCandidate candidate = report.Candidates[c];
                if (candidate.LeftOutBecause is not null) continue;
                float[][] scores = c == 0 ? source : Scores(NormalizationRewriter.Rewrite(model, rewrites[c - 1].Rewrite).Model, images, shape);
                double[] changes = [.. scores.Zip(source, (after, before) => Entropy(after) - Entropy(before))];
                double mean = changes.Average(), error = Math.Sqrt(changes.Sum(change => Math.Pow(change - mean, 2)) / (changes.Length - 1) / changes.Length);
                Assert.AreEqual(scores.Average(Entropy), candidate.Predictions!.Entropy, 1e-5, candidate.Rewrite);
                Assert.AreEqual(mean, candidate.EntropyChange!.Value, 1e-5, candidate.Rewrite);
                Assert.AreEqual(mean + (1.96 * error), candidate.EntropyChange.High, 1e-4, candidate.Rewrite);
                Assert.AreEqual(scores.Zip(source).Average(pair => Class(pair.First) == Class(pair.Second) ? 1.0 : 0), candidate.Agreement!.Value, 1e-12, candidate.Rewrite);
                CollectionAssert.AreEqual(Enumerable.Range(0, scores[0].Length).Select(label => scores.Count(row => Class(row) == label)).ToArray(), candidate.Predictions.Histogram.ToArray(), candidate.Rewrite);
            }
        }
    }

    [TestMethod]
    public void What_is_tried_goes_from_one_layer_to_all_and_from_mild_to_strong()
    {
        RewriteCandidate[] candidates = [.. Scanned.Value.Report.Candidates];
        Assert.AreEqual("as it is", candidates[0].Rewrite);
        CollectionAssert.AreEqual(candidates.Select(candidate => candidate.Layers).Order().ToArray(), candidates.Select(candidate => candidate.Layers).ToArray());
        Assert.HasCount(candidates.Length, candidates.DistinctBy(candidate => candidate.Rewrite));
        CollectionAssert.IsSubsetOf(new[] { "instance normalization in the shallowest layer", "batch-instance normalization (ρ = 0.25) in the 2 shallowest layers", "batch-instance normalization (ρ a channel) in all layers", "IBN-a in the shallowest layer" }, candidates.Select(candidate => candidate.Rewrite).ToArray());
        RewriteCandidate[] few = [.. Find(ShippedDigits.Scans.Images[..20], new AdaptationOptions { LayerFilter = layer => layer.Depth == 2 }).Report.Candidates];
        Assert.IsTrue(few.Skip(1).All(candidate => candidate.Layers == 1));
    }

    [TestMethod]
    public void Labelled_samples_choose_by_what_other_folds_would_choose()
    {
        (float[][] scans, int[] labels) = ShippedDigits.Scans;
        int[] few = [.. Enumerable.Range(600, 103)];
        RewriteSearchResult result = Find(scans[..200], new AdaptationOptions { Labelled = new LabelledSamples(SampleSource.FromArrays(few.Select(i => scans[i]), 1, 28, 28), [.. few.Select(i => labels[i])]) });

        // The same from scratch: samples in the order of their hashes, ten folds, each judged by the model that most of the others' samples speak for.
        int[] order = [.. few.OrderBy(i => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(MemoryMarshal.AsBytes(scans[i].AsSpan()))))];
        float[][] images = [.. order.Select(i => scans[i])];
        OnnxModel[] models = [Digits, .. Candidates(Digits, [.. Drawn(scans[..200])], [1, 28, 28]).Select(candidate => NormalizationRewriter.Rewrite(Digits, candidate.Rewrite).Model)];
        bool[][] right = [.. models.Select(model => Scores(model, images, [1, 28, 28]).Select((row, i) => Class(row) == labels[order[i]]).ToArray())];
        int honest = 0, plain = right[0].Count(isRight => isRight);
        for (int fold = 0; fold < 10; fold++)
        {
            int best = 0, most = -1;
            for (int m = 0; m < models.Length; m++)
            {
                int others = 0;
                for (int i = 0; i < order.Length; i++)
                    if (i % 10 != fold && right[m][i]) others++;
                if (others > most) (best, most) = (m, others);
            }
            for (int i = fold; i < order.Length; i += 10)
                if (right[best][i]) honest++;
        }
        MeasuredAccuracy measured = result.Report.Verdict.Measured!;
        Assert.AreEqual(order.Length, measured.Samples);
        Assert.AreEqual((double)plain / order.Length, measured.Source.Value, 1e-12);
        Assert.AreEqual((double)honest / order.Length, measured.Adapted.Value, 1e-12);
        for (int m = 0; m < models.Length; m++) Assert.AreEqual((double)right[m].Count(isRight => isRight) / order.Length, result.Report.Candidates[m].Accuracy!.Value, 1e-12);

        int chosen = Enumerable.Range(0, models.Length).MaxBy(m => right[m].Count(isRight => isRight));
        Assert.AreEqual(VerdictKind.Adapt, result.Report.Verdict.Kind);
        Assert.IsGreaterThan(0, measured.Change.Low);
        Assert.AreEqual(result.Report.Candidates[chosen].Rewrite, result.Report.Chosen);
        CollectionAssert.AreEqual(models[chosen].ToBytes(), result.Model!.ToBytes());
    }

    [TestMethod]
    public void Labels_that_say_nothing_choose_nothing()
    {
        float[][] digits = ShippedDigits.Mnist.Images;
        int chosen = 0;
        for (int seed = 0; seed < 3; seed++)
        {
            var random = new Random(seed);
            var labelled = new LabelledSamples(SampleSource.FromArrays(digits[200..260], 1, 28, 28), [.. Enumerable.Range(0, 60).Select(_ => random.Next(10))]);
            RewriteSearchResult result = Find(digits[..100], new AdaptationOptions { Labelled = labelled });
            if (result.Model is not null) chosen++;
            double flattered = result.Report.Candidates.Max(candidate => candidate.Accuracy!.Value), honest = result.Report.Verdict.Measured!.Adapted.Value;
            Assert.IsTrue(flattered >= honest && honest < 0.3, $"the best of all seems to read {flattered:0.00}, cross-validated {honest:0.00}");
        }
        Assert.AreEqual(0, chosen);
    }

    [TestMethod]
    public void A_choice_without_labels_stands_unless_the_labels_speak_against_it()
    {
        (float[][] scans, int[] labels) = ShippedDigits.Scans;
        LabelledSamples Five(Func<int, int> label) => new(SampleSource.FromArrays(scans[..5], 1, 28, 28), [.. Enumerable.Range(0, 5).Select(label)]);
        RewriteSearchResult few = Find(scans, new AdaptationOptions { Labelled = Five(i => labels[i]) });
        Assert.AreEqual(Scanned.Value.Report.Chosen, few.Report.Chosen);
        Assert.AreEqual(5, few.Report.Verdict.Measured!.Samples);
        Assert.AreEqual(VerdictKind.Adapt, few.Report.Verdict.Kind);

        // What the source model says of images that the choice takes for something else, taken for the truth.
        float[][] source = Scores(Digits, scans, [1, 28, 28]), rewritten = Scores(Scanned.Value.Model!, scans, [1, 28, 28]);
        int[] against = [.. Enumerable.Range(0, scans.Length).Where(i => Class(source[i]) != Class(rewritten[i])).Take(40)];
        RewriteSearchResult spoken = Find(scans, new AdaptationOptions { Labelled = new LabelledSamples(SampleSource.FromArrays(against.Select(i => scans[i]), 1, 28, 28), [.. against.Select(i => Class(source[i]))]) });
        Assert.IsNull(spoken.Model);
        Assert.AreEqual(VerdictKind.KeepSource, spoken.Report.Verdict.Kind);
    }

    [TestMethod]
    public void A_labelled_sample_that_comes_twice_counts_once()
    {
        (float[][] scans, int[] labels) = ShippedDigits.Scans;
        LabelledSamples Labelled(int[] which) => new(SampleSource.FromArrays(which.Select(i => scans[i]), 1, 28, 28), [.. which.Select(i => labels[i])]);
        int[] once = [.. Enumerable.Range(0, 30)];
        RewriteSearchReport expected = Find(scans[..80], new AdaptationOptions { Labelled = Labelled(once) }).Report, twice = Find(scans[..80], new AdaptationOptions { Labelled = Labelled([.. once, .. once]) }).Report;
        Assert.AreEqual(30, twice.Verdict.Measured!.Samples);
        Assert.AreEqual(expected.ToJson(), twice.ToJson());
    }

    [TestMethod]
    public void Cross_validation_is_the_plain_thing()
    {
        var random = new Random(9);
        foreach ((int samples, int folds) in ((int, int)[])[(1, 1), (2, 2), (7, 7), (23, 10), (40, 4)])
        {
            int[] labels = [.. Enumerable.Range(0, samples).Select(_ => random.Next(3))];
            int[][] models = [.. Enumerable.Range(0, 6).Select(_ => Enumerable.Range(0, samples).Select(_ => random.Next(3)).ToArray())];
            int[] found = CrossValidation.Predict(labels, models, folds);
            for (int i = 0; i < samples; i++)
            {
                int[] rights = [.. models.Select(model => Enumerable.Range(0, samples).Where(j => j % folds != i % folds).Count(j => model[j] == labels[j]))];
                Assert.AreEqual(models[Array.IndexOf(rights, rights.Max())][i], found[i], $"{samples} samples, {folds} folds, sample {i}");
            }
        }
    }

    [TestMethod]
    public void Few_images_are_said_to_be_few_and_choose_nothing()
    {
        RewriteSearchResult result = Find(ShippedDigits.Scans.Images[..8]);
        Assert.AreEqual(VerdictKind.NeedMoreImages, result.Report.Verdict.Kind);
        Assert.Contains("Only 8 different images", result.Report.Verdict.Reasons.Single());
        Assert.IsNull(result.Model);
        Assert.AreEqual(8, result.Report.Samples);
    }

    [TestMethod]
    public void What_cannot_be_searched_is_refused_with_the_mend()
    {
        float[][] scans = ShippedDigits.Scans.Images[..20];
        ISampleSource two = SampleSource.FromArrays(scans[..2], 1, 28, 28), uncounted = SampleSource.FromArrays(scans[..2].Where(_ => true), 1, 28, 28);
        void Refuses(AdaptationError kind, string says, Action find)
        {
            AdaptationException error = Assert.ThrowsExactly<AdaptationException>(find);
            Assert.AreEqual(kind, error.Error, error.Message);
            Assert.Contains(says, error.Message);
        }
        Refuses(AdaptationError.EmptyData, "The data holds 1 different images", () => Find([scans[0], scans[0]]));
        Refuses(AdaptationError.EmptyData, "The data holds 0 different images", () => Find([]));
        Refuses(AdaptationError.InputMismatch, "A label is 10, but the model has 10 classes", () => Find(scans, new AdaptationOptions { Labelled = new LabelledSamples(two, [1, 10]) }));
        Refuses(AdaptationError.InputMismatch, "A label is -1", () => Find(scans, new AdaptationOptions { Labelled = new LabelledSamples(two, [-1, 1]) }));
        Refuses(AdaptationError.InputMismatch, "2 labelled samples and 1 labels", () => Find(scans, new AdaptationOptions { Labelled = new LabelledSamples(uncounted, [1]) }));
        Refuses(AdaptationError.InputMismatch, "does not fit the input", () => RewriteSearch.Find(Digits, SampleSource.FromArrays([new float[9]], 1, 3, 3)));
        Refuses(AdaptationError.NonFinite, "Sample 1", () => Find([scans[0], [.. scans[1].Select(_ => float.NaN)]]));
        ModelBuilder maps = Twin.Plain();
        maps.Graph.Output.Clear();
        maps.Output("n2", -1, 5, 2, 2);
        Refuses(AdaptationError.UnsupportedForm, "no output of one score a class", () => RewriteSearch.Find(maps.Build(), Twin.Source));
        maps.Graph.Output[0].Type.TensorType.Shape = null; // not declared, so only running it tells
        Refuses(AdaptationError.UnsupportedForm, "no output of one score a class", () => RewriteSearch.Find(maps.Build(), Twin.Source));
        ModelBuilder huge = Twin.Plain().Floats("large", [1], float.MaxValue).Node("Mul", ["y", "large"], ["z"]).Node("Mul", ["z", "large"], ["huge"]);
        huge.Graph.Output.Clear();
        Refuses(AdaptationError.NonFinite, "Of the model as it is, scores of some images are not finite", () => RewriteSearch.Find(huge.Output("huge", -1, 5).Build(), Twin.Source));
        Refuses(AdaptationError.NoBatchNormalization, "BatchNormalization", () => RewriteSearch.Find(new ModelBuilder().Input("x", -1, 2).Node("Relu", ["x"], ["y"]).Output("y", -1, 2).Build(), SampleSource.FromArrays([[1f, 2], [3, 4]], 2)));
        Refuses(AdaptationError.UnsupportedForm, "No layer can be rewritten", () => RewriteSearch.Find(new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2).Build(), SampleSource.FromArrays([[1f, 2], [3, 4]], 2)));
        Assert.Contains("JudgementImages is 1", Assert.ThrowsExactly<ArgumentException>(() => Find(scans, new AdaptationOptions { JudgementImages = 1 })).Message);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsExactly<OperationCanceledException>(() => RewriteSearch.Find(Digits, SampleSource.FromArrays(scans, 1, 28, 28), cancellationToken: cancelled.Token));
    }

    [TestMethod]
    public void A_candidate_whose_scores_overflow_is_left_out()
    {
        // Channel 0 is even, so that its own deviation is √ε: instance normalization makes nothing of it, and 1/0 follows.
        OnnxModel model = new ModelBuilder().Input("x", -1, 2, 2, 2).BatchNorm("x", "n", 2).Node("GlobalAveragePool", ["n"], ["p"]).Node("Flatten", ["p"], ["f"])
            .Node("Reciprocal", ["f"], ["y"]).Output("y", -1, 2).Build();
        float[][] images = [.. Enumerable.Range(0, 20).Select(i => (float[])[2, 2, 2, 2, 1 + i, 3, 5, 7])];
        RewriteSearchReport report = RewriteSearch.Find(model, SampleSource.FromArrays(images, 2, 2, 2)).Report;
        Assert.AreEqual("scores of some images are not finite", report.Candidates.Single(candidate => candidate.Rewrite == "instance normalization").LeftOutBecause);
        Assert.AreNotEqual("instance normalization", report.Chosen);
    }

    [TestMethod]
    public void Forms_of_models_are_searched_and_read_their_data_once()
    {
        int searched = 0;
        foreach (string name in GoldenCase.Names.Select(row => (string)row[0]))
        {
            var golden = new GoldenCase(name);
            var source = new CountingSource(golden.Source());
            RewriteSearchReport report;
            try
            {
                report = RewriteSearch.Find(golden.Model, source).Report;
            }
            catch (AdaptationException e) when (e.Error == AdaptationError.UnsupportedForm)
            {
                Console.WriteLine($"{name}: {e.Message}");
                continue;
            }
            Assert.AreEqual((1, 1, golden.Samples), (source.ReadersOpened, source.ReadersDisposed, source.SamplesRead), name);
            float[] scores = Scoring.Run(golden.Model, golden.Tensors);
            Assert.AreEqual(scores.Chunk(scores.Length / golden.Samples).Average(Entropy), report.Candidates[0].Predictions!.Entropy, 1e-5, name);
            searched++;
        }
        Assert.IsGreaterThanOrEqualTo(8, searched);
    }

    [TestMethod]
    public void Progress_counts_the_candidates()
    {
        var reports = new List<AdaptationProgress>();
        RewriteSearchReport report = RewriteSearch.Find(Digits, SampleSource.FromArrays(ShippedDigits.Scans.Images[..20], 1, 28, 28), progress: new Collector(reports)).Report;
        CollectionAssert.AreEqual(Enumerable.Range(0, report.Candidates.Count - 1).ToArray(), reports.Select(one => one.Stage).ToArray());
        Assert.IsTrue(reports.All(one => one.StageCount == report.Candidates.Count - 1));
    }

    private static RewriteSearchResult Find(float[][] digits, AdaptationOptions? options = null) => RewriteSearch.Find(Digits, SampleSource.FromArrays(digits, 1, 28, 28), options);

    private static IReadOnlyList<RewriteOfLayers> Candidates(OnnxModel model, float[][] images, int[] shape) =>
        RewriteCandidates.Of(model, null, BatchShare.Measure(model, SampleSource.FromArrays(images, shape)));

    /// <summary>The 80 images of smallest hash.</summary>
    private static IEnumerable<float[]> Drawn(float[][] images) => images.OrderBy(image => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(MemoryMarshal.AsBytes(image.AsSpan())))).Take(80);

    private static float[][] Scores(OnnxModel model, float[][] images, int[] shape)
    {
        float[] scores = Scoring.Run(model, new Dictionary<string, (float[], int[])> { [model.Graph.RequiredInputs.Single().Name] = ([.. images.SelectMany(image => image)], [images.Length, .. shape]) });
        return [.. scores.Chunk(scores.Length / images.Length)];
    }

    private static int Class(float[] scores) => Array.IndexOf(scores, scores.Max());

    /// <summary>Of the softmax, over its largest value; from the definition.</summary>
    private static double Entropy(float[] scores)
    {
        double[] exponentials = [.. scores.Select(score => Math.Exp(score - (double)scores.Max()))];
        double sum = exponentials.Sum();
        return exponentials.Select(one => one / sum).Sum(p => p > 0 ? -p * Math.Log(p) : 0) / Math.Log(scores.Length);
    }

    private sealed class Collector(List<AdaptationProgress> reports) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value)
        {
            lock (reports) reports.Add(value);
        }
    }
}
