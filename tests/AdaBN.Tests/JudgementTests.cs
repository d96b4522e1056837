using AdaBN.Forms;
using AdaBN.Input;
using AdaBN.Judgement;
using AdaBN.Onnx;
using AdaBN.Policies;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>What judgements rest on: drawn images, the scores of passes, and figures of predictions.</summary>
[TestClass]
public sealed class JudgementTests
{
    private static readonly Random _random = new(5);

    [TestMethod]
    public void Scores_of_a_pass_are_those_of_the_model_that_it_leads_to()
    {
        int judged = 0;
        foreach (string name in GoldenCase.Names.Select(row => (string)row[0]))
        {
            var golden = new GoldenCase(name);
            var working = WorkingModel.Of(golden.Model, null, null);
            if (ClassScores.Find(working.Model.Graph) is not { } output) continue;
            using var run = new AdaptationRun(working, golden.Source(), PaperAdaBN.Options with { JudgementImages = 7 }, output);
            if (!run.SeesScores) continue;
            AdaptedLayers adapted = run.PassAll(AdaptationPolicy.AdaBN, null, default), kept = run.PassDrawn(AdaptationPolicy.KeepSource, null, default);
            AdaptedLayers seen = run.PassDrawn(new AsDecided(adapted.Decisions), null, default);
            long[] drawn = [.. run.Drawn.Select(sample => sample.Index)];
            Assert.HasCount(7, drawn);
            foreach ((AdaptedLayers pass, OnnxModel model) in ((AdaptedLayers, OnnxModel)[])[(adapted, working.Write(adapted.Changed)), (kept, golden.Model), (seen, working.Write(adapted.Changed))])
            {
                float[] expected = Scoring.Run(model, golden.Tensors);
                int classes = expected.Length / golden.Samples;
                Assert.IsNotNull(pass.Scores, name);
                for (int i = 0; i < drawn.Length; i++)
                    for (int k = 0; k < classes; k++) Assert.AreEqual(expected[(drawn[i] * classes) + k], pass.Scores[i][k], 1e-3 * (1 + Math.Abs(expected[(drawn[i] * classes) + k])), $"{name}, sample {drawn[i]}");
            }
            judged++;
        }
        Assert.IsGreaterThanOrEqualTo(8, judged);
    }

    [TestMethod]
    public void Images_are_drawn_alike_in_any_order_and_each_as_likely_as_another()
    {
        float[][] images = [.. Enumerable.Range(0, 400).Select(i => Twin.Numbers(i, 6, 0, 1))];
        float[][] Drawn(IEnumerable<int> order, int most)
        {
            var draw = new ImageDraw(most);
            long index = 0;
            foreach (int i in order) draw.Offer([images[i].AsMemory()], index++);
            return [.. draw.Drawn.Select(sample => sample.Tensors[0])];
        }
        float[][] first = Drawn(Enumerable.Range(0, 400), 100);
        Assert.HasCount(100, first);
        foreach (int[] order in (int[][])[[.. Enumerable.Range(0, 400).Reverse()], [.. Enumerable.Range(0, 400).OrderBy(_ => _random.Next())]])
            CollectionAssert.AreEqual(first.SelectMany(image => image).ToArray(), Drawn(order, 100).SelectMany(image => image).ToArray());
        int fromFirstHalf = first.Count(image => Array.FindIndex(images, other => other.SequenceEqual(image)) < 200);
        Assert.IsTrue(fromFirstHalf is > 30 and < 70, $"{fromFirstHalf} of 100 from the first half"); // 50 ± 4.3
        Assert.HasCount(400, Drawn(Enumerable.Range(0, 400), 1000));
        Assert.HasCount(1, Drawn([7, 7, 7, 7], 3)); // one image again and again is one
        CollectionAssert.AreEqual(first.SelectMany(image => image).ToArray(), Drawn(Enumerable.Range(0, 4000).Select(i => i % 400), 100).SelectMany(image => image).ToArray());
    }

