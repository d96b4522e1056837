using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using AdaBN.Images;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace ScoringService.Tests;

/// <summary>What the service answers: right classes to digits, problems that say what is wrong to everything else, and it lives on.</summary>
[TestClass]
public sealed class ServiceTests
{
    private static readonly TemporaryFolder s_folder = new();
    private static RunningService s_service = null!;

    [ClassInitialize]
    public static async Task Start(TestContext _) => s_service = await RunningService.StartAsync(s_folder.Path, "--max-images", "5", "--max-image-megabytes", "1", "--max-megapixels", "1");

    [ClassCleanup]
    public static void End()
    {
        s_service.Dispose();
        s_folder.Dispose();
    }

    [TestMethod]
    public async Task Health_tells_the_source_model()
    {
        JsonElement health = await s_service.GetAsync("/health");
        Assert.AreEqual(Digits.VersionOf(Digits.SourceBytes), health.GetProperty("model").GetString());
        Assert.AreEqual(health.GetProperty("source").GetString(), health.GetProperty("model").GetString());
        Assert.AreEqual(JsonValueKind.Null, health.GetProperty("verdict").ValueKind);
        Assert.AreEqual((0, 1), (health.GetProperty("swaps").GetInt32(), health.GetProperty("openModels").GetInt32()));
    }

    [TestMethod]
    public async Task Digits_are_scored_as_ONNX_Runtime_scores_them_to_the_bit_as_images_and_as_numbers()
    {
        float[][] digits = ShippedDigits.Mnist.Images[..50];
        float[][] expected = Digits.ScoresOf(Digits.SourceBytes, digits.Select(Digits.TensorOf));
        int right = 0;
        for (int i = 0; i < digits.Length; i++)
        {
            (int status, JsonElement answer) = await s_service.PostAsync("/score", Digits.Bitmap(digits[i]), "image/bmp");
            (int asNumbers, JsonElement same) = await s_service.PostAsync("/score", JsonSerializer.SerializeToUtf8Bytes(Digits.TensorOf(digits[i])), "application/json");
            Assert.AreEqual((200, 200), (status, asNumbers));
            Assert.AreEqual(answer.ToString(), same.ToString());
            CollectionAssert.AreEqual(expected[i], answer.GetProperty("scores").Deserialize<float[]>());
            Assert.AreEqual(Array.IndexOf(expected[i], expected[i].Max()), answer.GetProperty("class").GetInt32());
            Assert.AreEqual(Math.Exp(expected[i].Max()) / expected[i].Sum(score => Math.Exp(score)), answer.GetProperty("probability").GetDouble(), 1e-9);
            Assert.AreEqual(Digits.VersionOf(Digits.SourceBytes), answer.GetProperty("model").GetString());
            if (answer.GetProperty("class").GetInt32() == ShippedDigits.Mnist.Labels[i]) right++;
        }
        Assert.IsGreaterThanOrEqualTo(47, right, "the classifier reads 98 % of these digits");
    }

    [TestMethod]
    [DataRow("gray8.png")]
    [DataRow("420.jpg")]
    [DataRow("gray8.bmp")]
    public async Task Pictures_of_all_kinds_are_prepared_as_the_model_s_own(string file)
    {
        string path = Path.Combine(Repository.Root, "tests", "Images", file);
        using var reader = new ImageSamples(ImageFiles.Single(path), new Preprocessing { StandardDeviation = [255] }.For(Digits.Source)).OpenReader();
        var tensor = new float[784];
        Assert.IsTrue(reader.TryRead([tensor]));
        (int status, JsonElement answer) = await s_service.PostAsync("/score", await File.ReadAllBytesAsync(path), "application/octet-stream");
        Assert.AreEqual(200, status, answer.ToString());
        CollectionAssert.AreEqual(Digits.ScoresOf(Digits.SourceBytes, [tensor])[0], answer.GetProperty("scores").Deserialize<float[]>());
    }

