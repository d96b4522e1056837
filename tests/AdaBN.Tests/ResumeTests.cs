using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>A run that was interrupted goes on after its last stage, by any number of processes, to the same bytes.</summary>
[TestClass]
public sealed class ResumeTests
{
    private static readonly OnnxModel _digits = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
    private static readonly float[][] _scans = ShippedDigits.Scans.Images[..600];

    [TestMethod]
    [DataRow(1, 1, false)]
    [DataRow(4, 2, false)]
    [DataRow(1, 3, false)]
    [DataRow(2, 1, true)]
    public void Interrupted_after_any_stage_it_comes_to_the_same_bytes(int before, int after, bool auto)
    {
        using var folder = new TemporaryFolder();
        AdaptationOptions options = (auto ? new AdaptationOptions() : PaperAdaBN.Options) with { StateFile = folder.File("run.state") };
        byte[] whole = Adapt(options with { StateFile = null }).Model.ToBytes();
        foreach (int stage in (int[])[1, 3])
        {
            File.Delete(options.StateFile!);
            Assert.ThrowsExactly<OperationCanceledException>(() => ThreadRanks.Run(before, ranks =>
            {
                using var stop = new CancellationTokenSource();
                return Adapt(options with { Communicator = ranks, Workers = 1 }, new StopIn(stage, auto ? 6 : 5, stop), stop.Token);
            }));
            AdaptationResult[] resumed = ThreadRanks.Run(after, ranks => Adapt(options with { Communicator = ranks, Workers = 1, Resume = true }));
            foreach (AdaptationResult result in resumed) CollectionAssert.AreEqual(whole, result.Model.ToBytes(), $"stage {stage}");
        }
    }

    [TestMethod]
    public void What_is_done_is_not_measured_again()
    {
        using var folder = new TemporaryFolder();
        AdaptationOptions options = PaperAdaBN.Options with { StateFile = folder.File("run.state") };
        using var stop = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() => Adapt(options, new StopIn(3, 5, stop), stop.Token));
        string state = File.ReadAllText(options.StateFile!);
        Assert.AreEqual(3, System.Text.Json.JsonDocument.Parse(state).RootElement.GetProperty("stages").GetArrayLength());

        AdaptationResult resumed = Adapt(options with { Resume = true });
        Assert.AreEqual(3, resumed.ResumedStages);
        Assert.AreEqual(5, System.Text.Json.JsonDocument.Parse(File.ReadAllText(options.StateFile!)).RootElement.GetProperty("stages").GetArrayLength());
        CollectionAssert.AreEqual(Adapt(options with { StateFile = null }).Model.ToBytes(), resumed.Model.ToBytes());
    }

    [TestMethod]
    public void A_policy_of_the_same_words_that_decides_otherwise_is_refused()
    {
        using var folder = new TemporaryFolder();
        AdaptationOptions options = PaperAdaBN.Options with { StateFile = folder.File("run.state"), Policy = AdaptationPolicy.Mix(0.5) };
        Adapt(options);
        AdaptationOptions other = options with { Resume = true, Policy = AdaptationPolicy.Mix(0.501) };
        Assert.AreEqual(options.Policy.Description, other.Policy.Description);
        Assert.Contains("decided otherwise in stage 0", Assert.ThrowsExactly<AdaptationException>(() => Adapt(other)).Message);
    }

    [TestMethod]
    public void A_damaged_or_foreign_state_is_refused_and_left_alone()
    {
        using var folder = new TemporaryFolder();
        AdaptationOptions options = PaperAdaBN.Options with { StateFile = folder.File("run.state") };
        Adapt(options);
        byte[] state = File.ReadAllBytes(options.StateFile!);

        AdaptationException Refused(AdaptationOptions with, float[][]? scans = null) => Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(scans ?? _scans, 1, 28, 28), with));
        Assert.Contains("resume it", Refused(options).Message);
        Assert.Contains("other settings", Refused(options with { Resume = true, Policy = AdaptationPolicy.Mix(0.5) }).Message);
        Assert.Contains("other settings", Refused(options with { Resume = true, Variance = VarianceKind.Sample }).Message);
        Assert.Contains("other samples", Refused(options with { Resume = true }, [.. _scans.Reverse()]).Message);
        CollectionAssert.AreEqual(state, File.ReadAllBytes(options.StateFile!));

        var random = new Random(1);
        for (int round = 0; round < 40; round++)
        {
            byte[] damaged = [.. state];
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(options.StateFile!, round % 4 == 0 ? damaged[..random.Next(damaged.Length)] : damaged);
            Assert.AreEqual(AdaptationError.InvalidState, Refused(options with { Resume = true }).Error);
        }
        Assert.ThrowsExactly<ArgumentException>(() => Adapt(options with { StateFile = folder.File("none.state"), Resume = true }));
    }

    private static AdaptationResult Adapt(AdaptationOptions options, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(_scans, 1, 28, 28), options, progress, cancellationToken);

    /// <summary>Stops in a stage of the last pass.</summary>
    private sealed class StopIn(int stage, int stagesOfPass, CancellationTokenSource stop) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value)
        {
            if (value.Stage == value.StageCount - stagesOfPass + stage) stop.Cancel();
        }
    }
}