    [TestMethod]
    public void Entropy_and_diversity_are_as_defined()
    {
        Predictions even = Predictions.Of([[0, 0], [0, 0]])!;
        Assert.AreEqual(1, even.Summary.Entropy, 1e-6);
        Predictions sure = Predictions.Of([[100, 0, 0], [0, 100, 0], [0, 0, 100]])!;
        Assert.AreEqual(0, sure.Summary.Entropy, 1e-6);
        CollectionAssert.AreEqual(new[] { 1, 1, 1 }, sure.Summary.Histogram.ToArray());

        // Of softmax(ln 0.5, ln 0.25, ln 0.25), and the same given as probabilities.
        double entropy = ((0.5 * Math.Log(2)) + (0.5 * Math.Log(4))) / Math.Log(3);
        Assert.AreEqual(entropy, Predictions.Of([[MathF.Log(0.5f) + 3, MathF.Log(0.25f) + 3, MathF.Log(0.25f) + 3]])!.Summary.Entropy, 1e-6);
        Assert.AreEqual(entropy, Predictions.Of([[0.5f, 0.25f, 0.25f]])!.Summary.Entropy, 1e-6);
        Assert.IsNull(Predictions.Of([[1, float.NaN]]));
        Assert.IsNull(Predictions.Of(null));

        Assert.AreEqual(2.0 / 3, Predictions.Of([[9, 0, 0], [9, 0, 0], [0, 9, 0]])!.AgreementWith(Predictions.Of([[9, 0, 0], [0, 9, 0], [0, 9, 0]])!), 1e-12);
    }

    [TestMethod]
    public void Expected_entropy_is_the_mean_over_all_draws()
    {
        foreach ((int images, int classes) in ((int, int)[])[(2, 2), (3, 2), (4, 3), (5, 4), (6, 3)])
        {
            double sum = 0;
            int draws = (int)Math.Pow(classes, images);
            for (int draw = 0; draw < draws; draw++)
            {
                var counts = new int[classes];
                for (int i = 0, rest = draw; i < images; i++, rest /= classes) counts[rest % classes]++;
                sum += counts.Where(count => count > 0).Sum(count => -(double)count / images * Math.Log((double)count / images));
            }
            Assert.AreEqual(sum / draws, Predictions.ExpectedEntropy(images, classes), 1e-12);
        }
        Assert.AreEqual(Math.Log(1000), Predictions.ExpectedEntropy(1_000_000, 1000), 1e-3);
    }

    [TestMethod]
    public void The_rule_decides_as_it_says()
    {
        static PredictionSummary Of(double entropy, double diversity = 1) => new(80, entropy, diversity, [8, 8, 8, 8, 8, 8, 8, 8, 8, 8]);
        var rule = new AutoRule(new AutoSettings());
        // Source, gate, full: entropy and diversity; agreement of source and gate.
        foreach ((PredictionSummary source, PredictionSummary gate, PredictionSummary full, double agreement, AutoChoice expected) in ((PredictionSummary, PredictionSummary, PredictionSummary, double, AutoChoice)[])
        [
            (Of(0.30), Of(0.20), Of(0.20), 0.7, AutoChoice.Gate), // the gate has the advantage
            (Of(0.30), Of(0.20), Of(0.186), 0.7, AutoChoice.Gate),
            (Of(0.30), Of(0.20), Of(0.184), 0.7, AutoChoice.Full),
            (Of(0.03), Of(0.03), Of(0.06), 0.97, AutoChoice.Source), // in vain
            (Of(0.03), Of(0.03), Of(0.06), 0.93, AutoChoice.Gate),
            (Of(0.05), Of(0.03), Of(0.06), 0.97, AutoChoice.Gate), // surer
            (Of(0.20), Of(0.40), Of(0.50), 0.6, AutoChoice.Source), // clearly surer than all
            (Of(0.05, 0.2), Of(0.15), Of(0.15), 0.3, AutoChoice.Gate), // collapsed and sure of it: diversity outweighs
            (Of(0.30, 0.9), Of(0.20, 0.8), Of(0.20), 0.7, AutoChoice.Full),
        ])
            Assert.AreEqual(expected, rule.Best(source, gate, full, agreement), $"{source.Entropy} {gate.Entropy} {full.Entropy} {agreement}");

        Assert.IsTrue(rule.MayBeSkewed(Of(0.1, 0.89), Of(0.1)) && rule.MayBeSkewed(Of(0.1), Of(0.1, 0.89)) && !rule.MayBeSkewed(Of(0.1, 0.91), Of(0.1, 0.91)));
        Assert.IsTrue(rule.IsSkewed(gate: Of(0.3), cautious: Of(0.1, 0.79)));
        Assert.IsFalse(rule.IsSkewed(gate: Of(0.3), cautious: Of(0.1, 0.81)));
        Assert.IsFalse(rule.IsSkewed(gate: Of(0.1), cautious: Of(0.3, 0.2))); // few classes, but unsure: collapsed
        Assert.IsTrue(rule.IsSkewed(gate: Of(0.3, 0.49), cautious: Of(0.1, 0.9)));
        Assert.IsTrue(rule.IsWorse(Of(0.1), Of(0.14)) && !rule.IsWorse(Of(0.1), Of(0.12)));
    }

