using System.Globalization;
using System.Text.Json;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

[TestClass]
public sealed class CommandTests
{
    private static readonly string ConvChain = Path.Combine(Repository.Golden, "conv_chain");
    private static readonly string TwoInputs = Path.Combine(Repository.Golden, "two_inputs");

    [TestMethod]
    public async Task Inspect_lists_the_layers()
    {
        Outcome outcome = await Run("inspect", Path.Combine(ConvChain, "model.onnx"));
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        Assert.Contains("input  image: Float [N, 3, 12, 12]", outcome.Output);
        Assert.Contains("3 normalization layers, 3 of them with statistics to re-estimate.", outcome.Output);
        Assert.Contains("BatchNormalization", outcome.Output);
    }

    [TestMethod]
    public async Task Inspect_json_has_every_layer_with_form_channels_and_depth()
    {
        Outcome outcome = await Run("inspect", Path.Combine(TwoInputs, "model.onnx"), "--json");
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        using JsonDocument json = JsonDocument.Parse(outcome.Output);
        JsonElement[] layers = [.. json.RootElement.GetProperty("layers").EnumerateArray()];
        Assert.HasCount(4, layers);
        Assert.AreEqual("BatchNormalization", layers[0].GetProperty("form").GetString());
        CollectionAssert.AreEquivalent(new[] { 0, 0, 1, 2 }, layers.Select(layer => layer.GetProperty("depth").GetInt32()).ToArray());
        Assert.IsTrue(layers.All(layer => layer.GetProperty("channels").GetInt32() > 0 && layer.GetProperty("canAdapt").GetBoolean()));
        Assert.AreEqual(13, json.RootElement.GetProperty("opset").GetInt64());
    }

    [TestMethod]
    public async Task Inspect_tells_forms_places_reasons_and_mends()
    {
        Outcome merged = await Run("inspect", Path.Combine(Repository.Golden, "merged_equal", "model.onnx"), "--json");
        Assert.AreEqual(0, merged.ExitCode, merged.Error);
        using JsonDocument json = JsonDocument.Parse(merged.Output);
        JsonElement layer = json.RootElement.GetProperty("layers")[1];
        Assert.AreEqual("parameters from Identity", layer.GetProperty("spelling").GetString());
        Assert.AreEqual("'bn2.running_mean', 'bn2.running_var'", layer.GetProperty("statistics").GetString());
        Assert.AreEqual("3 normalization layers, 3 of them with statistics to re-estimate.", json.RootElement.GetProperty("verdict").GetString());

        Outcome folded = await Run("inspect", Repository.Model("digits-cnn-folded.onnx"));
        Assert.AreEqual(0, folded.ExitCode, folded.Error);
        Assert.Contains("TrainingMode.PRESERVE", folded.Output.ReplaceLineEndings(" "));
    }

    [TestMethod]
    public async Task A_pipeline_of_ML_NET_is_adapted_inspected_measured_and_scored_as_its_model()
    {
        using var folder = new TemporaryFolder();
        string model = Path.Combine(ConvChain, "model.onnx"), data = Path.Combine(ConvChain, "image.npy"), pipeline = folder.File("pipeline.zip"), plain = folder.File("plain.onnx"), adapted = folder.File("adapted.zip"), alone = folder.File("alone.onnx");
        PipelineZip.Write(pipeline, PipelineZip.Entries(await File.ReadAllBytesAsync(model)));
        Assert.AreEqual(0, (await Run("adapt", model, "--data", data, "--policy", "adabn", "--out", plain)).ExitCode);
        foreach (string target in (string[])[adapted, alone])
        {
            Outcome outcome = await Run("adapt", pipeline, "--data", data, "--policy", "adabn", "--out", target);
            Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        }
        SavedPipeline written = SavedPipeline.Open(adapted);
        CollectionAssert.AreEqual(await File.ReadAllBytesAsync(plain), written.Load(written.Models[0]).ToBytes());
        CollectionAssert.AreEqual(await File.ReadAllBytesAsync(plain), await File.ReadAllBytesAsync(alone));

        foreach (string[] rest in (string[][])[["inspect"], ["shift", "--data", data], ["score", "--data", data]])
        {
            Outcome zipped = await Run([rest[0], adapted, .. rest[1..]]), file = await Run([rest[0], plain, .. rest[1..]]);
            Assert.AreEqual(0, zipped.ExitCode, zipped.Error);
            Assert.AreEqual(file.Output, zipped.Output);
        }
        Outcome none = await Run("adapt", pipeline, "--step", "1", "--data", data, "--out", folder.File("none.zip"));
        Assert.AreEqual(2, none.ExitCode);
        Assert.Contains("no ONNX step 1", none.Error);
        Assert.AreEqual(2, (await Run("inspect", model, "--step", "0")).ExitCode);
        Outcome text = await Run("adapt", PipelineZip.Write(folder.File("text.zip"), [("readme", [65])]), "--data", data, "--out", folder.File("none.zip"));
        Assert.AreEqual(1, text.ExitCode);
        Assert.Contains("no ONNX model in it", text.Error);
        Assert.IsFalse(File.Exists(folder.File("none.zip")));
    }

