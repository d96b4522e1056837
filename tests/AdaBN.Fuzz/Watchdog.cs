using System.Diagnostics;

namespace AdaBN.Fuzz;

/// <summary>Stops what computes for too long, by processor time: a process may be paused. An adaptation is cancelled first; what does not heed that ends the program.</summary>
internal sealed class Watchdog : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4), Limit = TimeSpan.FromSeconds(30);

    private readonly Timer _timer;
    private readonly Lock _lock = new();
    private CancellationTokenSource _source = new();
    private TimeSpan _start;
    private long _index;

    public Watchdog() => _timer = new Timer(_ => Look(), null, 200, 200);

    public CancellationToken Begin(long index)
    {
        lock (_lock)
        {
            if (_source.IsCancellationRequested) _source = new CancellationTokenSource();
            (_index, _start) = (index, ProcessorTime);
            return _source.Token;
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        _source.Dispose();
    }

    private static TimeSpan ProcessorTime => Environment.CpuUsage.TotalTime;

    private void Look()
    {
        lock (_lock)
        {
            TimeSpan spent = ProcessorTime - _start;
            if (spent > Patience) _source.Cancel();
            if (spent < Limit) return;
            Console.WriteLine($"FAULT: index {_index} does not end");
            Environment.Exit(3);
        }
    }
}