    [TestMethod]
    [DataRow("", "image/png", 400, "the file is empty")]
    [DataRow("", null, 400, "the file is empty")]
    [DataRow("a word", "text/plain", 400, "no image that is known here, expected PNG, JPEG, WebP or BMP")]
    [DataRow("", "application/json", 400, "no JSON array of numbers")]
    [DataRow("[1, 2, NaN]", "application/json", 400, "no JSON array of numbers")]
    [DataRow("[1, \"2\"]", "application/json", 400, "no JSON array of numbers")]
    [DataRow("[1, 2", "application/json", 400, "no JSON array of numbers")]
    [DataRow("{\"pixels\": [1]}", "application/json", 400, "no JSON array of numbers")]
    [DataRow("null", "application/json", 400, "The body holds 0 numbers, expected 784: 1 x 28 x 28.")]
    [DataRow("[1, 2]", "application/json", 400, "The body holds 2 numbers, expected 784: 1 x 28 x 28.")]
    public async Task A_wrong_body_is_told_what_is_wrong(string body, string? type, int expected, string detail) =>
        AssertProblem(await s_service.PostAsync("/score", Encoding.UTF8.GetBytes(body), type), expected, detail);

    [TestMethod]
    public async Task Numbers_that_are_none_or_lead_to_none_are_told()
    {
        string Numbers(string first) => $"[{first}{string.Concat(Enumerable.Repeat(", 0", 783))}]";
        AssertProblem(await s_service.PostAsync("/score", Encoding.UTF8.GetBytes(Numbers("1e39")), "application/json"), 400, "");
        AssertProblem(await s_service.PostAsync("/score", Encoding.UTF8.GetBytes(Numbers("3e38")), "application/json"), 422, "not finite");
    }

    [TestMethod]
    public async Task Broken_and_giant_images_are_refused()
    {
        byte[] png = await File.ReadAllBytesAsync(Path.Combine(Repository.Root, "tests", "Images", "gray8.png"));
        AssertProblem(await s_service.PostAsync("/score", png[..(png.Length / 2)], "image/png"), 400, "damaged");
        byte[] wide = Digits.Bitmap(ShippedDigits.Mnist.Images[0]);
        BitConverter.TryWriteBytes(wide.AsSpan(18), 30_000);
        AssertProblem(await s_service.PostAsync("/score", wide, "image/bmp"), 400, "The image cannot be read");
        AssertProblem(await s_service.PostAsync("/score", new byte[(1 << 20) + 1], "image/png"), 413, "too large");
        Assert.AreEqual(200, (await s_service.PostAsync("/score", Digits.Bitmap(ShippedDigits.Mnist.Images[0]))).Status);
    }

