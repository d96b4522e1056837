using System.Text.Json;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>An adapted model differs from its source in statistics alone, wherever a file keeps them; anything else is told as something else.</summary>
[TestClass]
public sealed class ModelComparisonTests
{
    [TestMethod]
    [DynamicData(nameof(GoldenCase.Names), typeof(GoldenCase))]
    public void Adapting_changes_statistics_alone_by_as_much_as_the_files_say(string name)
    {
        var golden = new GoldenCase(name);
        AdaptationResult adapted = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options);
        ModelComparison found = ModelComparison.Of(golden.Model, adapted.Model);
        Assert.IsTrue(found.OnlyStatistics, found.ToJson());
        Assert.IsFalse(found.AreEqual);
        Assert.IsNotEmpty(found.Statistics);

        foreach (LayerReport layer in adapted.Report.Layers)
        {
            LayerChange change = found.Layers.Single(one => one.Name == layer.Name);
            Assert.IsTrue(change.HasChanged);
            double epsilon = golden.Model.Graph.Nodes.First(node => node.DisplayName == layer.Name).GetFloat(BatchNormalization.Epsilon, BatchNormalization.DefaultEpsilon), logRatio = 0;
            for (int c = 0; c < layer.Channels; c++)
            {
                (double m, double v, double m2, double v2) = (layer.SourceMean[c], layer.SourceVariance[c] + epsilon, (float)layer.AdaptedMean[c], (float)layer.AdaptedVariance[c] + epsilon);
                Assert.AreEqual((m2 - m) / Math.Sqrt(v), change.Channels[c].MeanShift, 1e-9);
                Assert.AreEqual(Math.Sqrt(Math.Pow(m2 - m, 2) + Math.Pow(Math.Sqrt(v2) - Math.Sqrt(v), 2)) / Math.Sqrt(v), change.Channels[c].Wasserstein, 1e-9);
                logRatio += Math.Log(v2 / v) / layer.Channels;
            }
            Assert.AreEqual(Math.Exp(logRatio), change.VarianceRatio, 1e-9);
        }
        Assert.IsTrue(ModelComparison.Of(adapted.Model, golden.Model).OnlyStatistics, "the other way round");
        Assert.IsTrue(ModelComparison.Of(golden.Model, golden.Model.Clone()).AreEqual);
    }

    [TestMethod]
    public void A_single_other_number_is_more_than_statistics()
    {
        var golden = new GoldenCase("conv_chain");
        OnnxModel adapted = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Model;
        Node layer = adapted.Graph.Nodes.First(node => node.Is(BatchNormalization.OpType));
        double[] scale = layer.Inputs[BatchNormalization.ScaleInput]!.Initializer!.ToDoubleArray();
        double before = scale[1];
        scale[1] = MathF.BitIncrement((float)before);
        GraphEditor.ReplaceInitializer(adapted, [layer], BatchNormalization.ScaleInput, scale);
        ModelComparison found = ModelComparison.Of(golden.Model, adapted);
        Assert.IsFalse(found.OnlyStatistics);
        Assert.AreEqual((1L, scale[1] - before), (found.Tensors.Single().Differing!.Value, found.Tensors.Single().Largest!.Value));

        OnnxModel noted = golden.Model.Clone(), renamed = golden.Model.Clone(), rewritten = NormalizationRewriter.Rewrite(golden.Model, NormalizationRewrite.ToInstanceNorm).Model;
        noted.SetMetadata("owner", "somebody");
        Assert.IsFalse(ModelComparison.Of(golden.Model, noted).OnlyStatistics, "metadata that is not of this library");
        GraphEditor.Rename(renamed.Graph.Nodes[0], "other");
        Assert.AreEqual(1, ModelComparison.Of(golden.Model, renamed).Nodes.Count);
        ModelComparison other = ModelComparison.Of(golden.Model, rewritten);
        Assert.IsFalse(other.OnlyStatistics);
        Assert.IsEmpty(other.Layers);
    }

    [TestMethod]
    public void Weights_that_statistics_were_folded_into_count_as_statistics_where_a_reference_tells_of_them()
    {
        OnnxModel carrier = FoldedTwin.Small.Folded.Clone();
        FoldedTwin.Small.Measure().EmbedIn(carrier);
        OnnxModel adapted = BatchNormAdapter.Adapt(carrier, FoldedTwin.Small.Target, PaperAdaBN.Options).Model;
        ModelComparison found = ModelComparison.Of(carrier, adapted);
        Assert.IsTrue(found.OnlyStatistics, found.ToJson());
        Assert.IsNotEmpty(found.Statistics);
        Assert.IsFalse(ModelComparison.Of(FoldedTwin.Small.Folded, FoldedTwin.Small.Adapt().Model).OnlyStatistics, "without one, weights are weights");
    }

    [TestMethod]
    public void Of_banks_the_sources_and_the_domains_are_compared()
    {
        var golden = new GoldenCase("conv_chain");
        DomainPatch patch = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).ToPatch("north");
        DomainBank bank = DomainBank.Of(golden.Model).With(patch), more = bank.With(patch.Named("south"));
        ModelComparison found = ModelComparison.Of(bank.ToModel(), more.ToModel());
        Assert.AreEqual(new DomainDifference(2, null, "south"), found.Domains.Single());
        Assert.AreEqual((false, 0), (found.OnlyStatistics, found.Nodes.Count + found.Tensors.Count + found.Statistics.Count + found.Other.Count));
        Assert.IsTrue(ModelComparison.Of(bank.ToModel(), OnnxModel.FromBytes(bank.ToModel().ToBytes())).AreEqual);
        Assert.AreEqual("only the second is a bank of domains; its source model is compared", ModelComparison.Of(golden.Model, bank.ToModel()).Other.Single());
        Assert.AreEqual("what an unknown id does: UsesSource, Fails", ModelComparison.Of(bank.ToModel(), bank.WithUnknown(UnknownDomain.Fails).ToModel()).Other.Single());

        OnnxModel altered = bank.ToModel();
        Node correction = altered.Graph.Nodes.Last(node => node.Is("Gather"));
        double[] table = correction.Inputs[0]!.Initializer!.ToDoubleArray();
        table[^1] += 1;
        GraphEditor.ReplaceInitializer(altered, [correction], 0, table);
        Assert.Contains("the banks' own tensors or nodes", ModelComparison.Of(bank.ToModel(), altered).Other.Single());
    }

    [TestMethod]
    public void Scores_are_compared_sample_by_sample()
    {
        ScoredSamples first = Of([1, 3], [2, 0], [0, 1]), second = Of([1, 3.5f], [0, 2], [0, 1]);
        ScoreComparison found = ScoreComparison.Of(first, second);
        Assert.AreEqual((3, 2, 2.0 / 3, 2.0, 4.5 / 6, 1), (found.Samples, found.Same, found.Agreement, found.Largest, found.Mean, found.LargestSample));
        Assert.Throws<AdaptationException>(() => ScoreComparison.Of(first, Of([1, 2])));

        static ScoredSamples Of(params float[][] scores) => new("", null, scores, [.. scores.Select(row => row[0] > row[1] ? 0 : 1)], [.. scores.Select(_ => 1.0)], new PredictionSummary(scores.Length, 0, 0, []));
    }

    [TestMethod]
    public void Json_tells_all_of_it()
    {
        var golden = new GoldenCase("conv_chain");
        AdaptationResult adapted = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options);
        using JsonDocument json = JsonDocument.Parse(ModelComparison.Of(golden.Model, adapted.Model).ToJson());
        JsonElement root = json.RootElement;
        Assert.IsTrue(root.GetProperty("onlyStatistics").GetBoolean());
        Assert.AreEqual(golden.Model.Sha256, root.GetProperty("firstSha256").GetString());
        Assert.AreEqual("changed", root.GetProperty("statistics")[0].GetProperty("kind").GetString());
        Assert.AreEqual(3, root.GetProperty("layers").GetArrayLength());
        Assert.IsFalse(root.TryGetProperty("scores", out _));
    }
}