    [TestMethod]
    public void A_rewrite_must_be_better_beyond_chance()
    {
        // Images whose entropies are the mean plus and minus a deviation by turns: the error of a difference is the deviation's over √80, next to.
        static Predictions Of(double entropy, double diversity, double deviation = 0) =>
            new([.. new int[80]], [.. new double[80]], [.. Enumerable.Range(0, 80).Select(i => entropy + (i % 2 == 0 ? deviation : -deviation))], new PredictionSummary(80, entropy, diversity, [80, 0]));
        var rule = new RewriteRule(new AutoSettings());
        foreach ((Predictions source, Predictions rewritten, bool expected) in ((Predictions, Predictions, bool)[])
        [
            (Of(0.30, 1), Of(0.26, 1), true), // surer
            (Of(0.30, 1), Of(0.28, 1), false), // by too little
            (Of(0.30, 1), Of(0.26, 1, deviation: 0.17), true),
            (Of(0.30, 1), Of(0.26, 1, deviation: 0.19), false), // within chance: 2 × 0.19 / √79 = 0.043
            (Of(0.30, 1), Of(0.10, 0.91), true),
            (Of(0.30, 1), Of(0.10, 0.89), false), // sure of fewer classes
            (Of(0.12, 0.6), Of(0.13, 0.8), true), // many more classes, hardly less sure
            (Of(0.12, 0.6), Of(0.14, 0.69), false), // few more
            (Of(0.12, 0.6), Of(0.16, 0.8), false), // less sure by more than the classes are worth
            (Of(0.12, 0.49), Of(0.13, 0.8), false), // the set may hold few classes
            (Of(0.12, 1.3), Of(0.13, 1.5), false), // all alike is as diverse as it gets
        ])
            Assert.AreEqual(expected, rule.IsBetter(source, rewritten), $"{source.Summary} {rewritten.Summary}");
        Assert.IsLessThan(rule.Cost(Of(0.3, 0.9)), rule.Cost(Of(0.28, 1)));
    }

    [TestMethod]
    public void One_cloud_of_images_is_one_group_and_two_are_two()
    {
        var random = new Random(11);
        SampleInput[] shape = [new SampleInput(null, [1, 4, 4])];
        ImageGroups? Groups(int images, Func<int, double> level) => ImageGroups.Find(ImageFeatures.Of(Enumerable.Range(0, images).Select(i => new[] { Enumerable.Range(0, 16).Select(_ => (float)(level(i) + (0.1 * random.NextDouble()))).ToArray() }), shape));
        int alarms = Enumerable.Range(0, 300).Count(_ => Groups(80, _ => random.NextDouble()) is not null); // evenly over a range: the hardest single cloud
        Assert.AreEqual(0, alarms);
        Assert.AreEqual(new ImageGroups(20, 60), Groups(80, i => i % 4 == 0 ? 3 : 1));
        Assert.IsNull(Groups(80, i => i < 4 ? 30 : 1)); // a few outliers are no domain
        Assert.IsNull(Groups(12, i => i % 2)); // too few to tell
        Assert.IsNull(Groups(80, _ => 0));
        Assert.AreEqual(new ImageGroups(40, 40), ImageGroups.Find(ImageFeatures.Of(Enumerable.Range(0, 80).Select(i => new[] { new[] { (float)(i % 2) } }), [new SampleInput(null, [])]))); // samples of one number each
    }

    [TestMethod]
    public void Intervals_are_as_published()
    {
        // Newcombe 1998, table I, method 3.
        Estimate share = AccuracyEstimate.Wilson(81, 263);
        Assert.AreEqual(0.2553, share.Low, 5e-5);
        Assert.AreEqual(0.3662, share.High, 5e-5);

        // Agresti and Min 2005: (b − c)/(n + 2) ± z·sqrt((b* + c*) − (b* − c*)²/(n + 2))/(n + 2), with halves added: here by hand.
        Estimate change = AccuracyEstimate.Paired(20, 8, 100);
        double half = 1.959963984540054 * Math.Sqrt(29 - (144.0 / 102)) / 102;
        Assert.AreEqual(0.12, change.Value, 1e-12);
        Assert.AreEqual((12.0 / 102) - half, change.Low, 1e-9);
        Assert.AreEqual((12.0 / 102) + half, change.High, 1e-9);
    }
}
