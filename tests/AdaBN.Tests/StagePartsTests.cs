using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Stages measured in parts by processes that never meet, and merged: the bytes of one process.</summary>
[TestClass]
public sealed class StagePartsTests
{
    private static readonly OnnxModel _digits = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
    private static readonly float[][] _scans = ShippedDigits.Scans.Images[..600];

    [TestMethod]
    [DataRow(1, "adabn")]
    [DataRow(3, "adabn")]
    [DataRow(20, "adabn")]
    [DataRow(3, "gate")]
    [DataRow(2, "trimmed")]
    public void Merged_stage_by_stage_they_give_the_bytes_of_one_process(int shards, string how)
    {
        using var folder = new TemporaryFolder();
        AdaptationOptions options = PaperAdaBN.Options with
        {
            Policy = how switch { "gate" => AdaptationPolicy.Gate(), "trimmed" => AdaptationPolicy.AdaBN.Trimmed(0.1), _ => AdaptationPolicy.AdaBN },
            StateFile = folder.File("run.state"),
        };
        AdaptationResult alone = BatchNormAdapter.Adapt(_digits, Scans, options with { StateFile = null });
        AdaptationResult? result = null;
        for (int stage = 0; result is null; stage++)
        {
            string[] parts = [.. Enumerable.Range(0, shards).Select(shard => folder.File($"{stage}.{shard}.part"))];
            for (int shard = 0; shard < shards; shard++) StageParts.Measure(_digits, Scans, stage, shard, shards, parts[shard], options);
            StageMerge merged = StageParts.Merge(_digits, [.. parts.Reverse()], options);
            Assert.AreEqual(stage, merged.Stage);
            result = merged.Result;
            Assert.IsLessThan(5, stage);
        }
        CollectionAssert.AreEqual(alone.Model.ToBytes(), result.Model.ToBytes());
        Assert.AreEqual(alone.Report.ToJson(), result.Report.ToJson());
    }

    [TestMethod]
    public void A_state_that_parts_began_is_gone_on_with_by_a_process_that_has_all()
    {
        using var folder = new TemporaryFolder();
        AdaptationOptions options = PaperAdaBN.Options with { StateFile = folder.File("run.state") };
        for (int shard = 0; shard < 2; shard++) StageParts.Measure(_digits, Scans, 0, shard, 2, folder.File($"{shard}.part"), options);
        Assert.IsNull(StageParts.Merge(_digits, [folder.File("0.part"), folder.File("1.part")], options).Result);
        byte[] resumed = BatchNormAdapter.Adapt(_digits, Scans, options with { Resume = true }).Model.ToBytes();
        CollectionAssert.AreEqual(BatchNormAdapter.Adapt(_digits, Scans, options with { StateFile = null }).Model.ToBytes(), resumed);
    }

    [TestMethod]
    public void Parts_that_do_not_belong_together_are_refused_and_the_state_stays()
    {
        using var folder = new TemporaryFolder();
        AdaptationOptions options = PaperAdaBN.Options with { StateFile = folder.File("run.state") };
        string[] parts = [folder.File("0.part"), folder.File("1.part")];
        for (int shard = 0; shard < 2; shard++) StageParts.Measure(_digits, Scans, 0, shard, 2, parts[shard], options);
        AdaptationException Refused(string[] with, AdaptationOptions? other = null)
        {
            AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => StageParts.Merge(_digits, with, other ?? options));
            Assert.AreEqual(AdaptationError.InvalidState, e.Error);
            return e;
        }

        Assert.Contains("none for --shard 1/2", Refused([parts[0]]).Message);
        Assert.Contains("given twice", Refused([.. parts, parts[0]]).Message);
        Assert.Contains("other settings", Refused(parts, options with { Policy = AdaptationPolicy.Mix(0.5) }).Message);
        StageParts.Measure(_digits, SampleSource.FromArrays(_scans[..300], 1, 28, 28), 0, 1, 2, folder.File("other.part"), options);
        Assert.Contains("not of one stage of one run", Refused([parts[0], folder.File("other.part")]).Message);
        Assert.IsFalse(File.Exists(options.StateFile));

        var random = new Random(2);
        byte[] part = File.ReadAllBytes(parts[1]);
        for (int round = 0; round < 30; round++)
        {
            byte[] damaged = [.. part];
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(parts[1], round % 4 == 0 ? damaged[..random.Next(damaged.Length)] : damaged);
            Refused(parts);
        }
        Assert.IsFalse(File.Exists(options.StateFile));

        File.WriteAllBytes(parts[1], part);
        Assert.IsNull(StageParts.Merge(_digits, parts, options).Result);
        Assert.ThrowsExactly<AdaptationException>(() => StageParts.Merge(_digits, parts, options)); // stage 0 again
        Assert.Contains("stage 1 (counting from 0) is the next", Assert.ThrowsExactly<AdaptationException>(() => StageParts.Measure(_digits, Scans, 2, 0, 2, folder.File("x.part"), options)).Message);
        Assert.IsFalse(File.Exists(folder.File("x.part")));
    }

    private static ISampleSource Scans => SampleSource.FromArrays(_scans, 1, 28, 28);
}
