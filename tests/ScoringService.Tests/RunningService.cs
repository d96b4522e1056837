using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ScoringService.Tests;

/// <summary>The service as users start it: a process of its own, on a free port of this machine.</summary>
internal sealed partial class RunningService : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    private readonly Process _process;
    private readonly List<string> _log = [];

    private RunningService(Process process) => _process = process;

    public HttpClient Client { get; } = new() { Timeout = s_patience };

    public int ProcessId => _process.Id;

    public string Log
    {
        get
        {
            lock (_log) return string.Join('\n', _log);
        }
    }

    /// <summary>Starts it and waits until it listens.</summary>
    public static async Task<RunningService> StartAsync(string data, params string[] arguments)
    {
        var service = new RunningService(Launch(data, arguments));
        var listening = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        void OnLine(object sender, DataReceivedEventArgs e)
        {
            if (e.Data is null) listening.TrySetException(new InvalidOperationException($"The service ended before it listened: {service.Log}"));
            else
            {
                lock (service._log) service._log.Add(e.Data);
                if (ListeningLine().Match(e.Data) is { Success: true } match) listening.TrySetResult(match.Groups[1].Value);
            }
        }
        service._process.OutputDataReceived += OnLine;
        service._process.ErrorDataReceived += (_, e) =>
        {
            lock (service._log) service._log.Add(e.Data ?? "");
        };
        service._process.BeginOutputReadLine();
        service._process.BeginErrorReadLine();
        service.Client.BaseAddress = new Uri(await listening.Task.WaitAsync(s_patience));
        return service;
    }

    /// <summary>Starts it where it cannot start: its exit code and what it says of it.</summary>
    public static (int ExitCode, string Error) Refuse(string data, params string[] arguments)
    {
        using Process process = Launch(data, arguments);
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        string error = process.StandardError.ReadToEnd();
        Assert.IsTrue(process.WaitForExit(s_patience), "it does not end");
        return (process.ExitCode, error);
    }

    public async Task<JsonElement> GetAsync(string path) => await Client.GetFromJsonAsync<JsonElement>(path);

    /// <summary>Sends a body; the answer's status and JSON.</summary>
    public async Task<(int Status, JsonElement Answer)> PostAsync(string path, byte[]? body = null, string? type = null)
    {
        using var content = new ByteArrayContent(body ?? []);
        if (type is not null) content.Headers.TryAddWithoutValidation("Content-Type", type);
        using HttpResponseMessage response = await Client.PostAsync(path, content);
        return ((int)response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>());
    }

    public async Task<(int Status, JsonElement Answer)> UploadAsync(IEnumerable<byte[]> images)
    {
        using var form = new MultipartFormDataContent();
        foreach ((int number, byte[] image) in images.Index()) form.Add(new ByteArrayContent(image), "images", $"image {number}");
        using HttpResponseMessage response = await Client.PostAsync("/images", form);
        return ((int)response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>());
    }

    /// <summary>Sends a request up to the middle of its body; <paramref name="isAwaited"/>: the service has begun with it.</summary>
    public async Task<TcpClient> BeginScoreAsync(byte[] body, bool isAwaited)
    {
        var client = new TcpClient();
        await client.ConnectAsync(Client.BaseAddress!.Host, Client.BaseAddress.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: {body.Length}\r\n{(isAwaited ? "Expect: 100-continue\r\n" : "")}\r\n"));
        if (isAwaited) await client.GetStream().ReadExactlyAsync(new byte["HTTP/1.1 100 Continue\r\n\r\n".Length]); // said when the service begins to read
        await client.GetStream().WriteAsync(body.AsMemory(0, body.Length / 2));
        return client;
    }

    /// <summary>Adapts, and waits for the end.</summary>
    public async Task<JsonElement> AdaptAsync()
    {
        (int status, JsonElement started) = await PostAsync("/adapt");
        Assert.AreEqual(202, status, started.ToString());
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < s_patience)
        {
            JsonElement at = await GetAsync("/adapt");
            if (at.GetProperty("state").GetString() != "running") return at;
            await Task.Delay(20);
        }
        throw new AssertFailedException($"The adaptation does not end: {Log}");
    }

    /// <summary>Asks it to stop, as a system does; its exit code.</summary>
    public int Stop()
    {
        using Process kill = Process.Start("kill", ["-TERM", _process.Id.ToString()]);
        kill.WaitForExit();
        Assert.IsTrue(_process.WaitForExit(s_patience), "the service does not end");
        _process.WaitForExit(); // the log to its end
        return _process.ExitCode;
    }

    /// <summary>Ends it as a power cut does.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        Client.Dispose();
        if (!_process.HasExited) Kill();
        _process.Dispose();
    }

    private static Process Launch(string data, string[] arguments) => Process.Start(new ProcessStartInfo("dotnet",
        [Path.Combine(AppContext.BaseDirectory, "ScoringService.dll"), "--data", data, "--urls", "http://127.0.0.1:0", .. arguments])
    { RedirectStandardOutput = true, RedirectStandardError = true })!;

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex ListeningLine();
}
