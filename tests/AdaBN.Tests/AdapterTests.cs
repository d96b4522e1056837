using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>What an adaptation must leave alone, read, report and refuse.</summary>
[TestClass]
public sealed class AdapterTests
{
    [TestMethod]
    public void All_but_the_running_statistics_is_byte_identical()
    {
        var golden = new GoldenCase("residual_downsample");
        byte[] before = golden.Model.ToBytes();
        OnnxModel adapted = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Model;

        CollectionAssert.AreEqual(before, golden.Model.ToBytes(), "the source model is the caller's");
        HashSet<string> statistics = [.. golden.Layers.SelectMany(layer => (string[])[layer.MeanInitializer, layer.MeanInitializer.Replace("running_mean", "running_var", StringComparison.Ordinal)])];
        Assert.HasCount(golden.Model.Graph.Initializers.Count, adapted.Graph.Initializers);
        foreach ((Initializer source, Initializer target) in golden.Model.Graph.Initializers.Zip(adapted.Graph.Initializers))
        {
            Assert.AreEqual(source.Name, target.Name);
            Assert.AreEqual(!statistics.Contains(source.Name), source.ToSerializedBytes().SequenceEqual(target.ToSerializedBytes()), source.Name);
        }
        // With the source's statistics put back and the metadata aside, nothing is left that differs.
        foreach (Node node in adapted.Graph.Nodes.Where(node => node.Is(BatchNormalization.OpType)))
        {
            Node original = golden.Model.Graph.Nodes.Single(other => other.DisplayName == node.DisplayName);
            foreach (int input in (int[])[BatchNormalization.MeanInput, BatchNormalization.VarianceInput])
                GraphEditor.ReplaceInitializer(adapted, [node], input, original.Inputs[input]!.Initializer!.ToDoubleArray());
        }
        byte[] restored = adapted.ToBytes();
        OnnxModel sourceWithMetadata = golden.Model.Clone();
        foreach ((string key, string value) in adapted.Metadata) sourceWithMetadata.SetMetadata(key, value);
        CollectionAssert.AreEqual(sourceWithMetadata.ToBytes(), restored);
    }

