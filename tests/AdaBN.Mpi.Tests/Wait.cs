using System.Diagnostics;

namespace AdaBN.Mpi.Tests;

/// <summary>Waits for what another process does.</summary>
internal static class Wait
{
    public static void For(Func<bool> condition, string what, int seconds = 60)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.IsLessThan(seconds, watch.Elapsed.TotalSeconds, $"{what} did not come");
            Thread.Sleep(20);
        }
    }
}
