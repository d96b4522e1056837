using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

/// <summary>Stages measured in parts and merged, on the command line.</summary>
[TestClass]
public sealed class PartsCommandTests
{
    [TestMethod]
    public async Task Parts_of_a_folder_of_images_come_to_the_bytes_of_adapt()
    {
        using Workspace workspace = await Workspace.Open();
        for (int i = 100; i < 180; i++) File.Copy(Path.Combine(Repository.Root, "tests", "Images", "rgb8.png"), Path.Combine("site42", $"{i}.png"));
        File.WriteAllText(Path.Combine("site42", "50.png"), "no picture");
        string[] settings = ["--policy", "adabn", "--judge", "0", "--batch-size", "32"], data = ["--data", "site42", "--preset", "imagenet"];
        Outcome alone = await Cli.Run(["adapt", "classifier.onnx", .. data, "--out", "alone.onnx", .. settings]);
        Assert.AreEqual(0, alone.ExitCode, alone.Error);

        // A part reads its own images only, so that none may be left out, unless it is told to look at all.
        Outcome first = await Cli.Run(["measure", "classifier.onnx", .. data, "--stage", "0", "--shard", "1/3", "--out", "1.part", .. settings]);
        Assert.AreEqual(0, first.ExitCode, first.Error);
        Outcome last = await Cli.Run(["measure", "classifier.onnx", .. data, "--stage", "0", "--shard", "2/3", "--out", "2.part", .. settings]);
        Assert.AreEqual(1, last.ExitCode);
        Assert.Contains("50.png: it is no image", last.Error);
        Assert.IsFalse(File.Exists("2.part"));
        data = [.. data, "--max-broken", "5%"];

        int stage = 0;
        for (; !File.Exists("merged.onnx"); stage++)
        {
            for (int part = 0; part < 3; part++)
            {
                Outcome measured = await Cli.Run(["measure", "classifier.onnx", .. data, "--stage", $"{stage}", "--shard", $"{part}/3", "--state", "run.state", "--out", $"{part}.part", .. settings]);
                Assert.AreEqual(0, measured.ExitCode, measured.Error);
                Assert.Contains("left out 50.png", measured.Error);
            }
            Outcome merged = await Cli.Run(["merge", "classifier.onnx", "0.part", "1.part", "2.part", "--state", "run.state", "--out", "merged.onnx", .. settings]);
            Assert.AreEqual(0, merged.ExitCode, merged.Error);
            Assert.AreEqual(File.Exists("merged.onnx"), !File.Exists("run.state"));
        }
        Assert.IsGreaterThan(1, stage);
        CollectionAssert.AreEqual(File.ReadAllBytes("alone.onnx"), File.ReadAllBytes("merged.onnx"));
    }

    [TestMethod]
    [DataRow("--shard is '3', expected a part from 0", "3")]
    [DataRow("--shard is '2/2', expected a part from 0", "2/2")]
    [DataRow("--shard is '-1/2', expected a part from 0", "-1/2")]
    public async Task A_part_that_is_none_is_refused(string says, string shard)
    {
        using Workspace workspace = await Workspace.Open();
        Outcome outcome = await Cli.Run("measure", "classifier.onnx", "--data", "site42.npy", "--stage", "0", $"--shard={shard}", "--out", "0.part");
        Assert.AreEqual(2, outcome.ExitCode);
        Assert.Contains(says, outcome.Error);
        Assert.IsFalse(File.Exists("0.part"));
    }
}
