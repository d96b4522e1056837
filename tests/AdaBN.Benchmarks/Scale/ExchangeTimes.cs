using System.Diagnostics;

namespace AdaBN.Benchmarks.Scale;

/// <summary>How long ranks take to exchange so many bytes each, when all of them are ready.</summary>
/// <param name="Bytes">Bytes that each rank gives.</param>
/// <param name="Ms">Milliseconds, median.</param>
internal sealed record ExchangeTime(int Bytes, double Ms);

/// <summary>Measures <see cref="ICommunicator.AllGather"/> by itself.</summary>
internal static class ExchangeTimes
{
    private const int Repetitions = 21;
    private static readonly int[] _bytes = [0, 1 << 12, 1 << 16, 1 << 20, 1 << 22];

    public static IReadOnlyList<ExchangeTime> Measure(ICommunicator ranks) => [.. _bytes.Select(bytes => new ExchangeTime(bytes, Median(ranks, new byte[bytes])))];

    private static double Median(ICommunicator ranks, byte[] mine) => Contestant.Median([.. Enumerable.Range(0, Repetitions).Select(_ =>
    {
        ranks.AllGather(default);
        long start = Stopwatch.GetTimestamp();
        ranks.AllGather(mine);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    })]);
}
