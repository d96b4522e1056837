using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Benchmarks;

/// <summary>Names the machine that figures come from.</summary>
internal static class Machine
{
    /// <summary>Processor, memory, system and versions, and how busy the machine was before the first measurement.</summary>
    public static string Describe() => string.Create(CultureInfo.InvariantCulture,
        $"{Processor()}, {Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:0} GB; ")
        + $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}; "
        + $".NET {Environment.Version}, ONNX Runtime {OrtEnv.Instance().GetVersionString()}; {DateTime.UtcNow:yyyy-MM-dd}{Load()}";

    /// <summary>Processor seconds that all programs together have used since the machine started; null where the system does not tell.</summary>
    public static double? BusySeconds()
    {
        const string statistics = "/proc/stat";
        const double ticksPerSecond = 100;
        if (!File.Exists(statistics)) return null;
        long[] ticks = [.. File.ReadLines(statistics).First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(long.Parse)];
        const int idle = 3, waiting = 4, guests = 8; // proc(5): user nice system idle iowait irq softirq steal, then guests, which are in user
        return ticks.Take(guests).Where((_, i) => i is not (idle or waiting)).Sum() / ticksPerSecond;
    }

    private static string Processor()
    {
        const string cpuInfo = "/proc/cpuinfo";
        IEnumerable<string> lines = File.Exists(cpuInfo) ? File.ReadLines(cpuInfo) : [];
        string? model = lines.FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
        return model?.Split(':')[1].Trim() ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unnamed processor";
    }

    private static string Load()
    {
        const string loadAverage = "/proc/loadavg";
        return File.Exists(loadAverage) ? $", load {File.ReadAllText(loadAverage).Split(' ')[0]} before" : "";
    }
}
