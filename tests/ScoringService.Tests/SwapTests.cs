using System.Text.Json;
using AdaBN;
using AdaBN.TestSupport;

namespace ScoringService.Tests;

/// <summary>Adapt, swap, roll back, stop and start again; and no swap where the verdict is against it.</summary>
[TestClass]
public sealed class SwapTests
{
    private static readonly byte[][] s_scans = [.. ShippedDigits.Scans.Images[..200].Select(Digits.Bitmap)];

    [TestMethod]
    public async Task The_model_is_adapted_swapped_kept_over_restarts_and_rolled_back()
    {
        using var folder = new TemporaryFolder();
        AdaptationResult expected = Digits.Adapt(s_scans);
        string source = Digits.VersionOf(Digits.SourceBytes), adapted = Digits.VersionOf(expected.Model.ToBytes());
        using (RunningService service = await RunningService.StartAsync(folder.Path))
        {
            Assert.AreEqual(200, (await service.UploadAsync(s_scans)).Status);
            JsonElement done = await service.AdaptAsync();
            Assert.AreEqual("swapped", done.GetProperty("state").GetString(), done.ToString());
            Assert.AreEqual("adapt", done.GetProperty("verdict").GetString());
            Assert.AreEqual((200, 1.0), (done.GetProperty("images").GetInt32(), done.GetProperty("progress").GetDouble()));
            // The service's model is, to the byte, what the engine makes of these images outside of it, in its own number of threads.
            Assert.AreEqual(adapted, done.GetProperty("model").GetString());
            CollectionAssert.AreEqual(expected.Report.Verdict.Reasons.ToArray(), done.GetProperty("reasons").Deserialize<string[]>());
            string page = await service.Client.GetStringAsync(done.GetProperty("report").GetString());
            Assert.Contains(adapted, page);
            await AssertServes(service, expected.Model.ToBytes(), swaps: 1);

            JsonElement again = await service.AdaptAsync(); // from the source model, not from the adapted one: the same
            Assert.AreEqual(("notSwapped", adapted), (again.GetProperty("state").GetString(), again.GetProperty("model").GetString()));
            Assert.Contains("is the one being served", again.GetProperty("reasons").ToString());
            await AssertServes(service, expected.Model.ToBytes(), swaps: 1);
            service.Kill();
        }
        using (RunningService service = await RunningService.StartAsync(folder.Path))
        {
            await AssertServes(service, expected.Model.ToBytes(), swaps: 1);
            JsonElement health = await service.GetAsync("/health");
            Assert.AreEqual(("adapt", 200), (health.GetProperty("verdict").GetString(), health.GetProperty("images").GetInt32()));
            Assert.AreEqual(200, (await service.PostAsync("/rollback")).Status);
            await AssertServes(service, Digits.SourceBytes, swaps: 2);
            Assert.AreEqual(409, (await service.PostAsync("/rollback")).Status);
            Assert.IsEmpty(Directory.GetFiles(Path.Combine(folder.Path, "models")));
            if (!OperatingSystem.IsWindows()) Assert.AreEqual(0, service.Stop(), service.Log);
        }
        using (RunningService service = await RunningService.StartAsync(folder.Path))
        {
            await AssertServes(service, Digits.SourceBytes, swaps: 2);
            Assert.AreEqual("swapped", (await service.AdaptAsync()).GetProperty("state").GetString());
        }
        string file = Path.Combine(folder.Path, "models", $"{adapted}.onnx");
        byte[] damaged = await File.ReadAllBytesAsync(file);
        damaged[^1] ^= 1;
        await File.WriteAllBytesAsync(file, damaged);
        (int exitCode, string error) = RunningService.Refuse(folder.Path);
        Assert.AreEqual(1, exitCode);
        Assert.Contains("is not the file that was written", error);
    }

    [TestMethod]
    public async Task Three_images_and_images_of_the_source_domain_swap_nothing()
    {
        using var folder = new TemporaryFolder();
        using RunningService service = await RunningService.StartAsync(folder.Path);
        await service.UploadAsync(s_scans[..3]);
        JsonElement few = await service.AdaptAsync();
        Assert.AreEqual(("notSwapped", "needMoreImages"), (few.GetProperty("state").GetString(), few.GetProperty("verdict").GetString()));
        Assert.IsGreaterThan(0, few.GetProperty("reasons").GetArrayLength());

        (await service.Client.DeleteAsync("/images")).EnsureSuccessStatusCode();
        await service.UploadAsync(ShippedDigits.Mnist.Images[..200].Select(Digits.Bitmap));
        JsonElement own = await service.AdaptAsync();
        Assert.AreEqual(("notSwapped", "keepSource"), (own.GetProperty("state").GetString(), own.GetProperty("verdict").GetString()), own.ToString());
        await AssertServes(service, Digits.SourceBytes, swaps: 0);
    }

    [TestMethod]
    public async Task One_adaptation_at_a_time_which_a_stop_cancels_and_a_failure_survives()
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("signals are Unix's");
        using var folder = new TemporaryFolder();
        using RunningService service = await RunningService.StartAsync(folder.Path, "--adaptation-threads", "1");
        await service.UploadAsync(s_scans[..20]);
        foreach (string image in Directory.GetFiles(Path.Combine(folder.Path, "images"))) await File.WriteAllTextAsync(image, "damaged since");
        JsonElement failed = await service.AdaptAsync();
        Assert.AreEqual("failed", failed.GetProperty("state").GetString());
        Assert.Contains("broken", failed.GetProperty("reasons").ToString());
        Assert.AreEqual(200, (await service.PostAsync("/score", s_scans[0])).Status);

        (await service.Client.DeleteAsync("/images")).EnsureSuccessStatusCode();
        Assert.AreEqual(200, (await service.UploadAsync(ShippedDigits.Scans.Images.Select(Digits.Bitmap))).Status);
        Assert.AreEqual(202, (await service.PostAsync("/adapt")).Status);
        Assert.AreEqual(409, (await service.PostAsync("/adapt")).Status);
        Assert.AreEqual(409, (int)(await service.Client.DeleteAsync("/images")).StatusCode);
        Assert.AreEqual(0, service.Stop());
        Assert.Contains("Adaptation 2 ended: Cancelled", service.Log);
        Assert.IsFalse(File.Exists(Path.Combine(folder.Path, "state.json")));
        Assert.IsEmpty(Directory.GetFiles(folder.Path, "report*"));
    }

    private static async Task AssertServes(RunningService service, byte[] model, int swaps)
    {
        JsonElement health = await service.GetAsync("/health");
        Assert.AreEqual((Digits.VersionOf(model), swaps, 1), (health.GetProperty("model").GetString(), health.GetProperty("swaps").GetInt32(), health.GetProperty("openModels").GetInt32()));
        float[][] digits = ShippedDigits.Scans.Images[500..505], expected = Digits.ScoresOf(model, digits.Select(Digits.TensorOf));
        for (int i = 0; i < digits.Length; i++)
        {
            (_, JsonElement answer) = await service.PostAsync("/score", Digits.Bitmap(digits[i]));
            CollectionAssert.AreEqual(expected[i], answer.GetProperty("scores").Deserialize<float[]>());
            Assert.AreEqual(Digits.VersionOf(model), answer.GetProperty("model").GetString());
        }
    }
}
