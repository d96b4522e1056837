using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using AdaBN.TestSupport;

namespace ScoringService.Tests;

/// <summary>
/// Eight clients ask without a pause while the model is adapted and swapped three times and rolled back once: no request fails, and each answer is to the bit what the
/// model that it names says, computed outside of the service beforehand. ADABN_LOAD_SECONDS=30 for the long run.
/// </summary>
[TestClass]
[DoNotParallelize]
public sealed class LoadTests
{
    private const int Clients = 8, Adaptations = 3, ImagesEach = 100, AdaptationMegabytes = 32;
    private static readonly TimeSpan s_length = TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("ADABN_LOAD_SECONDS") ?? "4", CultureInfo.InvariantCulture));
    private static readonly float[][] s_probes = [.. ShippedDigits.Scans.Images[1000..1020], .. ShippedDigits.Mnist.Images[..20]];

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public async Task Swaps_under_load_drop_no_request_and_mix_no_models()
    {
        byte[][] images = [.. ShippedDigits.Scans.Images[..(Adaptations * ImagesEach)].Select(Digits.Bitmap)];
        byte[][] models = [Digits.SourceBytes, .. Enumerable.Range(1, Adaptations).Select(i => Digits.Adapt(images[..(i * ImagesEach)]).Model.ToBytes())];
        string[] versions = [.. models.Select(Digits.VersionOf)];
        Assert.HasCount(Adaptations + 1, versions.Distinct().ToArray());
        var expected = models.ToDictionary(Digits.VersionOf, model => Digits.ScoresOf(model, s_probes.Select(Digits.TensorOf)));

        using var folder = new TemporaryFolder();
        using RunningService service = await RunningService.StartAsync(folder.Path, "--adaptation-megabytes", $"{AdaptationMegabytes}");
        using var stop = new CancellationTokenSource();
        var load = new Load(service, expected);
        await load.RunAsync(Clients, TimeSpan.FromSeconds(1)); // warm: code compiled, pools filled
        load.Answers.Clear();
        using var memory = new MemoryWatch(service.ProcessId);

        Task clients = load.RunAsync(Clients, stop.Token);
        long start = Stopwatch.GetTimestamp();
        TimeSpan adapting = TimeSpan.Zero;
        for (int i = 0; i < Adaptations; i++)
        {
            await Until(start, s_length * (i + 1) / (Adaptations + 3));
            Assert.AreEqual(200, (await service.UploadAsync(images[(i * ImagesEach)..((i + 1) * ImagesEach)])).Status);
            long begun = Stopwatch.GetTimestamp();
            JsonElement done = await service.AdaptAsync();
            adapting += Stopwatch.GetElapsedTime(begun);
            Assert.AreEqual(("swapped", versions[i + 1]), (done.GetProperty("state").GetString(), done.GetProperty("model").GetString()), done.ToString());
        }
        await Until(start, s_length * (Adaptations + 1) / (Adaptations + 3));
        long beforeRollback = Stopwatch.GetTimestamp();
        Assert.AreEqual(200, (await service.PostAsync("/rollback")).Status);
        await Until(start, s_length);
        await stop.CancelAsync();
        await clients;

        Answer[] answers = [.. load.Answers.OrderBy(answer => answer.Ended)];
        double[] latencies = [.. answers.Select(answer => Stopwatch.GetElapsedTime(answer.Began, answer.Ended).TotalMilliseconds).Order()];
        string[] order = [.. answers.Select(answer => answer.Model).Distinct()];
        long[] swaps = [.. order.Skip(1).Select(model => answers.First(answer => answer.Model == model).Ended), answers.First(answer => answer.Began > beforeRollback && answer.Model == versions[^2]).Ended];
        int crossing = answers.Count(answer => swaps.Any(swap => answer.Began < swap && answer.Ended >= swap));
        JsonElement health = await service.GetAsync("/health");
        memory.End();
        string report = string.Create(CultureInfo.InvariantCulture, $"""
            {s_length.TotalSeconds} s, {Clients} clients, {Adaptations} adaptations with swaps ({adapting.TotalSeconds:0.0} s), 1 rollback
            requests {answers.Length}, failures {load.Failures.Count}, wrong answers {load.Wrong.Count}
            latency p50 {latencies[latencies.Length / 2]:0.0} ms, p99 {latencies[latencies.Length * 99 / 100]:0.0} ms, longest {latencies[^1]:0.0} ms
            answers by model, in order of appearance: {string.Join(", ", order.Select(model => $"{model[..8]} {answers.Count(answer => answer.Model == model)}"))}
            requests under way when a swapped model gave its first answer: {crossing}
            working set before {memory.Before} MB, peak {memory.Peak} MB, after {memory.After} MB; open models {health.GetProperty("openModels").GetInt32()}
            """);
        TestContext.WriteLine(report);

        Assert.IsEmpty(load.Failures, string.Join('\n', load.Failures.Take(3)) + service.Log);
        Assert.IsEmpty(load.Wrong, string.Join('\n', load.Wrong.Take(3)));
        CollectionAssert.AreEqual(versions, order, report);
        Assert.AreEqual(versions[^2], health.GetProperty("model").GetString());
        Assert.AreEqual(versions[^2], answers[^1].Model);
        Assert.IsGreaterThan(0, crossing, report);
        Assert.AreEqual((Adaptations + 1, 1), (health.GetProperty("swaps").GetInt32(), health.GetProperty("openModels").GetInt32()));
        Assert.IsLessThan(memory.Before + AdaptationMegabytes + 96, memory.After, report); // an adaptation's memory stays warm for a minute
    }

    private static Task Until(long start, TimeSpan moment) => Task.Delay(Max(TimeSpan.Zero, moment - Stopwatch.GetElapsedTime(start)));

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private sealed record Answer(long Began, long Ended, string Model);

    /// <summary>Clients, each with the next request as soon as it has its answer; every other one sends numbers instead of an image.</summary>
    private sealed class Load(RunningService service, Dictionary<string, float[][]> expected)
    {
        private readonly byte[][] _images = [.. s_probes.Select(Digits.Bitmap)], _numbers = [.. s_probes.Select(probe => JsonSerializer.SerializeToUtf8Bytes(Digits.TensorOf(probe)))];

        public ConcurrentBag<Answer> Answers { get; } = [];

        public ConcurrentBag<string> Failures { get; } = [];

        public ConcurrentBag<string> Wrong { get; } = [];

        public async Task RunAsync(int clients, TimeSpan length)
        {
            using var stop = new CancellationTokenSource(length);
            await RunAsync(clients, stop.Token);
        }

        public Task RunAsync(int clients, CancellationToken stop) => Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            for (int i = client; !stop.IsCancellationRequested; i++) await AskAsync(i % s_probes.Length, asImage: i / s_probes.Length % 2 == 0);
        }, CancellationToken.None)));

        private async Task AskAsync(int probe, bool asImage)
        {
            try
            {
                using var body = new ByteArrayContent(asImage ? _images[probe] : _numbers[probe]);
                body.Headers.ContentType = new(asImage ? "image/bmp" : "application/json");
                long began = Stopwatch.GetTimestamp();
                using HttpResponseMessage response = await service.Client.PostAsync("/score", body);
                JsonElement answer = await response.Content.ReadFromJsonAsync<JsonElement>();
                long ended = Stopwatch.GetTimestamp();
                if (!response.IsSuccessStatusCode)
                {
                    Failures.Add(answer.ToString());
                    return;
                }
                string model = answer.GetProperty("model").GetString()!;
                if (!expected.TryGetValue(model, out float[][]? scores) || !answer.GetProperty("scores").Deserialize<float[]>()!.SequenceEqual(scores[probe])) Wrong.Add($"probe {probe}: {answer}");
                Answers.Add(new Answer(began, ended, model));
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException or JsonException)
            {
                Failures.Add(e.ToString());
            }
        }
    }

    /// <summary>The working set of a process, in MB, looked at ten times a second.</summary>
    private sealed class MemoryWatch : IDisposable
    {
        private readonly Process _process;
        private readonly Timer _timer;

        public MemoryWatch(int processId)
        {
            _process = Process.GetProcessById(processId);
            Before = Look();
            _timer = new Timer(_ => Look(), null, 100, 100);
        }

        public long Before { get; }

        public long Peak { get; private set; }

        public long After { get; private set; }

        public void End() => After = Look();

        public void Dispose()
        {
            _timer.Dispose();
            _process.Dispose();
        }

        private long Look()
        {
            lock (_process)
            {
                _process.Refresh();
                long now = _process.WorkingSet64 >> 20;
                Peak = Math.Max(Peak, now);
                return now;
            }
        }
    }
}
