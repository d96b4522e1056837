using System.Text.Json.Nodes;
using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Microsoft.ML.OnnxRuntime;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>One model for many domains: it scores as the plainly adapted models do, and gives the source model back.</summary>
[TestClass]
public sealed class BankTests
{
    private const double Rounding = 1e-6;

    private static readonly float[] Contrasts = [1, 0.5f, 2.5f];

    public static IEnumerable<object[]> Cases => GoldenCase.Names;

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void A_bank_of_one_domain_scores_as_the_plainly_adapted_model(string name)
    {
        var golden = new GoldenCase(name);
        AdaptationResult result = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options);
        OnnxModel bank = DomainBank.Of(golden.Model).With(result.ToPatch("site")).ToModel();

        AssertNear(Scoring.Run(result.Model, golden.Tensors), Scoring.Run(bank, golden.Tensors, 1), name == "large_offset" ? 5e-5 : Rounding);
        AssertNear(Scoring.Run(golden.Model, golden.Tensors), Scoring.Run(bank, golden.Tensors, DomainBank.SourceId), Rounding);
        CollectionAssert.AreEqual(
            Scoring.Run(golden.Model, golden.Tensors, GraphOptimizationLevel.ORT_DISABLE_ALL), Scoring.Run(bank, golden.Tensors, GraphOptimizationLevel.ORT_DISABLE_ALL, DomainBank.SourceId), "node by node, the source's own bits");
        CollectionAssert.AreEqual(golden.Model.ToBytes(), DomainBank.Open(OnnxModel.FromBytes(bank.ToBytes())).Source.ToBytes(), "the source's own bytes");
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void A_patch_applied_to_the_source_model_is_the_adapted_model_byte_for_byte(string name)
    {
        var golden = new GoldenCase(name);
        AdaptationResult result = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options);
        CollectionAssert.AreEqual(result.Model.ToBytes(), Reloaded(result.ToPatch("site")).ApplyTo(golden.Model).ToBytes());
    }

    [TestMethod]
    [DataRow("written out, channels first")]
    [DataRow("written out, channels last")]
    [DataRow("training form")]
    [DataRow("before IR version 4")]
    [DataRow("operator set 7")]
    [DataRow("folded")]
    [DataRow("layer that is an output")]
    public void Every_form_of_layer_goes_into_a_bank(string form)
    {
        const string order = "Add v e s|Sqrt s r|Sub x m c|Div c r d|Mul d g w|Add w b y";
        OnnxModel model = form switch
        {
            "written out, channels first" => WrittenOutTests.Write(order, "[1,C,1,1]"),
            "written out, channels last" => WrittenOutTests.Write(order, "[C] last"),
            "training form" => Edited(Twin.Plain(opset: 15, irVersion: 8), proto => proto.BatchNorm(1).Attribute.Add(Int("training_mode", 1))),
            "before IR version 4" => Edited(Twin.Plain(irVersion: 3), proto => proto.Graph.Input.Add(proto.Graph.Initializer.Select(tensor => Info(tensor.Name, ElementType.Float, [.. tensor.Dims])))),
            "operator set 7" => Twin.Plain(opset: 7).Build(),
            "folded" => FoldedTwin.Small.Folded,
            _ => Edited(Twin.Plain(), proto => proto.Graph.Output.Insert(0, Info("n1", ElementType.Float, [-1, 4, 4, 4]))),
        };
        bool isFolded = form == "folded";
        ReferenceStatistics? reference = isFolded ? FoldedTwin.Small.Measure() : null;
        AdaptationResult result = BatchNormAdapter.Adapt(model, isFolded ? FoldedTwin.Small.Target : Twin.Source, PaperAdaBN.Options with { Reference = reference });
        DomainPatch patch = Reloaded(result.ToPatch("site"));
        CollectionAssert.AreEqual(result.Model.ToBytes(), patch.ApplyTo(model).ToBytes());
        OnnxModel bank = OnnxModel.FromBytes(DomainBank.Of(model).With(patch).ToModel().ToBytes());

        float[] Score(OnnxModel scored, params long[] ids) => isFolded ? Scoring.Run(scored, Tensors(FoldedTwin.Small), ids) : Scoring.Run(scored, Twin.Tensors, ids);
        AssertNear(Score(result.Model), Score(bank, 1), Rounding);
        DomainBank opened = DomainBank.Open(bank);
        if (form != "training form") CollectionAssert.AreEqual(model.ToBytes(), opened.Source.ToBytes());
        Assert.AreEqual(model.Sha256, opened.Source.Sha256);
        CollectionAssert.AreEqual(bank.ToBytes(), opened.With(patch).ToModel().ToBytes(), "replaced by itself");
    }

    [TestMethod]
    public void ONNX_s_own_checker_passes_banks()
    {
        if (!OnnxChecker.IsInstalled)
        {
            Assert.Inconclusive(OnnxChecker.WhySkipped);
            return;
        }
        DomainBank bank = ThreeSites().Bank;
        FoldedTwin twin = FoldedTwin.Small;
        const string order = "Add v e s|Sqrt s r|Sub x m c|Div c r d|Mul d g w|Add w b y";
        OnnxModel last = WrittenOutTests.Write(order, "[C] last"), half = PrecisionTests.Convert(Twin.Plain(opset: 15, irVersion: 8).Proto, ElementType.Float16);
        OnnxModel Banked(OnnxModel model, AdaptationResult result) => DomainBank.Of(model).With(result.ToPatch("site")).ToModel();
        OnnxModel[] models =
        [
            bank.ToModel(), bank.WithUnknown(UnknownDomain.Fails).ToModel(), Banked(last, BatchNormAdapter.Adapt(last, Twin.Source, PaperAdaBN.Options)),
            Banked(half, BatchNormAdapter.Adapt(half, Twin.Source, PaperAdaBN.Options)), Banked(twin.Folded, twin.Adapt()), DomainBank.AdaptMixed(half, Twin.Source, PaperAdaBN.Options).Bank.ToModel(),
        ];
        Assert.AreEqual(models.Length, OnnxChecker.Check(models));
    }

    [TestMethod]
    public void Half_models_score_as_well_as_float16_can_tell()
    {
        OnnxModel model = PrecisionTests.Convert(Twin.Plain(opset: 15, irVersion: 8).Proto, ElementType.Float16);
        AdaptationResult result = BatchNormAdapter.Adapt(model, Twin.Source, PaperAdaBN.Options);
        AssertNear(Scoring.Run(result.Model, Twin.Tensors), Scoring.Run(DomainBank.Of(model).With(result.ToPatch("site")).ToModel(), Twin.Tensors, 1), 4e-3);
    }

    [TestMethod]
    public void Double_models_have_tables_in_double()
    {
        OnnxModel model = PrecisionTests.Convert(new ModelBuilder().Input("x", -1, 3, 6, 6).BatchNorm("x", "y", 3).Output("y", -1, 3, 6, 6).Proto, ElementType.Double);
        AdaptationResult result = BatchNormAdapter.Adapt(model, Twin.Source, PaperAdaBN.Options);
        OnnxModel bank = DomainBank.Of(model).With(result.ToPatch("site")).ToModel();
        AssertNear(Scoring.Run(result.Model, Twin.Tensors), Scoring.Run(bank, Twin.Tensors, 1), Rounding);
        Assert.AreEqual(ElementType.Double, bank.Graph.Initializers.Single(tensor => tensor.Name.StartsWith("adabn.domains/shift/", StringComparison.Ordinal)).ElementType);
    }

    [TestMethod]
    public void Each_row_is_scored_by_its_own_domain()
    {
        (DomainBank bank, AdaptationResult[] sites) = ThreeSites();
        long[] ids = [.. Enumerable.Range(0, Twin.Samples).Select(i => (long)(i % 5))]; // 4 is unknown
        float[] mixed = Scoring.Run(bank.ToModel(), Twin.Tensors, ids);
        float[][] plain = [Scoring.Run(Twin.Plain().Build(), Twin.Tensors), .. sites.Select(site => Scoring.Run(site.Model, Twin.Tensors)), Scoring.Run(Twin.Plain().Build(), Twin.Tensors)];
        AssertNear([.. mixed.Select((_, i) => plain[ids[i / 5]][i])], mixed, Rounding);
        Assert.IsTrue(plain[1].Zip(plain[2]).Any(pair => Math.Abs(pair.First - pair.Second) > 0.1), "the sites differ");
    }

    [TestMethod]
    [DataRow(1L << 40)]
    [DataRow(0L)] // samples and activations in temporary files
    public void Rows_of_many_domains_read_once_give_each_what_it_gets_alone(long maxMemory)
    {
        (DomainBank expected, _) = ThreeSites();
        int[] order = [.. Enumerable.Range(0, 3 * Twin.Samples).OrderBy(i => i % Twin.Samples).ThenBy(i => i * 7 % 5)];
        var rows = new CountingSource(SampleSource.FromArrays([.. order.Select(i => Twin.Images[i % Twin.Samples].Select(pixel => pixel * Contrasts[i / Twin.Samples]).ToArray())], 3, 6, 6));
        List<AdaptationProgress> seen = [];
        DomainBankResult result = DomainBank.Of(Twin.Plain().Build()).Adapt(
            SampleSource.WithDomains(rows, order.Select(i => 1L + (i / Twin.Samples))), PaperAdaBN.Options with { MaxMemory = maxMemory, Workers = 1 }, id => $"site {id}", new Telling(seen.Add));
        CollectionAssert.AreEqual(expected.ToModel().ToBytes(), result.Bank.ToModel().ToBytes());
        CollectionAssert.AreEqual(new long[] { 1, 2, 3 }, result.Reports.Keys.Order().ToArray());
        Assert.IsTrue(result.Reports.Values.All(report => report.Samples == Twin.Samples));
        Assert.AreEqual((1, 3 * Twin.Samples, 1), (rows.ReadersOpened, rows.SamplesRead, rows.ReadersDisposed));
        CollectionAssert.AreEqual(Enumerable.Range(0, 6).ToArray(), seen.Select(progress => progress.Stage).Distinct().ToArray());
        Assert.IsTrue(seen.All(progress => progress.StageCount == 6));

        DomainBankResult again = result.Bank.Adapt(SampleSource.WithDomains(Twin.Source, Enumerable.Repeat(2L, Twin.Samples)), PaperAdaBN.Options);
        AssertSameDomain(result.Bank, again.Bank, "site 3");
        CollectionAssert.AreEqual(result.Bank.Domains.ToArray(), again.Bank.Domains.ToArray(), "adapted anew under its own name");
    }

    [TestMethod]
    public void Faults_of_one_domain_s_rows_name_it()
    {
        DomainBank empty = DomainBank.Of(Twin.Plain().Build());
        Assert.Contains("Sample 3 (counting from 0) is of domain 0, expected 1 or more", Refused(() => empty.Adapt(SampleSource.WithDomains(Twin.Source, Enumerable.Range(0, Twin.Samples).Select(i => i == 3 ? 0L : 5L)))));
        Assert.Contains("more samples than ids", Refused(() => empty.Adapt(SampleSource.WithDomains(Twin.Source, [1, 1]))));
        Assert.Contains("fewer samples than ids", Refused(() => empty.Adapt(SampleSource.WithDomains(Twin.Source, Enumerable.Repeat(1L, Twin.Samples + 1)))));
        Assert.Contains("holds no sample", Refused(() => empty.Adapt(SampleSource.WithDomains(SampleSource.FromArrays([], 3, 6, 6), []))));
        float[][] broken = [.. Twin.Images.Select((image, i) => i == 5 ? [float.NaN, .. image[1..]] : image)];
        Assert.Contains("Domain 'north': Sample 2 (counting from 0) holds NaN", Refused(() => empty.Adapt(SampleSource.WithDomains(SampleSource.FromArrays(broken, 3, 6, 6), Enumerable.Range(0, Twin.Samples).Select(i => 1L + (i % 2))), PaperAdaBN.Options, id => id == 2 ? "north" : "south")));
        Assert.Contains("is a bank of domains", Refused(() => BatchNormAdapter.Adapt(ThreeSites().Bank.ToModel(), Twin.Source)));
        Assert.Contains("is a bank of domains", Refused(() => DomainShift.Measure(ThreeSites().Bank.ToModel(), Twin.Source)));
        Assert.ThrowsExactly<OperationCanceledException>(() => empty.Adapt(SampleSource.WithDomains(Twin.Source, Enumerable.Repeat(1L, Twin.Samples)), cancellationToken: new CancellationToken(canceled: true)));
    }

    [TestMethod]
    public void An_unknown_domain_fails_where_it_is_to_and_ONNX_Runtime_s_message_says_why()
    {
        OnnxModel bank = ThreeSites().Bank.WithUnknown(UnknownDomain.Fails).ToModel();
        Assert.AreEqual(UnknownDomain.Fails, DomainBank.Open(bank).Unknown);
        AssertNear(Scoring.Run(Twin.Plain().Build(), Twin.Tensors), Scoring.Run(bank, Twin.Tensors, DomainBank.SourceId), Rounding);
        foreach (long unknown in (long[])[4, -1, long.MaxValue, long.MinValue])
            Assert.Contains("fails where the domain is unknown", Assert.ThrowsExactly<OnnxRuntimeException>(() => Scoring.Run(bank, Twin.Tensors, unknown)).Message);
        Assert.ThrowsExactly<OnnxRuntimeException>(() => Scoring.Run(bank, Twin.Tensors, [.. Enumerable.Range(0, Twin.Samples).Select(i => i == 7 ? 9L : 1L)]));
    }

    [TestMethod]
    public void Adding_replacing_and_removing_leaves_the_others_their_bytes()
    {
        (DomainBank three, AdaptationResult[] sites) = ThreeSites();
        DomainBank two = three.Without("site 2"), again = two.With(sites[1].ToPatch("another"));
        CollectionAssert.AreEqual(new[] { new BankedDomain(1, "site 1"), new BankedDomain(3, "site 3"), new BankedDomain(4, "another") }, again.Domains.ToArray(), "a removed domain's id is not given again");
        AssertSameDomain(three, again, "site 1");
        AssertSameDomain(three, again, "site 3");
        AssertNear(Scoring.Run(sites[1].Model, Twin.Tensors), Scoring.Run(again.ToModel(), Twin.Tensors, 4), Rounding);
        AssertNear(Scoring.Run(Twin.Plain().Build(), Twin.Tensors), Scoring.Run(again.ToModel(), Twin.Tensors, 2), Rounding);

        DomainBank replaced = three.With(sites[0].ToPatch("site 3"));
        CollectionAssert.AreEqual(three.Domains.ToArray(), replaced.Domains.ToArray());
        AssertSameDomain(three, replaced, "site 1");
        AssertSameDomain(three, replaced, "site 2");
        AssertNear(Scoring.Run(sites[0].Model, Twin.Tensors), Scoring.Run(replaced.ToModel(), Twin.Tensors, 3), Rounding);
        CollectionAssert.AreEqual(three.ToModel().ToBytes(), replaced.With(sites[2].ToPatch("site 3")).ToModel().ToBytes());
    }

    [TestMethod]
    public void A_hundred_domains_of_the_shipped_model_are_one_small_file()
    {
        OnnxModel source = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
        (float[][] scans, int[] labels) = ShippedDigits.Scans;
        AdaptationResult result = BatchNormAdapter.Adapt(source, SampleSource.FromArrays(scans, 1, 28, 28), PaperAdaBN.Options);
        DomainPatch patch = result.ToPatch("scans");
        int channels = patch.Layers.Sum(layer => layer.Mean.Count);
        DomainBank bank = DomainBank.Of(source);
        for (int i = 1; i <= 100; i++) bank = bank.With(patch.Named($"site {i}"));
        byte[] bytes = bank.ToModel().ToBytes();
        double perDomain = (double)(bytes.Length - source.ToBytes().Length) / 100;
        Console.WriteLine($"source {source.ToBytes().Length} bytes, bank of 100 domains {bytes.Length}: {perDomain:0} a domain of {channels} channels, {perDomain / channels:0.0} a channel");
        Assert.IsLessThan(28.0 * channels, perDomain); // 8 in the tables, the statistics in the metadata, names
        (float[], int[]) images = ([.. scans.SelectMany(scan => scan)], [scans.Length, 1, 28, 28]);
        float[] expected = Scoring.Run(result.Model, new Dictionary<string, (float[], int[])> { ["image"] = images });
        AssertNear(expected, Scoring.Run(OnnxModel.FromBytes(bytes), new Dictionary<string, (float[], int[])> { ["image"] = images }, 73), Rounding);
        Assert.HasCount(1797, labels);

        DomainBank before = bank.Without("site 50"), after = before.With(patch.Named("site 101"));
        AssertSameDomain(before, after, "site 49");
        CollectionAssert.AreEqual(source.ToBytes(), DomainBank.Open(after.ToModel()).Source.ToBytes());
    }

    [TestMethod]
    public void A_domain_that_keeps_the_source_s_statistics_takes_a_row_of_nothing()
    {
        (DomainBank bank, _) = ThreeSites();
        OnnxModel source = Twin.Plain().Build();
        DomainPatch kept = BatchNormAdapter.Adapt(source, Twin.Source, PaperAdaBN.Options with { Policy = AdaptationPolicy.KeepSource }).ToPatch("kept");
        Assert.HasCount(0, kept.Layers);
        AssertNear(Scoring.Run(source, Twin.Tensors), Scoring.Run(bank.With(kept, id: 77).ToModel(), Twin.Tensors, 77), Rounding);
        OnnxModel nothing = OnnxModel.FromBytes(DomainBank.Of(source).With(kept).ToModel().ToBytes());
        CollectionAssert.AreEqual(Scoring.Run(source, Twin.Tensors), Scoring.Run(nothing, Twin.Tensors, 1));
        CollectionAssert.AreEqual(source.ToBytes(), DomainBank.Open(nothing).Source.ToBytes());
        DomainPatch shallow = BatchNormAdapter.Adapt(source, Twin.Source, PaperAdaBN.Options with { LayerFilter = layer => layer.Name == "n1" }).ToPatch("shallow");
        OnnxModel only = DomainBank.Of(source).With(shallow).ToModel();
        Assert.AreEqual(1, only.Graph.Nodes.Count(node => node.Is("Add") && node.Name.Contains("shift", StringComparison.Ordinal)), "layers that no domain changes cost nothing");
    }

    [TestMethod]
    public void What_does_not_fit_is_refused()
    {
        (DomainBank bank, AdaptationResult[] sites) = ThreeSites();
        OnnxModel source = Twin.Plain().Build(), model = bank.ToModel(), other = Twin.Plain(opset: 14).Build();
        DomainPatch patch = sites[0].ToPatch("site 1");
        Assert.Contains("are of another model", Refused(() => DomainBank.Of(other).With(patch)));
        Assert.Contains("are of another model", Refused(() => patch.ApplyTo(other)));
        Assert.Contains("is a bank of domains already", Refused(() => DomainBank.Of(model)));
        Assert.Contains("is no bank of domains", Refused(() => DomainBank.Open(source)));
        Assert.Contains("holds no domain", Refused(() => DomainBank.Of(source).ToModel()));
        Assert.Contains("has a value named 'n1' already", Refused(() => DomainBank.Of(source, "n1")));
        Assert.Contains("operator set is 6", Refused(() => DomainBank.Of(Twin.Plain(opset: 6).Build())));
        Assert.Contains("has no domain 'nowhere'; it has 'site 1', 'site 2', 'site 3'", Assert.ThrowsExactly<ArgumentException>(() => bank.Without("nowhere")).Message);
        Assert.Contains("The id 2 is that of domain 'site 2'", Assert.ThrowsExactly<ArgumentException>(() => bank.With(patch.Named("new"), id: 2)).Message);
        Assert.Contains("expected from 1", Assert.ThrowsExactly<ArgumentException>(() => bank.With(patch.Named("new"), id: 0)).Message);
        DomainBank last = bank.With(patch.Named("last"), id: long.MaxValue - 1);
        Assert.Contains("expected from 1", Assert.ThrowsExactly<ArgumentException>(() => last.With(patch.Named("beyond"))).Message);
        AssertNear(Scoring.Run(sites[0].Model, Twin.Tensors), Scoring.Run(last.ToModel(), Twin.Tensors, long.MaxValue - 1), Rounding);
        Assert.Contains("has the id 1, which stays", Assert.ThrowsExactly<ArgumentException>(() => bank.With(patch, id: 9)).Message);
        Assert.ThrowsExactly<ArgumentException>(() => patch.Named("a\nb"));
        Assert.ThrowsExactly<ArgumentException>(() => patch.Named(" "));
    }

    [TestMethod]
    public void A_layer_whose_first_axis_is_not_the_samples_is_refused()
    {
        OnnxModel turned = new ModelBuilder().Input("x", -1, 3, 4).Node("Transpose", ["x"], ["t"], Ints("perm", 2, 1, 0)).BatchNorm("t", "n", 3).Node("Transpose", ["n"], ["y"], Ints("perm", 2, 1, 0)).Output("y", -1, 3, 4).Build();
        float[][] rows = [.. Enumerable.Range(0, 8).Select(i => Twin.Numbers(i, 12, -1, 2))];
        DomainPatch patch = BatchNormAdapter.Adapt(turned, SampleSource.FromArrays(rows, 3, 4), PaperAdaBN.Options with { BatchSize = 4 }).ToPatch("a");
        Assert.Contains("whose first axis is not the samples'", Refused(() => DomainBank.Of(turned).With(patch)));
    }

    [TestMethod]
    public void Names_and_ids_are_checked_before_the_work()
    {
        IDomainSampleSource rows = SampleSource.WithDomains(Twin.Source, Enumerable.Range(0, Twin.Samples).Select(i => 1L + (i % 2)));
        int told = 0;
        void Fails(DomainBank bank, Func<long, string> nameOf) => Assert.ThrowsExactly<ArgumentException>(() => bank.Adapt(rows, PaperAdaBN.Options, nameOf, new Telling(_ => told++)));
        Fails(DomainBank.Of(Twin.Plain().Build()), _ => "site");
        Fails(DomainBank.Of(Twin.Plain().Build()), _ => "a\nb");
        Fails(ThreeSites().Bank.Without("site 2"), _ => "site 1");
        Assert.AreEqual(0, told);
        Assert.Contains("(3, 0, 6)", Refused(() => DomainBank.Of(Twin.Plain().Build()).Adapt(SampleSource.WithDomains(SampleSource.FromArrays([[]], 3, 0, 6), [1]))));
    }

    [TestMethod]
    public void A_bank_that_another_tool_has_changed_is_refused()
    {
        OnnxModel bank = ThreeSites().Bank.ToModel();
        string After(Action<ModelProto> edit)
        {
            ModelProto proto = ModelProto.Parser.ParseFrom(bank.ToBytes());
            edit(proto);
            return Refused(() => DomainBank.Open(OnnxModel.FromBytes(Google.Protobuf.MessageExtensions.ToByteArray(proto))));
        }
        StringStringEntryProto Entry(ModelProto proto, string key) => proto.MetadataProps.Single(entry => entry.Key == key);
        Assert.Contains("is not the model that it was made from", After(proto => proto.Initializer("w1").RawData = Tensor("", [108], new float[108]).RawData));
        Assert.Contains("is not as a bank of domains has it", After(proto => proto.Graph.Node.Single(node => node.Name == "adabn.domains/factor/n1").OpType = "Div"));
        Assert.Contains("is not as a bank of domains has it", After(proto => proto.Graph.Node.Single(node => node.Name == "adabn.domains/shift/n2").Name = "renamed"));
        Assert.Contains("has lost the statistics of domain 'site 2'", After(proto => proto.MetadataProps.Remove(Entry(proto, "adabn.domain.2"))));
        Assert.Contains("'adabn.bank' cannot be read", After(proto => Entry(proto, "adabn.bank").Value = "{"));
        Assert.Contains("are not all different", After(proto => Entry(proto, "adabn.bank").Value = Entry(proto, "adabn.bank").Value.Replace("\"id\":3", "\"id\":2", StringComparison.Ordinal)));
        Assert.Contains("version 9", After(proto => Entry(proto, "adabn.bank").Value = Entry(proto, "adabn.bank").Value.Replace("\"version\":1", "\"version\":9", StringComparison.Ordinal)));
        Assert.Contains("is not as a bank of domains has it", After(proto => Entry(proto, "adabn.bank").Value = Entry(proto, "adabn.bank").Value.Replace(",{\"id\":3,\"name\":\"site 3\"}", "", StringComparison.Ordinal)), "fewer domains than rows");
    }

    [TestMethod]
    public void A_damaged_patch_is_refused()
    {
        using var folder = new TemporaryFolder();
        AdaptationResult site = ThreeSites().Sites[0];
        site.ToPatch("site").Save(folder.File("p"));
        string json = File.ReadAllText(folder.File("p"));
        string After(string text)
        {
            File.WriteAllText(folder.File("q"), text);
            return Refused(() => DomainPatch.Load(folder.File("q")).ApplyTo(Twin.Plain().Build()));
        }
        JsonNode Parsed(Action<JsonNode> edit)
        {
            JsonNode node = JsonNode.Parse(json)!;
            edit(node);
            return node;
        }
        Assert.Contains("is no file of a domain's statistics", After("P5 255"));
        Assert.Contains("damaged", After(json[..(json.Length / 2)]));
        Assert.Contains("no \"format\"", After(Parsed(node => node["format"] = "adabn reference").ToJsonString()));
        Assert.Contains("version 2", After(Parsed(node => node["version"] = 2).ToJsonString()));
        Assert.Contains("has no name", After(Parsed(node => node["domain"] = "").ToJsonString()));
        Assert.Contains("none that a mean and a variance can be", After(Parsed(node => node["layers"]![0]!["variance"]![0] = -1).ToJsonString()));
        Assert.Contains("not as many of each", After(Parsed(node => node["layers"]![0]!["mean"]!.AsArray().Add(1)).ToJsonString()));
        Assert.Contains("listed twice", After(Parsed(node => node["layers"]![1]!["output"] = "n1").ToJsonString()));
        Assert.Contains("no layer that computes 'n7'", After(Parsed(node => node["layers"]![1]!["output"] = "n7").ToJsonString()));
        Assert.Contains("are of another model", After(Parsed(node => node["modelSha256"] = "00").ToJsonString()));
    }

    private static DomainPatch Reloaded(DomainPatch patch)
    {
        using var folder = new TemporaryFolder();
        patch.Save(folder.File("site.adabn"));
        DomainPatch loaded = DomainPatch.Load(folder.File("site.adabn"));
        Assert.AreEqual((patch.Domain, patch.ModelSha256, patch.Method, patch.Verdict, patch.Samples, patch.LayersMeasured), (loaded.Domain, loaded.ModelSha256, loaded.Method, loaded.Verdict, loaded.Samples, loaded.LayersMeasured));
        return loaded;
    }

    /// <summary>The same images in three contrasts, adapted to each.</summary>
    private static (DomainBank Bank, AdaptationResult[] Sites) ThreeSites()
    {
        OnnxModel source = Twin.Plain().Build();
        AdaptationResult[] sites = [.. Contrasts.Select(contrast => BatchNormAdapter.Adapt(source, SampleSource.FromArrays(Twin.Images.Select(image => image.Select(pixel => pixel * contrast).ToArray()), 3, 6, 6), PaperAdaBN.Options))];
        DomainBank bank = sites.Index().Aggregate(DomainBank.Of(source), (bank, site) => bank.With(site.Item.ToPatch($"site {site.Index + 1}")));
        return (DomainBank.Open(OnnxModel.FromBytes(bank.ToModel().ToBytes())), sites);
    }

    private static OnnxModel Edited(ModelBuilder builder, Action<ModelProto> edit)
    {
        edit(builder.Proto);
        return builder.Build();
    }

    private static Dictionary<string, (float[], int[])> Tensors(FoldedTwin twin) => new() { [twin.Folded.Graph.RequiredInputs.Single().Name] = Npy.Read<float>(twin.File("target.npy")) };

    private static void AssertSameDomain(DomainBank one, DomainBank other, string domain)
    {
        (OnnxModel first, OnnxModel second) = (one.ToModel(), other.ToModel());
        long id = one.Domains.Single(found => found.Name == domain).Id;
        Assert.AreEqual(id, other.Domains.Single(found => found.Name == domain).Id);
        string Stored(OnnxModel model) => model.Metadata.Single(entry => entry.Key == $"adabn.domain.{id}").Value;
        Assert.AreEqual(Stored(first), Stored(second));
        foreach (Initializer table in first.Graph.Initializers.Where(tensor => tensor.Name.StartsWith("adabn.domains/shift/", StringComparison.Ordinal) || tensor.Name.StartsWith("adabn.domains/factor/", StringComparison.Ordinal)))
            CollectionAssert.AreEqual(RowOf(table, one, id), RowOf(second.Graph.Initializers.Single(tensor => tensor.Name == table.Name), other, id), table.Name);

        static double[] RowOf(Initializer table, DomainBank bank, long id)
        {
            int row = 1 + bank.Domains.ToList().FindIndex(domain => domain.Id == id), length = (int)(table.Dims.Aggregate((a, b) => a * b) / table.Dims[0]);
            return table.ToDoubleArray()[(row * length)..((row + 1) * length)];
        }
    }

    private static string Refused(Action action) => Assert.ThrowsExactly<AdaptationException>(action).Message;

    private static void AssertNear(float[] expected, float[] actual, double tolerance)
    {
        Assert.HasCount(expected.Length, actual);
        double largest = expected.Max(Math.Abs), worst = expected.Zip(actual, (e, a) => Math.Abs((double)e - a)).Max() / largest;
        Console.WriteLine($"{worst:g3}");
        Assert.IsLessThanOrEqualTo(tolerance, worst);
    }
}
