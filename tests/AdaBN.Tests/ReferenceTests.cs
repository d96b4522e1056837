using System.Text.Json.Nodes;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Reference statistics as a file and inside a model: what is kept, what is refused.</summary>
[TestClass]
public sealed class ReferenceTests
{
    [TestMethod]
    public void A_file_gives_back_every_bit()
    {
        using var folder = new TemporaryFolder();
        ReferenceStatistics measured = FoldedTwin.Small.Measure();
        measured.Save(folder.File("a.reference"));
        ReferenceStatistics loaded = ReferenceStatistics.Load(folder.File("a.reference"));
        AssertSame(measured, loaded);
        Assert.AreEqual(48, loaded.Samples);
        Assert.AreEqual(FoldedTwin.Small.Folded.Sha256, loaded.ModelSha256);
        loaded.Save(folder.File("b.reference"));
        CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("a.reference")), File.ReadAllBytes(folder.File("b.reference")));
        Assert.HasCount(2, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    [DataRow("\"output\":\"", "\"output\":\"other ", "which has 0")] // no such layer
    [DataRow("\"mean\":[", "\"mean\":[0,", "hold 9 channels of layer '/conv/Conv', which has 8")]
    public void A_reference_that_does_not_fit_the_layers_is_refused(string written, string changed, string says)
    {
        using var folder = new TemporaryFolder();
        FoldedTwin.Small.Measure().Save(folder.File("r"));
        string json = File.ReadAllText(folder.File("r")).Replace(written, changed, StringComparison.Ordinal);
        if (changed.Contains("mean", StringComparison.Ordinal)) json = json.Replace("\"variance\":[", "\"variance\":[1,", StringComparison.Ordinal);
        File.WriteAllText(folder.File("r"), json);
        ReferenceStatistics odd = ReferenceStatistics.Load(folder.File("r"));
        Assert.Contains(says, Refused(() => BatchNormAdapter.Adapt(FoldedTwin.Small.Folded, FoldedTwin.Small.Target, PaperAdaBN.Options with { Reference = odd })));
    }

    [TestMethod]
    public void Without_a_reference_both_ways_out_are_named()
    {
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(FoldedTwin.Small.Folded, FoldedTwin.Small.Target, PaperAdaBN.Options));
        Assert.AreEqual(AdaptationError.NoBatchNormalization, e.Error);
        Assert.Contains("7 layer(s) look as if", e.Message);
        Assert.Contains("ReferenceStatistics.Measure", e.Message);
        Assert.Contains("TrainingMode.PRESERVE", e.Message);
    }

    [TestMethod]
    public void A_model_carries_its_reference_and_an_adapted_one_can_be_adapted_again()
    {
        FoldedTwin twin = FoldedTwin.Small;
        ReferenceStatistics measured = twin.Measure();
        OnnxModel carrier = twin.Folded.Clone();
        Assert.IsNull(ReferenceStatistics.EmbeddedIn(carrier));
        measured.EmbedIn(carrier);
        carrier = OnnxModel.FromBytes(carrier.ToBytes());
        AssertSame(measured, ReferenceStatistics.EmbeddedIn(carrier)!);

        OnnxModel adapted = BatchNormAdapter.Adapt(carrier, twin.Target, PaperAdaBN.Options).Model;
        double[] logits = [.. twin.Logits(adapted)];
        Assert.AreEqual(0, FoldedTwin.Difference(logits, twin.Logits(twin.Adapt().Model)));

        // Its layers look on the target as the source's on the source, so the reference stays true: away and back again.
        OnnxModel back = BatchNormAdapter.Adapt(OnnxModel.FromBytes(adapted.ToBytes()), twin.Source, PaperAdaBN.Options).Model;
        Assert.IsLessThan(1e-4, FoldedTwin.Difference([.. twin.Logits(twin.Folded, "source.npy")], twin.Logits(back, "source.npy")));
        Assert.IsLessThan(1e-4, FoldedTwin.Difference(logits, twin.Logits(BatchNormAdapter.Adapt(back, twin.Target, PaperAdaBN.Options).Model)));
    }

    [TestMethod]
    public void Metadata_and_tools_may_change_weights_may_not()
    {
        FoldedTwin twin = FoldedTwin.Small;
        ReferenceStatistics measured = twin.Measure();
        OnnxModel other = twin.Folded.Clone();
        other.SetMetadata("note", "retagged");
        other = OnnxModel.FromBytes(other.ToBytes());
        Assert.AreNotEqual(twin.Folded.Sha256, other.Sha256);
        BatchNormAdapter.Adapt(other, twin.Target, PaperAdaBN.Options with { Reference = measured });

        double[] weights = other.Graph.Nodes[0].Inputs[1]!.Initializer!.ToDoubleArray();
        weights[0] = MathF.BitIncrement((float)weights[0]);
        GraphEditor.ReplaceInitializer(other, [other.Graph.Nodes[0]], 1, weights);
        string message = Refused(() => BatchNormAdapter.Adapt(other, twin.Target, PaperAdaBN.Options with { Reference = measured }));
        foreach (string hash in (string[])[measured.ComputationSha256, measured.ModelSha256, other.ComputationSha256(), other.Sha256]) Assert.Contains(hash, message);
        Assert.Contains(measured.ComputationSha256, Refused(() => measured.EmbedIn(other)));

        OnnxModel stale = twin.Folded.Clone();
        measured.EmbedIn(stale);
        GraphEditor.ReplaceInitializer(stale, [stale.Graph.Nodes[0]], 1, weights);
        Assert.Contains("another model", Refused(() => BatchNormAdapter.Adapt(stale, twin.Target, PaperAdaBN.Options)));
    }

    [TestMethod]
    [DataRow("", "no file of reference statistics")]
    [DataRow("garbage", "no file of reference statistics")]
    [DataRow("{}", "no file of reference statistics")]
    [DataRow("{\"format\":\"something else\",\"version\":1}", "no file of reference statistics")]
    [DataRow("{\"format\":\"adabn reference\",\"version\":2}", "version 2")]
    [DataRow("{\"format\":\"adabn reference\",\"version\":1}", "damaged")]
    [DataRow("{\"format\":\"adabn reference\",\"version\":1,\"computationSha256\":\"a\",\"modelSha256\":\"b\",\"samples\":1,\"toolVersion\":\"1\",\"layers\":[null]}", "damaged")]
    [DataRow("{\"format\":\"adabn reference\",\"version\":1,\"computationSha256\":null,\"modelSha256\":\"b\",\"samples\":1,\"toolVersion\":\"1\",\"layers\":[]}", "damaged")]
    public void Foreign_files_are_refused(string content, string says)
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("x.reference");
        File.WriteAllText(file, content);
        string message = Refused(() => ReferenceStatistics.Load(file));
        Assert.Contains(says, message);
        Assert.Contains("x.reference", message);
        Assert.Contains("adabn reference", message);
    }

    [TestMethod]
    public void Damaged_files_and_metadata_are_refused()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("x.reference");
        ReferenceStatistics measured = FoldedTwin.Small.Measure();
        measured.Save(file);
        byte[] whole = File.ReadAllBytes(file);
        for (int length = 1; length < whole.Length; length += 37)
        {
            File.WriteAllBytes(file, whole[..length]);
            Refused(() => ReferenceStatistics.Load(file));
        }
        (string Says, Action<JsonNode> Damage)[] cases =
        [
            ("mean and a variance", layer => layer["variance"]![0] = -1),
            ("mean and a variance", layer => layer["mean"]![0] = 1e300),
            ("mean and a variance", layer => layer["mean"]!.AsArray().RemoveAt(0)),
            ("damaged", layer => layer["mean"]![0] = "NaN"),
            ("damaged", layer => layer["output"] = null),
            ("listed twice", layer => layer["output"] = measured.Layers[1].Output),
        ];
        foreach ((string says, Action<JsonNode> damage) in cases)
        {
            JsonNode json = JsonNode.Parse(whole)!;
            damage(json["layers"]![0]!);
            File.WriteAllText(file, json.ToJsonString());
            Assert.Contains(says, Refused(() => ReferenceStatistics.Load(file)));
        }

        JsonNode foreign = JsonNode.Parse(whole)!;
        foreign["layers"]![0]!["output"] = "no such value";
        File.WriteAllText(file, foreign.ToJsonString());
        Assert.Contains("damaged", Refused(() => BatchNormAdapter.Adapt(FoldedTwin.Small.Folded, FoldedTwin.Small.Target, PaperAdaBN.Options with { Reference = ReferenceStatistics.Load(file) })));

        foreach (string text in (string[])["", "§", "AAAA", Convert.ToBase64String(whole)])
        {
            OnnxModel model = FoldedTwin.Small.Folded.Clone();
            model.SetMetadata("adabn.reference", text);
            Assert.Contains("'adabn.reference'", Refused(() => BatchNormAdapter.Adapt(model, FoldedTwin.Small.Target, PaperAdaBN.Options)));
        }
    }

    [TestMethod]
    public void Where_nothing_was_folded_there_is_nothing_to_measure()
    {
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => ReferenceStatistics.Measure(FoldedTwin.Small.Kept, FoldedTwin.Small.Source));
        Assert.AreEqual(AdaptationError.NoBatchNormalization, e.Error);
        Assert.Contains("need no reference", e.Message);
    }

    private static void AssertSame(ReferenceStatistics expected, ReferenceStatistics actual)
    {
        Assert.AreEqual((expected.ComputationSha256, expected.ModelSha256, expected.Samples, expected.ToolVersion), (actual.ComputationSha256, actual.ModelSha256, actual.Samples, actual.ToolVersion));
        Assert.HasCount(expected.Layers.Count, actual.Layers);
        foreach ((ReferenceLayer one, ReferenceLayer other) in expected.Layers.Zip(actual.Layers))
        {
            Assert.AreEqual((one.Name, one.Output), (other.Name, other.Output));
            CollectionAssert.AreEqual(one.Mean.ToArray(), other.Mean.ToArray());
            CollectionAssert.AreEqual(one.Variance.ToArray(), other.Variance.ToArray());
        }
    }

    private static string Refused(Action action)
    {
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(action);
        Assert.AreEqual(AdaptationError.InvalidReference, e.Error, e.Message);
        return e.Message;
    }
}
