using System.Text.Json;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Scores, accuracy and comparison of models whose scores are known: the numbers of a sample are its scores.</summary>
[TestClass]
public sealed class EvaluationTests
{
    private static readonly float[][] Samples = [[4, 0, 0], [0, 4, 0], [0, 4, 0], [0, 0, 4], [4, 0, 0]];
    private static readonly int[] Labels = [0, 1, 2, 2, 1];

    [TestMethod]
    public void Figures_are_those_counted_by_hand()
    {
        EvaluationReport report = ModelEvaluation.Run(Echo(), Labelled(Samples, Labels));
        Assert.AreEqual((5, 0.6), (report.Samples, report.Accuracy.Value));
        Assert.AreEqual(0.2307, report.Accuracy.Low, 1e-4); // Wilson's interval of 3 in 5
        Assert.AreEqual(0.8824, report.Accuracy.High, 1e-4);
        CollectionAssert.AreEqual(new[] { (0, 1, 2), (1, 2, 2), (2, 2, 1) }, report.Classes.Select(one => (one.Class, one.Samples, one.Predicted)).ToArray());
        CollectionAssert.AreEqual(new[] { 1, 0.5, 0.5 }, report.Classes.Select(one => one.Recall!.Value).ToArray());
        CollectionAssert.AreEqual(new ConfusionCount[] { new(0, 0, 1), new(1, 0, 1), new(1, 1, 1), new(2, 1, 1), new(2, 2, 1) }, report.Confusion.ToArray());
        double sure = Math.Exp(4) / (Math.Exp(4) + 2), other = 1 / (Math.Exp(4) + 2);
        Assert.AreEqual(-((sure * Math.Log(sure)) + (2 * other * Math.Log(other))) / Math.Log(3), report.Entropy, 1e-6);

        ScoredSamples scored = ModelEvaluation.Score(Echo(), Source(Samples));
        for (int i = 0; i < Samples.Length; i++) CollectionAssert.AreEqual(Samples[i], scored.Scores[i].ToArray());
        Assert.IsTrue(scored.Probability.All(probability => Math.Abs(probability - sure) < 1e-6));
        CollectionAssert.AreEqual(new[] { 0.75, 0.5 }, ModelEvaluation.Score(Echo(), Source([[0.25f, 0.75f, 0], [0.5f, 0.25f, 0.25f]])).Probability.ToArray(), "scores that are probabilities stay");

        using JsonDocument json = JsonDocument.Parse(report.ToJson());
        Assert.AreEqual(5, json.RootElement.GetProperty("confusion").GetArrayLength());
        Assert.IsFalse(json.RootElement.TryGetProperty("labels", out _));
    }

    [TestMethod]
    public void A_comparison_counts_samples_gained_lost_and_changed()
    {
        float[][] others = [[4, 0, 0], [0, 0, 4], [0, 0, 4], [0, 0, 4], [0, 0, 4]]; // right, lost, gained, right, wrong in another way
        EvaluationReport source = ModelEvaluation.Run(Echo(), Labelled(Samples, Labels)), adapted = ModelEvaluation.Run(Echo(), Labelled(others, Labels));
        EvaluationComparison comparison = EvaluationComparison.Of(source, adapted);
        Assert.AreEqual((3, 1, 1, 0.0), (comparison.Changed, comparison.Gained, comparison.Lost, comparison.Change.Value));
        Assert.AreEqual(0, comparison.Change.Low + comparison.Change.High, 1e-12);
        Assert.IsGreaterThan(0.3, comparison.Change.High);
        AdaptationException order = Assert.ThrowsExactly<AdaptationException>(() => EvaluationComparison.Of(source, ModelEvaluation.Run(Echo(), Labelled(Samples, [0, 1, 2, 1, 2]))));
        Assert.Contains("samples of other labels", order.Message);
        AdaptationException classes = Assert.ThrowsExactly<AdaptationException>(() => EvaluationComparison.Of(source, ModelEvaluation.Run(Echo(4), Labelled([.. Samples.Select(sample => (float[])[.. sample, 0])], Labels))));
        Assert.Contains("3 and 4 classes", classes.Message);
    }

