using System.Text.Json;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>The shift report against float64, against the staged engine, and the invariants of its definitions.</summary>
[TestClass]
public sealed class ShiftTests
{
    public static IEnumerable<object[]> Cases => GoldenCase.Names;

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Every_figure_equals_the_float64_reference(string name)
    {
        var golden = new GoldenCase(name);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden.Folder, "shift.json")));
        int half = json.RootElement.GetProperty("source_samples").GetInt32();
        ShiftReport againstFile = DomainShift.Measure(golden.Model, golden.Source());
        ShiftReport againstSamples = DomainShift.Measure(
            golden.Model, golden.Source(Enumerable.Range(half, golden.Samples - half)), new ShiftOptions { SourceSamples = golden.Source(Enumerable.Range(0, half)), Mmd = true });
        Assert.AreEqual(golden.Samples - half, againstSamples.Samples);
        Assert.AreEqual(half, againstSamples.SourceSamples);

        double tolerance = name == "large_offset" ? 2e-4 : 2e-6; // what float32 convolutions alone are off, tests/Golden/README.md
        JsonElement[] layers = [.. json.RootElement.GetProperty("layers").EnumerateArray()];
        Assert.HasCount(layers.Length, againstFile.Layers);
        foreach (JsonElement layer in layers)
        {
            Node node = golden.Model.Graph.Nodes.Single(node => node.Is(BatchNormalization.OpType) && node.Inputs[BatchNormalization.MeanInput]!.Name == layer.GetProperty("mean_initializer").GetString());
            AssertEqual(layer.GetProperty("file"), againstFile.Layers.Single(found => found.Name == node.DisplayName), tolerance);
            AssertEqual(layer.GetProperty("samples"), againstSamples.Layers.Single(found => found.Name == node.DisplayName), tolerance);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Figures_are_those_of_the_staged_engine_that_changes_nothing(string name)
    {
        var golden = new GoldenCase(name);
        AdaptationReport staged = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = AdaptationPolicy.KeepSource }).Report;
        double tolerance = name == "large_offset" ? 2e-4 : 2e-6;
        foreach (LayerShift layer in DomainShift.Measure(golden.Model, golden.Source()).Layers)
        {
            LayerReport expected = staged.Layers.Single(found => found.Name == layer.Name);
            AssertClose(expected.Before, layer.Figures, tolerance, layer.Name);
            Assert.AreEqual(expected.Shift, expected.Before.SymmetricKL);
            Assert.AreEqual(expected.Before, expected.After); // nothing was adapted, so all of it is left
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Any_number_of_workers_gives_the_same_bytes_and_batches_and_order_change_nothing_beyond_rounding(string name)
    {
        var golden = new GoldenCase(name);
        int[] shuffled = [.. Enumerable.Range(0, golden.Samples)];
        new Random(3).Shuffle(shuffled);
        ShiftReport Measured(int workers, int? batch, IEnumerable<int>? order) => DomainShift.Measure(golden.Model, golden.Source(order), new ShiftOptions
        {
            SourceSamples = golden.Source(Enumerable.Range(0, golden.Samples / 2)), Mmd = true, Measuring = PaperAdaBN.Options with { Workers = workers, BatchSize = batch },
        });
        ShiftReport one = Measured(1, 3, null);
        foreach (int workers in (int[])[2, 5]) Assert.AreEqual(one.ToJson(), Measured(workers, 3, null).ToJson(), $"{workers} workers");

        double tolerance = name == "large_offset" ? 2e-4 : 2e-6;
        foreach (int? batch in (int?[])[1, 7, null])
        {
            ShiftReport other = Measured(2, batch, shuffled);
            foreach (LayerShift expected in one.Layers)
            {
                LayerShift actual = other.Layers.Single(layer => layer.Name == expected.Name);
                AssertClose(expected.Figures, actual.Figures, tolerance, expected.Name);
                Assert.AreEqual(expected.Mmd!.Value, actual.Mmd!.Value, tolerance, expected.Name);
            }
        }
    }

    [TestMethod]
    [DataRow(13, 5)]
    [DataRow(24, 1)]
    public void The_discrepancy_of_convolutions_is_that_over_all_pairs_of_positions(int channels, int size)
    {
        // Nothing but a convolution before the layer: computed in ONNX Runtime's blocked layout where this processor has one.
        OnnxModel model = new ModelBuilder().Input("x", -1, 3, size, size).Floats("w", [channels, 3, 1, 1], Twin.Numbers(5, channels * 3, -1, 1)).Node("Conv", ["x", "w"], ["c"])
            .BatchNorm("c", "y", channels).Output("y", -1, channels, size, size).Build();
        float[][] Images(int seed, int count) => [.. Enumerable.Range(0, count).Select(i => Twin.Numbers((seed * 50) + i, 3 * size * size, -1, seed))];
        double[][] Features(float[][] images) => [.. images.SelectMany(image => Enumerable.Range(0, size * size).Select(p => Enumerable.Range(0, channels).Select(c =>
            Enumerable.Range(0, 3).Sum(k => (double)model.Graph.Initializers[0].ToFloatArray()[(c * 3) + k] * image[(k * size * size) + p])).ToArray()))];
        static double Kernel(double[][] xs, double[][] ys) => xs.Average(x => ys.Average(y => Math.Pow(x.Zip(y, (a, b) => a * b).Sum(), 2)));

        (float[][] source, float[][] target) = (Images(1, 7), Images(2, 9));
        (double[][] s, double[][] t) = (Features(source), Features(target));
        LayerShift layer = DomainShift.Measure(model, SampleSource.FromArrays(target, 3, size, size), new ShiftOptions { SourceSamples = SampleSource.FromArrays(source, 3, size, size), Mmd = true }).Layers.Single();
        AssertNear((Kernel(s, s) + Kernel(t, t) - (2 * Kernel(s, t))) / Kernel(s, s), layer.Mmd!.Value, 1e-6, "MMD");
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_same_images_are_no_shift(string name)
    {
        var golden = new GoldenCase(name);
        ShiftReport same = DomainShift.Measure(golden.Model, golden.Source(), new ShiftOptions { SourceSamples = golden.Source(), Mmd = true, Threshold = 0 });
        Assert.IsFalse(same.HasDrifted);
        foreach (LayerShift layer in same.Layers)
        {
            Assert.AreEqual(new ShiftFigures(0, 0, 0, 0), layer.Figures);
            Assert.AreEqual(0.0, layer.Mmd);
            Assert.AreEqual(0.0, layer.LowerBound);
        }
    }

    [TestMethod]
    public void What_an_adaptation_leaves_is_the_shift_that_the_adapted_model_shows()
    {
        foreach (string name in (string[])["conv_chain", "residual_downsample", "linear_bn1d"])
        {
            var golden = new GoldenCase(name);
            foreach (IAdaptationPolicy policy in (IAdaptationPolicy[])[AdaptationPolicy.AdaBN, AdaptationPolicy.Mix(0.5), AdaptationPolicy.AdaBN.MeanOnly()])
            {
                AdaptationResult adapted = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Policy = policy });
                ShiftReport left = DomainShift.Measure(adapted.Model, golden.Source(), new ShiftOptions { Threshold = 0.01 });
                foreach (LayerReport layer in adapted.Report.Layers)
                {
                    if (policy == AdaptationPolicy.AdaBN) Assert.AreEqual(new ShiftFigures(0, 0, 0, 0), layer.After);
                    else Assert.IsGreaterThan(1e-4, layer.After.SymmetricKL);
                    AssertClose(layer.After, left.Layers.Single(found => found.Name == layer.Name).Figures, 2e-6, $"{name} {policy.Description} {layer.Name}");
                }
                Assert.IsFalse(policy == AdaptationPolicy.AdaBN && left.HasDrifted);
            }
        }
    }

    [TestMethod]
    public void Layers_are_ranked_bounded_and_filtered()
    {
        var golden = new GoldenCase("residual_downsample");
        var options = new ShiftOptions { Threshold = 0.5, Measuring = PaperAdaBN.Options with { LayerFilter = layer => layer.Depth > 0, MaxSamples = 20 } };
        ShiftReport report = DomainShift.Measure(golden.Model, golden.Source(), options);
        Assert.HasCount(5, report.Layers);
        Assert.AreEqual(20, report.Samples);
        Assert.IsNull(report.SourceSamples);
        Assert.Contains("Only 20 samples", report.Findings.Single());
        CollectionAssert.AreEqual(report.Layers.OrderByDescending(layer => layer.Figures.Wasserstein).ToArray(), report.Layers.ToArray());
        foreach (LayerShift layer in report.Layers)
        {
            Assert.IsNull(layer.Mmd);
            Assert.AreEqual(Math.Max(0, layer.Figures.Wasserstein - (3 * layer.StandardError)), layer.LowerBound);
            Assert.AreEqual(layer.LowerBound > 0.5, layer.HasDrifted);
        }
        Assert.AreEqual(report.Layers.Any(layer => layer.HasDrifted), report.HasDrifted);
        LayerShift single = DomainShift.Measure(golden.Model, golden.Source([0]), new ShiftOptions { Threshold = 0 }).Layers[0];
        Assert.AreEqual(double.PositiveInfinity, single.StandardError);
        Assert.IsFalse(single.HasDrifted); // one image makes nothing sure
    }

    [TestMethod]
    public void Each_data_set_is_a_stage_of_progress_and_the_work_can_be_cancelled()
    {
        var golden = new GoldenCase("conv_chain");
        var options = new ShiftOptions { SourceSamples = golden.Source(), Measuring = PaperAdaBN.Options with { BatchSize = 10, Workers = 1 } };
        var told = new List<AdaptationProgress>();
        DomainShift.Measure(golden.Model, golden.Source(), options, new Telling(told.Add));
        CollectionAssert.AreEqual(new[] { (0, 10L), (0, 20), (0, 30), (0, 37), (1, 10), (1, 20), (1, 30), (1, 37) }, told.Select(progress => (progress.Stage, progress.SamplesDone)).ToArray());
        Assert.IsTrue(told.All(progress => progress is { StageCount: 2, SampleCount: 37 }));
        using var cancellation = new CancellationTokenSource();
        var cancelling = new Telling(progress => { if (progress.Stage == 1) cancellation.Cancel(); });
        Assert.ThrowsExactly<OperationCanceledException>(() => DomainShift.Measure(golden.Model, golden.Source(), options, cancelling, cancellation.Token));
    }

    [TestMethod]
    public void Folded_layers_are_measured_against_their_reference()
    {
        FoldedTwin twin = FoldedTwin.Small;
        ReferenceStatistics reference = twin.Measure();
        var options = new ShiftOptions { Measuring = PaperAdaBN.Options with { Reference = reference } };
        foreach (LayerShift layer in DomainShift.Measure(twin.Folded, twin.Source, options).Layers) Assert.IsLessThan(1e-6, layer.Figures.Wasserstein, layer.Name);
        ShiftReport target = DomainShift.Measure(twin.Folded, twin.Target, options);
        Assert.HasCount(reference.Layers.Count, target.Layers);
        Assert.IsTrue(target.HasDrifted);
        Assert.Contains("measured on 48 source images", target.Findings[0]);
    }

    [TestMethod]
    public void The_JSON_has_exactly_the_fields_of_its_schema()
    {
        using JsonDocument schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "docs", "shift.schema.json")));
        var golden = new GoldenCase("conv_chain");
        foreach (ShiftOptions options in (ShiftOptions[])[new(), new() { SourceSamples = golden.Source(), Mmd = true }, new() { Measuring = PaperAdaBN.Options with { MaxSamples = 1 } }])
        {
            using JsonDocument report = JsonDocument.Parse(DomainShift.Measure(golden.Model, golden.Source(), options).ToJson());
            Assert.AreEqual("adabn.shift/1", report.RootElement.GetProperty("schema").GetString());
            Conform(report.RootElement, schema.RootElement, schema.RootElement, "report");
        }
    }

    [TestMethod]
    public void Settings_and_statistics_that_mean_nothing_are_refused()
    {
        var golden = new GoldenCase("conv_chain");
        ArgumentException e = Assert.ThrowsExactly<ArgumentException>(() => DomainShift.Measure(golden.Model, golden.Source(), new ShiftOptions { Mmd = true, Threshold = double.NaN }));
        Assert.Contains("SourceSamples", e.Message);
        Assert.Contains("Threshold is NaN", e.Message);
        Assert.ThrowsExactly<ArgumentException>(() => DomainShift.Measure(golden.Model, golden.Source(), new ShiftOptions { Measuring = PaperAdaBN.Options with { BatchSize = 0 } }));
        Assert.AreEqual(AdaptationError.EmptyData, Assert.ThrowsExactly<AdaptationException>(() => DomainShift.Measure(golden.Model, golden.Source(), new ShiftOptions { SourceSamples = golden.Source([]) })).Error);

        ModelBuilder negative = new ModelBuilder().Input("x", -1, 2).BatchNorm("x", "y", 2).Output("y", -1, 2);
        negative.Graph.Initializer.Remove(negative.Graph.Initializer.Single(tensor => tensor.Name == "y.var"));
        AdaptationException damaged = Assert.ThrowsExactly<AdaptationException>(() => DomainShift.Measure(negative.Floats("y.var", [2], 1, -1).Build(), SampleSource.FromArrays([[1, 2], [3, 4]], 2)));
        Assert.AreEqual(AdaptationError.NonFinite, damaged.Error);
        Assert.Contains("channel 1", damaged.Message);

        const int wide = (1 << 14) + 1;
        OnnxModel large = new ModelBuilder().Input("x", -1, wide).BatchNorm("x", "y", wide).Output("y", -1, wide).Build();
        ISampleSource samples = SampleSource.FromArrays([new float[wide], new float[wide]], wide);
        Assert.HasCount(1, DomainShift.Measure(large, samples).Layers);
        Assert.Contains("at most 16384", Assert.ThrowsExactly<AdaptationException>(() => DomainShift.Measure(large, samples, new ShiftOptions { SourceSamples = samples, Mmd = true })).Message);

        OnnxModel unequal = new ModelBuilder().Input("x", -1, 2, 4).Input("z", -1, 2, 3).Node("Concat", ["x", "z"], ["j"], ModelBuilder.Int("axis", 1)).BatchNorm("j", "y", 4).Output("y", -1, 4, 4).Build();
        ISampleSource both = SampleSource.FromArrays([new SampleInput("x", [2, 4]), new SampleInput("z", [2, 3])], [[new float[8], new float[6]]]);
        Assert.AreEqual(AdaptationError.UnsupportedForm, Assert.ThrowsExactly<AdaptationException>(() => DomainShift.Measure(unequal, both, new ShiftOptions { SourceSamples = both, Mmd = true })).Error);
    }

    private static void AssertEqual(JsonElement expected, LayerShift actual, double tolerance)
    {
        AssertClose(new ShiftFigures(Number("meanShift"), Number("logVarianceRatio"), Number("symmetricKL"), Number("wasserstein")), actual.Figures, tolerance, actual.Name);
        AssertNear(Number("standardError"), actual.StandardError, tolerance, actual.Name);
        if (expected.TryGetProperty("mmd", out JsonElement mmd)) AssertNear(mmd.GetDouble(), actual.Mmd!.Value, tolerance, actual.Name);
        (string Name, Func<ChannelShift, double> Of)[] figures =
            [("meanShift", c => c.MeanShift), ("logVarianceRatio", c => c.LogVarianceRatio), ("symmetricKL", c => c.SymmetricKL), ("wasserstein", c => c.Wasserstein), ("standardError", c => c.StandardError)];
        foreach ((string name, Func<ChannelShift, double> of) in figures)
        {
            double[] numbers = [.. expected.GetProperty("channels").GetProperty(name).EnumerateArray().Select(number => number.GetDouble())];
            Assert.HasCount(numbers.Length, actual.Channels);
            for (int c = 0; c < numbers.Length; c++) AssertNear(numbers[c], of(actual.Channels[c]), tolerance, $"{actual.Name} {name} {c}");
        }

        double Number(string name) => expected.GetProperty(name).GetDouble();
    }

    private static void AssertClose(ShiftFigures expected, ShiftFigures actual, double tolerance, string where)
    {
        AssertNear(expected.MeanShift, actual.MeanShift, tolerance, $"{where} mean shift");
        AssertNear(expected.LogVarianceRatio, actual.LogVarianceRatio, tolerance, $"{where} log variance ratio");
        AssertNear(expected.SymmetricKL, actual.SymmetricKL, tolerance, $"{where} symmetric KL");
        AssertNear(expected.Wasserstein, actual.Wasserstein, tolerance, $"{where} Wasserstein");
    }

    private static void AssertNear(double expected, double actual, double tolerance, string where) => Assert.AreEqual(expected, actual, tolerance * (1 + Math.Abs(expected)), where);

    /// <summary>As much of JSON Schema as the file uses; unknown and missing fields alike are faults.</summary>
    private static void Conform(JsonElement value, JsonElement schema, JsonElement root, string where)
    {
        if (schema.TryGetProperty("$ref", out JsonElement reference)) schema = root.GetProperty("$defs").GetProperty(reference.GetString()!.Split('/')[^1]);
        if (schema.TryGetProperty("const", out JsonElement constant))
        {
            Assert.AreEqual(constant.GetString(), value.GetString(), where);
            return;
        }
        string type = value.ValueKind switch
        {
            JsonValueKind.Object => "object", JsonValueKind.Array => "array", JsonValueKind.String => "string", JsonValueKind.Null => "null", JsonValueKind.True or JsonValueKind.False => "boolean",
            _ => value.TryGetInt64(out _) ? "integer" : "number",
        };
        JsonElement types = schema.GetProperty("type");
        string[] allowed = types.ValueKind == JsonValueKind.Array ? [.. types.EnumerateArray().Select(one => one.GetString()!)] : [types.GetString()!];
        Assert.IsTrue(allowed.Contains(type) || (type == "integer" && allowed.Contains("number")), $"{where} is of type {type}");
        if (type == "object")
        {
            string[] fields = [.. value.EnumerateObject().Select(field => field.Name)];
            CollectionAssert.AreEqual(schema.GetProperty("properties").EnumerateObject().Select(field => field.Name).ToArray(), fields, where);
            CollectionAssert.AreEqual(schema.GetProperty("required").EnumerateArray().Select(field => field.GetString()).ToArray(), fields, where);
            foreach (JsonProperty field in value.EnumerateObject()) Conform(field.Value, schema.GetProperty("properties").GetProperty(field.Name), root, $"{where}.{field.Name}");
        }
        if (type == "array")
            foreach (JsonElement item in value.EnumerateArray()) Conform(item, schema.GetProperty("items"), root, $"{where}[]");
    }
}