    [TestMethod]
    public async Task Gate_writes_nothing_where_adapting_is_not_advised()
    {
        using var folder = new TemporaryFolder();
        string model = Repository.Model("digits-cnn.onnx"), same = folder.File("same.npy"), scans = folder.File("scans.npy"), labels = folder.File("labels.txt"), target = folder.File("adapted.onnx");
        Npy.Write(same, [.. ShippedDigits.Mnist.Images.SelectMany(digit => digit)], ShippedDigits.Mnist.Images.Length, 1, 28, 28);
        Npy.Write(scans, [.. ShippedDigits.Scans.Images.SelectMany(digit => digit)], ShippedDigits.Scans.Images.Length, 1, 28, 28);

        Outcome kept = await Run("adapt", model, "--data", same, "--out", target, "--gate");
        Assert.AreEqual(3, kept.ExitCode, kept.Error);
        Assert.Contains("verdict: keep the source model", kept.Output);
        Assert.Contains("wrote nothing", kept.Output);
        Assert.IsFalse(File.Exists(target));

        await File.WriteAllLinesAsync(labels, ShippedDigits.Scans.Labels.Select(label => label.ToString(CultureInfo.InvariantCulture)));
        Outcome adapted = await Run("adapt", model, "--data", scans, "--out", target, "--gate", "--labelled", scans, "--labels", labels, "--json");
        Assert.AreEqual(0, adapted.ExitCode, adapted.Error);
        Assert.IsTrue(File.Exists(target));
        using JsonDocument json = JsonDocument.Parse(adapted.Output);
        JsonElement verdict = json.RootElement.GetProperty("verdict");
        Assert.AreEqual("adapt", verdict.GetProperty("kind").GetString());
        Assert.AreEqual(1797, verdict.GetProperty("measured").GetProperty("samples").GetInt32());

        await File.WriteAllTextAsync(labels, "1 2 three");
        Outcome wrong = await Run("adapt", model, "--data", scans, "--out", target, "--labelled", scans, "--labels", labels);
        Assert.AreEqual(2, wrong.ExitCode);
        Assert.Contains("entry 3 is 'three'", wrong.Error);
        Assert.AreEqual(2, (await Run("adapt", model, "--data", scans, "--out", target, "--labels", labels)).ExitCode);
    }