    [TestMethod]
    [DataRow("conv_chain")]
    [DataRow("two_inputs")]
    [DataRow("fixed_batch8")] // its last batch is filled up
    [DataRow("linear_bn1d")]
    public void Scores_equal_those_of_one_plain_run(string name)
    {
        var golden = new GoldenCase(name);
        float[] expected = Scoring.Run(golden.Model, golden.Tensors);
        List<AdaptationProgress> seen = [];
        ScoredSamples scored = ModelEvaluation.Score(golden.Model, golden.Source(), progress: new Telling(seen.Add));
        float[] found = [.. scored.Scores.SelectMany(row => row)];
        Assert.HasCount(expected.Length, found);
        for (int i = 0; i < found.Length; i++) Assert.AreEqual(expected[i], found[i], 1e-5 * Math.Max(1, Math.Abs(expected[i])));
        Assert.AreEqual(new AdaptationProgress(0, 1, golden.Samples, golden.Source().Count), seen[^1]);
    }

    [TestMethod]
    public void Models_of_other_precision_are_fed_and_read_in_their_own_type()
    {
        OnnxModel half = PrecisionTests.Convert(Twin.Plain(opset: 15, irVersion: 8).Proto, ElementType.Float16);
        float[] expected = Scoring.Run(half, Twin.Tensors), found = [.. ModelEvaluation.Score(half, Twin.Source).Scores.SelectMany(row => row)];
        Assert.HasCount(expected.Length, found);
        double unit = Math.Pow(2, -11) * expected.Max(Math.Abs);
        for (int i = 0; i < found.Length; i++) Assert.AreEqual(expected[i], found[i], 2 * unit);
        Assert.IsTrue(found.All(score => (float)(Half)score == score) && found.Distinct().Count() > 10);

        OnnxModel wide = PrecisionTests.Convert(Proto("Identity", 3).Proto, ElementType.Double);
        CollectionAssert.AreEqual(Samples[1], ModelEvaluation.Score(wide, Source(Samples)).Scores[1].ToArray());
    }

    [TestMethod]
    public void What_cannot_be_scored_is_told()
    {
        void Fails(AdaptationError error, string says, Action action)
        {
            AdaptationException told = Assert.ThrowsExactly<AdaptationException>(action);
            Assert.AreEqual(error, told.Error, told.Message);
            Assert.Contains(says, told.Message);
        }
        Fails(AdaptationError.InputMismatch, "There are 5 labelled samples and 4 labels", () => ModelEvaluation.Run(Echo(), Labelled(Samples, Labels[1..])));
        Fails(AdaptationError.InputMismatch, "There are 5 labelled samples and 4 labels", () => ModelEvaluation.Run(Echo(), new LabelledSamples(SampleSource.FromArrays(Samples.Where(_ => true), 3), Labels[1..])));
        Fails(AdaptationError.InputMismatch, "A label is 3, but the model has 3 classes", () => ModelEvaluation.Run(Echo(), Labelled(Samples, [0, 1, 2, 3, 1])));
        Fails(AdaptationError.InputMismatch, "A label is -1", () => ModelEvaluation.Run(Echo(), Labelled(Samples, [0, 1, 2, -1, 1])));
        Fails(AdaptationError.EmptyData, "holds no sample", () => ModelEvaluation.Score(Echo(), Source([])));
        Fails(AdaptationError.NonFinite, "output 'scores' holds a score that is not finite, first at sample 1", () => ModelEvaluation.Score(Build("Log", 3), Source([[1, 1, 1], [1, 0, 1]])));
        Fails(AdaptationError.UnsupportedForm, "its outputs: scores: ", () => ModelEvaluation.Score(Build("Identity", 1), Source([[1]])));
        Fails(AdaptationError.InputMismatch, "the model is no bank of domains", () => ModelEvaluation.Score(Echo(), Source(Samples), domain: 1));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsExactly<OperationCanceledException>(() => ModelEvaluation.Score(Echo(), Source(Samples), cancellationToken: cancelled.Token));
    }

    private static OnnxModel Echo(int classes = 3) => Build("Identity", classes);

    private static OnnxModel Build(string opType, int classes) => Proto(opType, classes).Build();

    private static ModelBuilder Proto(string opType, int classes) => new ModelBuilder().Input("x", -1, classes).Node(opType, ["x"], ["scores"]).Output("scores", -1, classes);

    private static ISampleSource Source(float[][] samples) => SampleSource.FromArrays(samples, samples.FirstOrDefault([0, 0, 0]).Length);

    private static LabelledSamples Labelled(float[][] samples, int[] labels) => new(Source(samples), labels);
}