    [TestMethod]
    public void A_model_whose_statistics_are_already_those_of_the_data_comes_back_as_it_was()
    {
        var golden = new GoldenCase("concat_branch");
        AdaptationResult first = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options);
        AdaptationResult second = BatchNormAdapter.Adapt(first.Model, golden.Source(), PaperAdaBN.Options);
        foreach (LayerReport layer in second.Report.Layers)
        {
            Assert.IsLessThan(1e-10, layer.Shift);
            for (int c = 0; c < layer.Channels; c++) Assert.AreEqual(layer.SourceMean[c], layer.TargetMean[c], 1e-6 * Math.Sqrt(layer.SourceVariance[c]));
        }
    }

    [TestMethod]
    [DataRow(7, 3)]
    [DataRow(8, 3)]
    [DataRow(9, 4)]
    [DataRow(13, 7)]
    [DataRow(14, 7)]
    [DataRow(15, 8)]
    [DataRow(21, 10)]
    [DataRow(22, 10)]
    [DataRow(23, 11)]
    public void Every_opset_that_ONNX_Runtime_loads_works_alike(int opset, int irVersion)
    {
        ModelBuilder builder = new ModelBuilder(opset, irVersion).Input("x", -1, 3, 4).BatchNorm("x", "a", 3).Node("Relu", ["a"], ["b"]).BatchNorm("b", "y", 3).Output("y", -1, 3, 4);
        if (irVersion < 4)
            foreach (string tensor in builder.Graph.Initializer.Select(tensor => tensor.Name).ToArray()) builder.Input(tensor, 3);
        var random = new Random(5);
        float[][] rows = [.. Enumerable.Range(0, 40).Select(_ => Enumerable.Range(0, 12).Select(_ => (random.NextSingle() * 4) + 1).ToArray())];
        AdaptationResult result = BatchNormAdapter.Adapt(builder.Build(), SampleSource.FromArrays(rows, 3, 4), PaperAdaBN.Options);

        for (int c = 0; c < 3; c++)
        {
            double[] x = [.. rows.SelectMany(row => row.AsSpan(c * 4, 4).ToArray()).Select(value => (double)value)];
            double mean = x.Average(), variance = x.Average(value => (value - mean) * (value - mean));
            Assert.AreEqual(mean, result.Report.Layers[0].TargetMean[c], 1e-6);
            double[] relu = [.. x.Select(value => Math.Max(0, (value - mean) / Math.Sqrt(variance + 1e-5)))];
            Assert.AreEqual(relu.Average(), result.Report.Layers[1].TargetMean[c], 1e-6);
        }
        float[] scores = Scoring.Run(OnnxModel.FromBytes(result.Model.ToBytes()), new Dictionary<string, (float[], int[])> { ["x"] = ([.. rows.SelectMany(row => row)], [40, 3, 4]) });
        Assert.AreEqual(0, scores.Average(), 1e-5);
    }

    [TestMethod]
    public void The_data_is_read_exactly_once()
    {
        var golden = new GoldenCase("conv_chain");
        var source = new CountingSource(golden.Source());
        BatchNormAdapter.Adapt(golden.Model, source, PaperAdaBN.Options);
        Assert.AreEqual(1, source.ReadersOpened);
        Assert.AreEqual(1, source.ReadersDisposed);
        Assert.AreEqual(golden.Samples, source.SamplesRead);
    }

    [TestMethod]
    public void Max_samples_stops_reading()
    {
        var golden = new GoldenCase("conv_chain");
        var source = new CountingSource(golden.Source());
        AdaptationReport report = BatchNormAdapter.Adapt(golden.Model, source, PaperAdaBN.Options with { MaxSamples = 10, BatchSize = 4 }).Report;
        Assert.AreEqual(10, report.Samples);
        Assert.AreEqual(10, source.SamplesRead);
        AdaptationReport few = BatchNormAdapter.Adapt(golden.Model, golden.Source(Enumerable.Range(0, 10)), PaperAdaBN.Options).Report;
        Assert.AreEqual(few.Layers[0].TargetMean[0], report.Layers[0].TargetMean[0], 1e-7);
    }

    [TestMethod]
    public void Sample_variance_is_the_population_variance_times_n_over_n_minus_1()
    {
        var golden = new GoldenCase("linear_bn1d");
        LayerReport population = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Report.Layers[0];
        LayerReport sample = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Variance = VarianceKind.Sample }).Report.Layers[0];
        double n = golden.Samples;
        for (int c = 0; c < sample.Channels; c++) Assert.AreEqual(population.TargetVariance[c] * n / (n - 1), sample.TargetVariance[c], 1e-12 * sample.TargetVariance[c]);
    }

    [TestMethod]
    public void Layers_the_filter_turns_down_keep_their_statistics_and_act_with_them()
    {
        var golden = new GoldenCase("conv_chain");
        NormalizationLayer[] all = [.. NormalizationDiscovery.Inspect(golden.Model)];
        AdaptationResult result = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { LayerFilter = layer => layer.Index != 0 });

        CollectionAssert.AreEqual(all[1..].Select(layer => layer.Name).ToArray(), result.Report.Layers.Select(layer => layer.Name).ToArray());
        Node kept = result.Model.Graph.Nodes.Single(node => node.DisplayName == all[0].Name);
        Node source = golden.Model.Graph.Nodes.Single(node => node.DisplayName == all[0].Name);
        CollectionAssert.AreEqual(source.Inputs[3]!.Initializer!.ToFloatArray(), kept.Inputs[3]!.Initializer!.ToFloatArray());
        AdaptationResult full = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options);
        double largest = full.Report.Layers[1].TargetMean.Zip(result.Report.Layers[0].TargetMean, (a, b) => Math.Abs(a - b)).Max();
        Assert.IsGreaterThan(1e-2, largest, "the layer after it sees other activations");
    }

    [TestMethod]
    public void Metadata_tells_how_the_model_came_about_and_files_are_reproducible()
    {
        var golden = new GoldenCase("bn_on_input");
        AdaptationResult result = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options);
        Dictionary<string, string> metadata = result.Model.Metadata.ToDictionary(entry => entry.Key, entry => entry.Value);
        Assert.AreEqual("AdaBN (full replacement, population variance)", metadata["adabn.method"]);
        Assert.AreEqual(golden.Samples.ToString(System.Globalization.CultureInfo.InvariantCulture), metadata["adabn.samples"]);
        Assert.AreEqual(golden.Model.Sha256, metadata["adabn.source_sha256"]);
        Assert.AreEqual("0.1.0", metadata["adabn.version"]);
        CollectionAssert.AreEqual(result.Model.ToBytes(), BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Model.ToBytes());
    }

    [TestMethod]
    public void Progress_counts_every_stage_to_its_end()
    {
        var golden = new GoldenCase("conv_chain");
        var reports = new System.Collections.Concurrent.ConcurrentBag<AdaptationProgress>();
        BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { BatchSize = 8 }, new Collector(reports));
        CollectionAssert.AreEqual(new[] { 0, 1, 2 }, reports.Select(report => report.Stage).Distinct().Order().ToArray());
        foreach (IGrouping<int, AdaptationProgress> stage in reports.GroupBy(report => report.Stage)) Assert.AreEqual(golden.Samples, stage.Max(report => report.SamplesDone));
        Assert.IsTrue(reports.All(report => report.StageCount == 3 && (report.Stage == 0 || report.SampleCount == golden.Samples)));
    }

    [TestMethod]
    public void Cancelling_stops_the_work_in_any_stage()
    {
        var golden = new GoldenCase("conv_chain");
        foreach (int stage in (int[])[0, 1, 2])
        {
            using var cancel = new CancellationTokenSource();
            var source = new CountingSource(golden.Source());
            var stopper = new Callback(report =>
            {
                if (report.Stage == stage) cancel.Cancel();
            });
            Assert.ThrowsExactly<OperationCanceledException>(() => BatchNormAdapter.Adapt(golden.Model, source, PaperAdaBN.Options with { BatchSize = 2 }, stopper, cancel.Token));
            Assert.AreEqual(1, source.ReadersDisposed);
        }
        Assert.ThrowsExactly<OperationCanceledException>(() => BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options, cancellationToken: new CancellationToken(canceled: true)));
    }

    [TestMethod]
    public void An_error_of_the_data_source_comes_out_as_it_was()
    {
        var golden = new GoldenCase("conv_chain");
        static IEnumerable<float[]> Failing(float[] first)
        {
            yield return first;
            throw new FormatException("broken image");
        }
        ISampleSource source = SampleSource.FromArrays(Failing(new float[3 * 12 * 12]), 3, 12, 12);
        Assert.AreEqual("broken image", Assert.ThrowsExactly<FormatException>(() => BatchNormAdapter.Adapt(golden.Model, source, PaperAdaBN.Options)).Message);
    }

    [TestMethod]
    public void Adaptations_of_one_model_may_run_side_by_side()
    {
        var golden = new GoldenCase("residual_downsample");
        byte[] expected = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Model.ToBytes();
        Parallel.For(0, 8, _ => CollectionAssert.AreEqual(expected, BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Model.ToBytes()));
    }

    [TestMethod]
    public void Options_out_of_range_are_all_named_at_once()
    {
        var options = PaperAdaBN.Options with { BatchSize = 0, MaxSamples = 0, Variance = (VarianceKind)7, Workers = -1 };
        string message = Assert.ThrowsExactly<ArgumentException>(options.Validate).Message;
        foreach (string name in (string[])["BatchSize", "MaxSamples", "Variance", "Workers"]) Assert.Contains(name, message);
    }

    private sealed class Collector(System.Collections.Concurrent.ConcurrentBag<AdaptationProgress> reports) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value) => reports.Add(value);
    }

    private sealed class Callback(Action<AdaptationProgress> action) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value) => action(value);
    }
}