    [TestMethod]
    public async Task Adapt_writes_what_the_engine_computes()
    {
        using var folder = new TemporaryFolder();
        string target = folder.File("adapted.onnx");
        Outcome outcome = await Run("adapt", Path.Combine(ConvChain, "model.onnx"), "--data", Path.Combine(ConvChain, "image.npy"), "--out", target);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        Assert.Contains("3 layers measured on 37 samples", outcome.Output);
        Assert.Contains("note: Only 37 samples", outcome.Output);
        byte[] expected = BatchNormAdapter.Adapt(OnnxModel.Load(Path.Combine(ConvChain, "model.onnx")), NpyFile.Open(Path.Combine(ConvChain, "image.npy"))).Model.ToBytes();
        CollectionAssert.AreEqual(expected, File.ReadAllBytes(target));
        Assert.HasCount(1, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public async Task Reading_stops_where_the_wanted_standard_error_is_foretold()
    {
        using var folder = new TemporaryFolder();
        string[] command = ["adapt", Path.Combine(ConvChain, "model.onnx"), "--data", Path.Combine(ConvChain, "image.npy"), "--out", folder.File("adapted.onnx"), "--standard-error"];
        Outcome outcome = await Run([.. command, "0.01", "--json"]);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        using JsonDocument json = JsonDocument.Parse(outcome.Output);
        JsonElement precision = json.RootElement.GetProperty("precision");
        Assert.AreEqual(0.01, precision.GetProperty("wanted").GetDouble());
        Assert.IsGreaterThan(37, precision.GetProperty("foretold").GetInt64());
        Assert.Contains("there were 37 to read", outcome.Output);
        Assert.Contains("on 37 samples, standard error 0.", (await Run([.. command, "1"])).Output);
        Assert.Contains("expected a number above 0", (await Run([.. command, "0"])).Error);
    }

    [TestMethod]
    public async Task Policies_against_outliers_are_written_behind_the_policy()
    {
        using var folder = new TemporaryFolder();
        string model = Path.Combine(ConvChain, "model.onnx"), data = Path.Combine(ConvChain, "image.npy"), target = folder.File("adapted.onnx");
        foreach ((string text, IAdaptationPolicy policy) in ((string, IAdaptationPolicy)[])
        [
            ("adabn+trimmed:0.2", AdaptationPolicy.AdaBN.Trimmed(0.2)), ("gate:cautious+median", AdaptationPolicy.Gate(GateSettings.Cautious).MedianOfBatches()),
            ("mix:0.5+median:4+trimmed", AdaptationPolicy.Mix(0.5).MedianOfBatches(4).Trimmed()),
        ])
        {
            Outcome outcome = await Run("adapt", model, "--data", data, "--out", target, "--policy", text);
            Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
            CollectionAssert.AreEqual(BatchNormAdapter.Adapt(OnnxModel.Load(model), NpyFile.Open(data), new AdaptationOptions { Policy = policy }).Model.ToBytes(), File.ReadAllBytes(target), text);
        }
        Assert.Contains("each image's own moments 1 MB", (await Run("adapt", model, "--data", data, "--out", target, "--policy", "adabn+trimmed", "--dry-run")).Output);
    }

    [TestMethod]
    public async Task Adapt_takes_one_file_an_input_and_prints_json()
    {
        using var folder = new TemporaryFolder();
        Outcome outcome = await Run(
            "adapt", Path.Combine(TwoInputs, "model.onnx"), "--input", "color", "--data", Path.Combine(TwoInputs, "color.npy"),
            "--input", "depth", "--data", Path.Combine(TwoInputs, "depth.npy"), "--out", folder.File("adapted.onnx"), "--json", "--batch-size", "4", "--threads", "1");
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        using JsonDocument json = JsonDocument.Parse(outcome.Output);
        Assert.AreEqual(4, json.RootElement.GetProperty("layers").GetArrayLength());
        Assert.AreEqual(37, json.RootElement.GetProperty("samples").GetInt64());
    }

    [TestMethod]
    public async Task A_model_with_its_data_outside_takes_it_along_or_becomes_one_file()
    {
        using var folder = new TemporaryFolder();
        string model = Path.Combine(Repository.Root, "tests", "ExternalData", "conv_chain", "model.onnx"), data = Path.Combine(ConvChain, "image.npy");
        Assert.AreEqual(0, (await Run("adapt", model, "--data", data, "--out", folder.File("beside.onnx"))).ExitCode);
        CollectionAssert.AreEquivalent(new[] { "beside.onnx", "weights.bin" }, Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName).ToArray());
        OnnxModel beside = OnnxModel.Load(folder.File("beside.onnx"));
        Assert.AreEqual(0, (await Run("adapt", model, "--data", data, "--out", folder.File("single.onnx"), "--single-file")).ExitCode);
        CollectionAssert.AreEqual(beside.ToSingleFile().ToBytes(), File.ReadAllBytes(folder.File("single.onnx")));

        File.WriteAllText(folder.File("weights.bin"), "precious");
        Outcome refused = await Run("adapt", model, "--data", data, "--out", folder.File("beside.onnx"));
        Assert.AreEqual(1, refused.ExitCode);
        Assert.Contains("something else stands", refused.Error);
        Assert.AreEqual("precious", File.ReadAllText(folder.File("weights.bin")));
    }

    [TestMethod]
    public async Task Skipped_layers_keep_their_statistics()
    {
        using var folder = new TemporaryFolder();
        string layer = NormalizationDiscovery.Inspect(OnnxModel.Load(Path.Combine(ConvChain, "model.onnx")))[1].Name;
        Outcome outcome = await Run("adapt", Path.Combine(ConvChain, "model.onnx"), "--data", Path.Combine(ConvChain, "image.npy"), "--out", folder.File("a.onnx"), "--skip", layer);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        Assert.Contains("2 layers measured", outcome.Output);
        Outcome unknown = await Run("adapt", Path.Combine(ConvChain, "model.onnx"), "--data", Path.Combine(ConvChain, "image.npy"), "--out", folder.File("a.onnx"), "--skip", "nonsense");
        Assert.AreEqual(2, unknown.ExitCode);
        Assert.Contains("nonsense", unknown.Error);
    }

    [TestMethod]
    public async Task A_reference_is_measured_and_used_from_a_file_or_from_the_model()
    {
        using var folder = new TemporaryFolder();
        string twin = Path.Combine(Repository.Root, "tests", "Folded", "small"), model = Path.Combine(twin, "folded.onnx"), source = Path.Combine(twin, "source.npy"), target = Path.Combine(twin, "target.npy");
        Outcome measured = await Run("reference", model, "--data", source, "--out", folder.File("small.reference"), "--embed", folder.File("small.onnx"));
        Assert.AreEqual(0, measured.ExitCode, measured.Error);
        Assert.Contains("7 layers measured on 48 samples", measured.Output);

        Outcome fromFile = await Run("adapt", model, "--data", target, "--reference", folder.File("small.reference"), "--out", folder.File("a.onnx"));
        Outcome fromModel = await Run("adapt", folder.File("small.onnx"), "--data", target, "--out", folder.File("b.onnx"));
        foreach (Outcome outcome in (Outcome[])[fromFile, fromModel])
        {
            Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
            Assert.Contains("7 layers measured on 48 samples", outcome.Output);
            Assert.Contains("7 of 7 layers had their BatchNormalization folded in", outcome.Output);
        }
        OnnxModel expected = BatchNormAdapter.Adapt(OnnxModel.Load(model), NpyFile.Open(target), new AdaptationOptions { Reference = ReferenceStatistics.Measure(OnnxModel.Load(model), NpyFile.Open(source)) }).Model;
        CollectionAssert.AreEqual(expected.ToBytes(), File.ReadAllBytes(folder.File("a.onnx")));
        Assert.AreEqual(expected.ComputationSha256(), OnnxModel.Load(folder.File("b.onnx")).ComputationSha256());

        Outcome inspected = await Run("inspect", folder.File("b.onnx"));
        Assert.Contains("7 normalization layers, 7 of them with statistics to re-estimate.", inspected.Output);
        Assert.Contains("gate", inspected.Output);
        Assert.Contains("model's output", inspected.Output);
        Assert.Contains("adabn.reference (", inspected.Output);

        Outcome less = await Run("reference", model, "--data", source, "--out", folder.File("c.reference"), "--skip", "/conv/Conv", "--also", "/squeeze/Conv", "--also", "/excite/Conv");
        Assert.Contains("8 layers measured", less.Output, less.Error);
        Assert.Contains("8 layers measured", (await Run("adapt", model, "--data", target, "--reference", folder.File("c.reference"), "--out", folder.File("c.onnx"))).Output);
        Assert.Contains("6 layers measured", (await Run("adapt", model, "--data", target, "--reference", folder.File("small.reference"), "--out", folder.File("c.onnx"), "--skip", "/conv/Conv")).Output);
    }

    [TestMethod]
    public async Task Pixels_are_measured_and_aligned_from_a_file_or_from_the_model()
    {
        using var folder = new TemporaryFolder();
        string twin = Path.Combine(Repository.Root, "tests", "Folded", "small"), model = Path.Combine(twin, "folded.onnx"), source = Path.Combine(twin, "source.npy"), target = Path.Combine(twin, "target.npy");
        Outcome measured = await Run("reference", model, "--pixels", "--data", source, "--out", folder.File("small.pixels"), "--embed", folder.File("small.onnx"));
        Assert.AreEqual(0, measured.ExitCode, measured.Error);
        Assert.Contains("1 input(s) measured on 48 samples", measured.Output);

        Outcome fromFile = await Run("adapt", model, "--data", target, "--policy", "adabn", "--reference", folder.File("small.pixels"), "--out", folder.File("a.onnx"));
        Outcome fromModel = await Run("adapt", folder.File("small.onnx"), "--data", target, "--policy", "adabn", "--out", folder.File("b.onnx"));
        foreach (Outcome outcome in (Outcome[])[fromFile, fromModel])
        {
            Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
            Assert.Contains("1 layers measured on 48 samples", outcome.Output);
            Assert.Contains("Input 'image': each of its channels is aligned", outcome.Output.ReplaceLineEndings(" "));
        }
        OnnxModel loaded = OnnxModel.Load(model);
        OnnxModel expected = BatchNormAdapter.Adapt(loaded, NpyFile.Open(target), new AdaptationOptions { Policy = AdaptationPolicy.AdaBN, Reference = ReferenceStatistics.MeasurePixels(loaded, NpyFile.Open(source)) }).Model;
        CollectionAssert.AreEqual(expected.ToBytes(), File.ReadAllBytes(folder.File("a.onnx")));
        Assert.AreEqual(expected.ComputationSha256(), OnnxModel.Load(folder.File("b.onnx")).ComputationSha256());
        Assert.Contains("Input", (await Run("inspect", folder.File("b.onnx"))).Output);
        Assert.Contains("Input", (await Run("inspect", model, "--reference", folder.File("small.pixels"))).Output);
        Assert.AreEqual(0, (await Run("shift", model, "--data", source, "--reference", folder.File("small.pixels"), "--fail-on-drift")).ExitCode);
        Assert.AreEqual(3, (await Run("shift", model, "--data", target, "--reference", folder.File("small.pixels"), "--fail-on-drift")).ExitCode);
    }

    [TestMethod]
    public async Task A_stale_or_damaged_reference_in_the_model_is_noted_by_inspect_and_refused_by_adapt()
    {
        using var folder = new TemporaryFolder();
        string twin = Path.Combine(Repository.Root, "tests", "Folded", "small"), target = Path.Combine(twin, "target.npy");
        OnnxModel folded = OnnxModel.Load(Path.Combine(twin, "folded.onnx")), kept = OnnxModel.Load(Path.Combine(ConvChain, "model.onnx"));
        ReferenceStatistics reference = ReferenceStatistics.Measure(folded, NpyFile.Open(Path.Combine(twin, "source.npy")));
        reference.Save(folder.File("small.reference"));
        OnnxModel embedded = folded.Clone();
        reference.EmbedIn(embedded);
        string carried = embedded.Metadata.Single(entry => entry.Key == "adabn.reference").Value;

        OnnxModel stale = embedded.Clone(); // trained on since
        Initializer weights = stale.Graph.Nodes.First(node => node.Is("Conv")).Inputs[1]!.Initializer!;
        GraphEditor.ReplaceInitializer(stale, [stale.Graph.Nodes.First(node => node.Is("Conv"))], 1, [.. weights.ToDoubleArray().Select(weight => weight * 2)]);
        OnnxModel damaged = folded.Clone(), foreign = kept.Clone(), unfitting = folded.Clone();
        damaged.SetMetadata("adabn.reference", carried[..^40]);
        foreign.SetMetadata("adabn.reference", carried);
        File.WriteAllText(folder.File("unfitting.reference"), File.ReadAllText(folder.File("small.reference")).Replace("\"output\":\"", "\"output\":\"no ", StringComparison.Ordinal));
        ReferenceStatistics.Load(folder.File("unfitting.reference")).EmbedIn(unfitting);
        (OnnxModel, OnnxModel, string)[] cases = [(stale, folded, "are of another model"), (damaged, folded, "cannot be read"), (foreign, kept, "are of another model"), (unfitting, folded, "which has 0")];
        foreach ((OnnxModel model, OnnxModel plain, string says) in cases)
        {
            model.Save(folder.File("carrier.onnx"));
            plain.Save(folder.File("plain.onnx"));
            Outcome inspected = await Run("inspect", folder.File("carrier.onnx"));
            Assert.AreEqual(0, inspected.ExitCode, inspected.Error);
            Assert.Contains("note: as it stands, adapting is refused.", inspected.Output);
            Assert.Contains(says, inspected.Output.ReplaceLineEndings(" "));
            using JsonDocument json = JsonDocument.Parse((await Run("inspect", folder.File("carrier.onnx"), "--json")).Output), without = JsonDocument.Parse((await Run("inspect", folder.File("plain.onnx"), "--json")).Output);
            Assert.AreEqual(without.RootElement.GetProperty("layers").ToString(), json.RootElement.GetProperty("layers").ToString());
            string fault = json.RootElement.GetProperty("referenceFault").GetString()!;
            Assert.Contains(says, fault);
            Assert.AreEqual(JsonValueKind.Null, without.RootElement.GetProperty("referenceFault").ValueKind);

            Outcome adapted = await Run("adapt", folder.File("carrier.onnx"), "--data", target, "--out", folder.File("out.onnx"));
            Assert.AreEqual(1, adapted.ExitCode);
            Assert.AreEqual($"adabn: {fault}", adapted.Error.Trim());
            Assert.Contains("adabn reference", adapted.Error);
            Assert.IsFalse(File.Exists(folder.File("out.onnx")));
        }

        stale.Save(folder.File("carrier.onnx"));
        Outcome given = await Run("inspect", folder.File("carrier.onnx"), "--reference", folder.File("small.reference"));
        Assert.AreEqual(1, given.ExitCode, "a reference that was asked for is no note");
        Assert.Contains("are of another model", given.Error);
        damaged.Save(folder.File("carrier.onnx"));
        Assert.DoesNotContain("note:", (await Run("inspect", folder.File("carrier.onnx"), "--reference", folder.File("small.reference"))).Output);
    }

    [TestMethod]
    public async Task Shift_prints_what_README_shows_and_fails_on_drift_when_told_to()
    {
        using var folder = new TemporaryFolder();
        string model = Repository.Model("digits-cnn.onnx"), scans = folder.File("scans.npy"), digits = folder.File("digits.npy");
        Npy.Write(scans, [.. ShippedDigits.Scans.Images.SelectMany(image => image)], ShippedDigits.Scans.Images.Length, 1, 28, 28);
        Npy.Write(digits, [.. ShippedDigits.Mnist.Images.SelectMany(image => image)], ShippedDigits.Mnist.Images.Length, 1, 28, 28);

        Outcome outcome = await Run("shift", model, "--data", scans);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md")).Split("<!-- shift -->")[1];
        (string[] expected, string[] actual) = (Words(readme), Words(outcome.Output));
        Assert.HasCount(expected.Length, actual);
        foreach ((string shown, string found) in expected.Zip(actual))
        {
            if (double.TryParse(shown, CultureInfo.InvariantCulture, out double number)) Assert.AreEqual(number, double.Parse(found, CultureInfo.InvariantCulture), 0.0021); // other processors round otherwise
            else Assert.AreEqual(shown, found);
        }

        Assert.AreEqual(3, (await Run("shift", model, "--data", scans, "--fail-on-drift")).ExitCode);
        Assert.AreEqual(0, (await Run("shift", model, "--data", scans, "--fail-on-drift", "--threshold", "5")).ExitCode);
        Outcome home = await Run("shift", model, "--data", digits, "--fail-on-drift");
        Assert.AreEqual(0, home.ExitCode);
        Assert.Contains("no drift in 5 layers", home.Output);
        Outcome against = await Run("shift", model, "--data", scans, "--source", digits, "--mmd", "--fail-on-drift", "--max-samples", "300", "--skip", "/bn1/BatchNormalization");
        Assert.AreEqual(3, against.ExitCode, against.Error);
        Assert.Contains("MMD", against.Output);
        Assert.Contains("300 samples against 300 source samples: drift in 4 of 4 layers", against.Output);

        static string[] Words(string text) => text.Split([' ', '\r', '\n', '│', '─', '┼'], StringSplitOptions.RemoveEmptyEntries);
    }

    [TestMethod]
    public async Task Shift_prints_json_of_models_with_several_inputs()
    {
        string color = Path.Combine(TwoInputs, "color.npy"), depth = Path.Combine(TwoInputs, "depth.npy");
        Outcome outcome = await Run("shift", Path.Combine(TwoInputs, "model.onnx"), "--input", "color", "--data", color, "--input", "depth", "--data", depth, "--source", color, "--source", depth, "--mmd", "--json", "--fail-on-drift");
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        using JsonDocument json = JsonDocument.Parse(outcome.Output);
        Assert.AreEqual("adabn.shift/1", json.RootElement.GetProperty("schema").GetString());
        Assert.AreEqual(4, json.RootElement.GetProperty("layers").GetArrayLength());
        Assert.IsTrue(json.RootElement.GetProperty("layers").EnumerateArray().All(layer => layer.GetProperty("mmd").GetDouble() == 0));
    }

    [TestMethod]
    public async Task A_model_that_makes_pictures_is_adapted_only_when_told_to()
    {
        using var folder = new TemporaryFolder();
        string model = folder.File("twice.onnx"), data = folder.File("x.npy"), target = folder.File("out.onnx");
        float[] twelve = [.. Enumerable.Range(0, 36).Select(i => MathF.Sin(i))];
        new GraphBuilder(7, KeyValuePair.Create("", 13L)).Input("x", new TensorType(ElementType.Float, [default, new Dimension(3), new Dimension(4), new Dimension(4)]))
            .Floats("w", [12, 3, 1, 1], twelve).Floats("one", [12], [.. Enumerable.Repeat(1f, 12)]).Floats("zero", [12], new float[12]).Floats("mean", [12], new float[12]).Floats("var", [12], [.. Enumerable.Repeat(1f, 12)])
            .Node("", "Conv", ["x", "w"], "c").Node("", "BatchNormalization", ["c", "one", "zero", "mean", "var"], "n").Floats("v", [12, 12, 1, 1], [.. Enumerable.Range(0, 144).Select(i => MathF.Sin(i))])
            .Node("", "Conv", ["n", "v"], "d").Node("", "DepthToSpace", ["d"], "y", null, KeyValuePair.Create("blocksize", new long[] { 2 })).Output("y").Build().Save(model);
        Npy.Write(data, [.. Enumerable.Range(0, 5 * 48).Select(i => MathF.Cos(i))], 5, 3, 4, 4);

        Outcome refused = await Run("adapt", model, "--data", data, "--out", target);
        Assert.AreEqual(1, refused.ExitCode);
        Assert.Contains("'y' is a picture", refused.Error);
        Assert.IsFalse(File.Exists(target));
        Assert.AreEqual(1, (await Run("adapt", model, "--data", data, "--out", target, "--dry-run")).ExitCode);
        Outcome allowed = await Run("adapt", model, "--data", data, "--out", target, "--allow-image-output");
        Assert.AreEqual(0, allowed.ExitCode, allowed.Error);
        Assert.Contains("note: The output 'y' is a picture", allowed.Output);
        Assert.Contains("--allow-image-output", (await Run("inspect", model)).Output.ReplaceLineEndings(" "));
        using JsonDocument json = JsonDocument.Parse((await Run("inspect", model, "--json")).Output);
        Assert.IsTrue(json.RootElement.GetProperty("imageOutputs")[0].GetProperty("isSure").GetBoolean());
        Assert.AreEqual(0, (await Run("shift", model, "--data", data)).ExitCode); // looking is no harm
    }

    [TestMethod]
    public async Task Failures_are_one_clear_line_and_leave_files_alone()
    {
        using var folder = new TemporaryFolder();
        string model = Path.Combine(ConvChain, "model.onnx"), data = Path.Combine(ConvChain, "image.npy"), target = folder.File("out.onnx");
        File.WriteAllText(target, "precious");
        File.WriteAllText(folder.File("garbage.onnx"), "garbage");
        (int Code, string Says, string[] Arguments)[] cases =
        [
            (1, "does not fit the input 'image'", ["adapt", model, "--data", Path.Combine(TwoInputs, "depth.npy"), "--out", target]),
            (1, "no ONNX model", ["inspect", folder.File("garbage.onnx")]),
            (1, "no-such.onnx", ["inspect", folder.File("no-such.onnx")]),
            (1, "garbage.onnx is nothing that is read here, expected a folder of PNG", ["adapt", model, "--data", folder.File("garbage.onnx"), "--out", target]),
            (1, "no-such-folder", ["adapt", model, "--data", data, "--out", Path.Combine(folder.Path, "no-such-folder", "x.onnx")]),
            (1, "has no input 'picture'", ["adapt", model, "--data", data, "--input", "picture", "--out", target]),
            (1, "no BatchNormalization node", ["adapt", Repository.Model("digits-cnn-folded.onnx"), "--data", data, "--out", target]),
            (2, "share from 0 to 1", ["adapt", model, "--data", data, "--out", target, "--policy", "mix:2"]),
            (2, "mix:SHARE", ["adapt", model, "--data", data, "--out", target, "--policy", "nonsense"]),
            (2, "+trimmed:SHARE", ["adapt", model, "--data", data, "--out", target, "--policy", "adabn+nonsense:1"]),
            (2, "below 0.5", ["adapt", model, "--data", data, "--out", target, "--policy", "adabn+trimmed:0.5"]),
            (2, "policy.MedianOfBatches(8).Trimmed(0.1)", ["adapt", model, "--data", data, "--out", target, "--policy", "adabn+trimmed+median"]),
            (1, "adabn reference", ["adapt", Repository.Model("digits-cnn-folded.onnx"), "--data", data, "--out", target]),
            (1, "no file of reference statistics", ["adapt", model, "--data", data, "--reference", folder.File("garbage.onnx"), "--out", target]),
            (1, "need no reference", ["reference", model, "--data", data, "--out", target]),
            (2, "--embed OUT.onnx", ["reference", model, "--data", data]),
            (2, "no layer named nonsense", ["reference", Repository.Model("digits-cnn-folded.onnx"), "--data", data, "--out", target, "--also", "nonsense"]),
            (2, "no input named nonsense", ["reference", model, "--pixels", "--data", data, "--out", target, "--skip", "nonsense"]),
            (2, "--pixels measures inputs only", ["reference", model, "--pixels", "--data", data, "--out", target, "--also", "/conv1/Conv"]),
            (1, "turns down every input", ["reference", model, "--pixels", "--data", data, "--out", target, "--skip", "image"]),
            (2, "one file", ["reference", model, "--data", data, "--out", target, "--embed", target]),
            (2, "source model itself", ["reference", model, "--data", data, "--embed", model]),
            (2, "source model itself", ["adapt", model, "--data", data, "--out", model]),
            (2, "give one --input for each --data", ["adapt", model, "--data", data, "--data", data, "--out", target]),
            (2, "Threshold is -1", ["shift", model, "--data", data, "--threshold", "-1"]),
            (2, "without SourceSamples", ["shift", model, "--data", data, "--mmd"]),
            (2, "1 --source but 2 --input", ["shift", Path.Combine(TwoInputs, "model.onnx"), "--input", "color", "--data", data, "--input", "depth", "--data", data, "--source", data]),
            (2, "no normalization layer named nonsense", ["shift", model, "--data", data, "--skip", "nonsense"]),
            (1, "adabn reference", ["shift", Repository.Model("digits-cnn-folded.onnx"), "--data", data]),
            (2, "BatchSize is 0", ["adapt", model, "--data", data, "--out", target, "--batch-size", "0"]),
            (2, "--data", ["adapt", model]),
            (2, "adabn --help", ["no-such-command"]),
            (2, "adabn --help", []),
        ];
        byte[] before = File.ReadAllBytes(model);
        foreach ((int code, string says, string[] arguments) in cases)
        {
            Outcome outcome = await Run(arguments);
            Assert.AreEqual(code, outcome.ExitCode, string.Join(' ', arguments));
            Assert.Contains(says, outcome.Error);
            Assert.AreEqual("", outcome.Output);
            Assert.DoesNotContain("   at ", outcome.Error);
        }
        Assert.AreEqual("precious", File.ReadAllText(target));
        CollectionAssert.AreEqual(before, File.ReadAllBytes(model));
        Assert.HasCount(2, Directory.GetFileSystemEntries(folder.Path));
        Assert.Contains("   at ", (await Run("inspect", folder.File("garbage.onnx"), "--verbose")).Error);
    }

    [TestMethod]
    public async Task Help_is_help()
    {
        Outcome outcome = await Run("adapt", "--help");
        Assert.AreEqual(0, outcome.ExitCode);
        Assert.Contains("adabn adapt <MODEL>", outcome.Output);
        Assert.Contains("Examples:", outcome.Output);
    }

    [TestMethod]
    public async Task Rewrite_writes_what_the_engine_makes_and_tells_what_it_costs()
    {
        using var folder = new TemporaryFolder();
        string model = Path.Combine(ConvChain, "model.onnx"), data = Path.Combine(ConvChain, "image.npy"), target = folder.File("rewritten.onnx");
        OnnxModel source = OnnxModel.Load(model);
        (string[] Arguments, NormalizationRewrite Rewrite)[] cases =
        [
            (["in"], NormalizationRewrite.ToInstanceNorm),
            (["in", "--first", "2"], NormalizationRewrite.ToInstanceNorm with { FirstLayers = 2 }),
            (["adain", "--skip", "/bn2/BatchNormalization"], NormalizationRewrite.ToSourceStyle with { LayerFilter = layer => layer.Name != "/bn2/BatchNormalization" }),
            (["bin:0.25"], NormalizationRewrite.ToBatchInstanceNorm(0.25)),
            (["bin", "--data", data], NormalizationRewrite.ToBatchInstanceNorm(BatchShare.Measure(source, NpyFile.Open(data)))),
            (["ibn-a:2"], NormalizationRewrite.ToInstanceBatchNorm(2)),
        ];
        foreach ((string[] arguments, NormalizationRewrite rewrite) in cases)
        {
            Outcome outcome = await Run(["rewrite", model, "--out", target, "--to", .. arguments]);
            Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
            CollectionAssert.AreEqual(NormalizationRewriter.Rewrite(source, rewrite).Model.ToBytes(), File.ReadAllBytes(target), string.Join(' ', arguments));
            Assert.Contains($"layers now {rewrite.Description}; wrote {target}", outcome.Output);
        }
        Outcome json = await Run("rewrite", model, "--out", target, "--to", "in", "--json");
        using JsonDocument report = JsonDocument.Parse(json.Output);
        Assert.AreEqual(3, report.RootElement.GetProperty("layers")[0].GetProperty("after").GetProperty("passes").GetDouble());
        (int Code, string Says, string[] Arguments)[] wrong =
        [
            (2, "none of in, bin:RHO", [model, "--to", "gn"]),
            (2, "go together", [model, "--to", "search"]),
            (2, "leave out --first", [model, "--to", "search", "--data", data, "--first", "2"]),
            (2, "are for --to search", [model, "--to", "bin", "--data", data, "--labels", data]),
            (2, "--labelled and --labels go together", [model, "--to", "search", "--data", data, "--labelled", data]),
            (2, "Expected a share from 0 to 1", [model, "--to", "bin:2"]),
            (2, "go together", [model, "--to", "bin"]),
            (2, "go together", [model, "--to", "in", "--data", data]),
            (2, "leave out --first", [model, "--to", "ibn-a:1", "--first", "2"]),
            (2, "FirstLayers is 0", [model, "--to", "in", "--first", "0"]),
            (2, "no normalization layer named nobody", [model, "--to", "in", "--skip", "nobody"]),
            (1, "5 layers look as if one had been folded into them", [Repository.Model("digits-cnn-folded.onnx"), "--to", "in"]),
        ];
        byte[] before = File.ReadAllBytes(target);
        foreach ((int code, string says, string[] arguments) in wrong)
        {
            Outcome refused = await Run(["rewrite", .. arguments, "--out", target]);
            Assert.AreEqual(code, refused.ExitCode, string.Join(' ', arguments));
            Assert.Contains(says, refused.Error);
        }
        CollectionAssert.AreEqual(before, File.ReadAllBytes(target));
        Assert.HasCount(1, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public async Task Rewrite_searches_and_writes_only_what_is_better()
    {
        using var folder = new TemporaryFolder();
        string model = Repository.Model("digits-cnn.onnx"), same = folder.File("same.npy"), scans = folder.File("scans.npy"), labels = folder.File("labels.txt"), target = folder.File("rewritten.onnx");
        (float[][] images, int[] classes) = ShippedDigits.Scans;
        Npy.Write(same, [.. ShippedDigits.Mnist.Images.Take(200).SelectMany(digit => digit)], 200, 1, 28, 28);
        Npy.Write(scans, [.. images.Take(200).SelectMany(digit => digit)], 200, 1, 28, 28);

        Outcome kept = await Run("rewrite", model, "--to", "search", "--data", same, "--out", target);
        Assert.AreEqual(3, kept.ExitCode, kept.Error);
        Assert.Contains("verdict: keep the model as it is; wrote nothing", kept.Output);
        Assert.IsFalse(File.Exists(target));

        RewriteSearchResult expected = RewriteSearch.Find(OnnxModel.Load(model), SampleSource.FromArrays(images.Take(200), 1, 28, 28));
        Outcome found = await Run("rewrite", model, "--to", "search", "--data", scans, "--out", target);
        Assert.AreEqual(0, found.ExitCode, found.Error);
        CollectionAssert.AreEqual(expected.Model!.ToBytes(), File.ReadAllBytes(target));
        Assert.Contains("as it is", found.Output);
        Assert.Contains($"layers now {expected.Report.Chosen}; wrote {target}", found.Output);
        Assert.DoesNotContain("accuracy", found.Output.Split('\n')[0]);

        await File.WriteAllLinesAsync(labels, classes.Take(200).Select(label => label.ToString(CultureInfo.InvariantCulture)));
        Outcome labelled = await Run("rewrite", model, "--to", "search", "--data", scans, "--labelled", scans, "--labels", labels, "--out", target, "--json");
        Assert.AreEqual(0, labelled.ExitCode, labelled.Error);
        using JsonDocument json = JsonDocument.Parse(labelled.Output);
        Assert.AreEqual(200, json.RootElement.GetProperty("verdict").GetProperty("measured").GetProperty("samples").GetInt32());
        Assert.AreEqual(0, json.RootElement.GetProperty("candidates")[0].GetProperty("layers").GetInt32());
        Assert.AreEqual(json.RootElement.GetProperty("chosen").GetString(), json.RootElement.GetProperty("rewritten").GetProperty("rewrite").GetString());
        Assert.Contains("accuracy", (await Run("rewrite", model, "--to", "search", "--data", scans, "--labelled", scans, "--labels", labels, "--out", target)).Output);
    }

    private static async Task<Outcome> Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int exitCode = await AdabnCommand.RunAsync(arguments, output, error);
        return new Outcome(exitCode, output.ToString(), error.ToString());
    }

    private sealed record Outcome(int ExitCode, string Output, string Error);
}