    [TestMethod]
    [DataRow("GET", "/nowhere", 404)]
    [DataRow("GET", "/score", 405)]
    [DataRow("GET", "/report", 404)]
    [DataRow("POST", "/rollback", 409)]
    public async Task Wrong_paths_methods_and_moments_are_problems_too(string method, string path, int expected)
    {
        using HttpResponseMessage response = await s_service.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));
        Assert.AreEqual(expected, (int)response.StatusCode);
        Assert.AreEqual("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }

    [TestMethod]
    public async Task Clients_that_stay_midway_cannot_fill_the_memory_and_harm_nobody_when_they_hang_up()
    {
        byte[] digit = Digits.Bitmap(ShippedDigits.Mnist.Images[0]);
        const int most = 256; // as Program.cs has it
        bool wasTooMany = false;
        for (int attempt = 0; attempt < 3 && !wasTooMany; attempt++) // Kestrel cuts off by itself who sends nothing for some seconds
        {
            TcpClient[] clients = [.. await Task.WhenAll(Enumerable.Range(0, most + 8).Select(_ => s_service.BeginScoreAsync(digit, isAwaited: false)))];
            var watch = Stopwatch.StartNew();
            while (!wasTooMany && watch.Elapsed < TimeSpan.FromSeconds(3)) // until all that were sent have come
            {
                using HttpResponseMessage response = await s_service.Client.PostAsync("/score", new ByteArrayContent(digit));
                wasTooMany = (int)response.StatusCode == 503;
                if (wasTooMany) Assert.AreEqual(("application/problem+json", "1"), (response.Content.Headers.ContentType?.MediaType, response.Headers.RetryAfter?.ToString()));
            }
            foreach (TcpClient client in clients) client.Dispose();
        }
        Assert.IsTrue(wasTooMany);
        Assert.AreEqual(200, (await s_service.PostAsync("/score", digit)).Status);
    }

    [TestMethod]
    public async Task A_stop_waits_for_the_requests_under_way()
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("signals are Unix's");
        using var folder = new TemporaryFolder();
        using RunningService service = await RunningService.StartAsync(folder.Path);
        byte[] digit = Digits.Bitmap(ShippedDigits.Mnist.Images[0]);
        using TcpClient client = await service.BeginScoreAsync(digit, isAwaited: true);
        Task<int> stop = Task.Run(service.Stop);
        while (!service.Log.Contains("Application is shutting down", StringComparison.Ordinal)) await Task.Delay(10);
        await client.GetStream().WriteAsync(digit.AsMemory(digit.Length / 2));
        string answer = await new StreamReader(client.GetStream()).ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 200", answer);
        Assert.Contains(Digits.VersionOf(Digits.SourceBytes), answer);
        Assert.AreEqual(0, await stop, service.Log);
    }

    [TestMethod]
    public async Task Images_are_kept_once_within_bounds_and_refused_by_name()
    {
        byte[][] digits = [.. ShippedDigits.Scans.Images[..7].Select(Digits.Bitmap)];
        (int status, JsonElement answer) = await s_service.UploadAsync([digits[0], "no picture"u8.ToArray(), digits[1], digits[0], digits[2][..100], new byte[(1 << 20) + 1]]);
        Assert.AreEqual(200, status, answer.ToString());
        Assert.AreEqual((2, 1, 2), (answer.GetProperty("kept").GetInt32(), answer.GetProperty("known").GetInt32(), answer.GetProperty("images").GetInt32()));
        CollectionAssert.AreEqual(new[] { "image 1", "image 4", "image 5" }, answer.GetProperty("refused").EnumerateArray().Select(image => image.GetProperty("name").GetString()).ToArray());
        Assert.Contains("more than 1 MB", answer.GetProperty("refused")[2].GetProperty("reason").GetString()!);

        (int wrong, JsonElement problem) = await s_service.UploadAsync(["no picture"u8.ToArray()]);
        AssertProblem((wrong, problem), 400, "No image was taken.");
        Assert.AreEqual("image 0", problem.GetProperty("refused")[0].GetProperty("name").GetString());
        AssertProblem(await s_service.PostAsync("/images", "--x\r\n"u8.ToArray(), "multipart/form-data; boundary=x"), 400, "The form is damaged");

        (_, answer) = await s_service.UploadAsync(digits); // 5 are kept at most
        Assert.AreEqual((3, 2, 5), (answer.GetProperty("kept").GetInt32(), answer.GetProperty("known").GetInt32(), answer.GetProperty("images").GetInt32()));
        Assert.Contains("DELETE /images makes room", answer.GetProperty("refused")[1].GetProperty("reason").GetString()!);
        Assert.HasCount(5, Directory.GetFiles(Path.Combine(s_folder.Path, "images")));
        using HttpResponseMessage emptied = await s_service.Client.DeleteAsync("/images");
        Assert.AreEqual(204, (int)emptied.StatusCode);
        Assert.IsEmpty(Directory.GetFiles(Path.Combine(s_folder.Path, "images")));
        AssertProblem(await s_service.PostAsync("/adapt"), 409, "No image is kept");
    }

    [TestMethod]
    public void A_service_that_cannot_start_says_why()
    {
        using var folder = new TemporaryFolder();
        AssertRefused("Another service works in", s_folder.Path);
        AssertRefused("nowhere.onnx", folder.Path, "--model", folder.File("nowhere.onnx"));
        File.Copy(Repository.Model("digits-cnn.onnx"), folder.File("mine.onnx"));
        AssertRefused("Give --preprocessing", folder.Path, "--model", folder.File("mine.onnx"));
        File.WriteAllText(folder.File("state.json"), "{ \"source\":");
        AssertRefused("state.json is damaged", folder.Path);
        File.WriteAllText(folder.File("state.json"), """{ "source": "other", "current": { "version": "other", "verdict": null, "since": "2026-01-01T00:00:00Z" }, "previous": null, "swaps": 0 }""");
        AssertRefused("is of the source model other", folder.Path);
        AssertRefused("expected 1 to", folder.Path, "--max-images", "0");
        AssertRefused("--nothing", folder.Path, "--nothing");
    }

    private static void AssertRefused(string expected, string data, params string[] arguments)
    {
        (int exitCode, string error) = RunningService.Refuse(data, arguments);
        Assert.AreEqual(1, exitCode, error);
        Assert.Contains(expected, error);
        Assert.DoesNotContain("   at ", error);
    }

    private static void AssertProblem((int Status, JsonElement Answer) found, int status, string detail)
    {
        Assert.AreEqual(status, found.Status, found.Answer.ToString());
        Assert.AreEqual(status, found.Answer.GetProperty("status").GetInt32());
        Assert.Contains(detail, found.Answer.GetProperty("detail").GetString()!);
    }
}
