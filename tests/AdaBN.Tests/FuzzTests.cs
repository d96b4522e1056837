using System.Diagnostics;
using System.Globalization;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>
/// Damaged models on the whole way, in processes of their own, so that a crash in native code is a failure here with the seed that brings
/// it back. ADABN_FUZZ_SEED and ADABN_FUZZ_MINUTES make it another or a longer run.
/// </summary>
[TestClass]
public sealed class FuzzTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public async Task Damaged_models_end_in_errors_of_this_library_only()
    {
        long seed = long.TryParse(Environment.GetEnvironmentVariable("ADABN_FUZZ_SEED"), CultureInfo.InvariantCulture, out long given) ? given : 1;
        string[] length = double.TryParse(Environment.GetEnvironmentVariable("ADABN_FUZZ_MINUTES"), CultureInfo.InvariantCulture, out double minutes)
            ? ["--seconds", ((long)(minutes * 60)).ToString(CultureInfo.InvariantCulture)] : ["--count", "12000"];
        await Task.WhenAll(Enumerable.Range(0, 2).Select(part => Run([.. length, "--adapt-every", "30", "--seed", (seed + (part * 1000)).ToString(CultureInfo.InvariantCulture)])));
    }

    private async Task Run(string[] arguments)
    {
        using var folder = new TemporaryFolder();
        string progress = folder.File("progress");
        string[] command = ["dotnet", Path.Combine(AppContext.BaseDirectory, "AdaBN.Fuzz.dll"), .. arguments, "--progress", progress];
        // A damaged model may ask ONNX Runtime for any amount of memory; a limit makes that an error where it would be the machine's end.
        var start = OperatingSystem.IsWindows() ? new ProcessStartInfo(command[0], command[1..]) : new ProcessStartInfo("sh", ["-c", "ulimit -v 16000000; exec \"$@\"", "sh", .. command]);
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x30000000";
        start.Environment["TMPDIR"] = folder.Path;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        string said = await output;
        TestContext.WriteLine(said);
        long index = File.Exists(progress) ? BitConverter.ToInt64(await File.ReadAllBytesAsync(progress)) : -1;
        Assert.AreEqual(0, process.ExitCode, $"AdaBN.Fuzz {string.Join(' ', arguments)} --only {index}\n{said}\n{await errors}");
        Assert.Contains(" 0 faults", said);
    }
}
