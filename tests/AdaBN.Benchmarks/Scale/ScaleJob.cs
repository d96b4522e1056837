using System.Diagnostics;
using System.IO.Pipes;
using System.Text.Json;

namespace AdaBN.Benchmarks.Scale;

/// <summary>A round of a job.</summary>
/// <param name="Answers">What each process tells.</param>
internal sealed record ScaleRound(IReadOnlyList<ScaleAnswer> Answers)
{
    /// <summary>Until the last process was done.</summary>
    public double Ms => Answers.Max(answer => answer.Ms);

    /// <summary>Processor time of the process that took most: what other programs on the machine disturb least.</summary>
    public double ProcessorMs => Answers.Max(answer => answer.ProcessorMs);

    public long BytesOfARank => Answers.Max(answer => answer.Exchanges.Sum(exchange => (long)exchange.Bytes));

    /// <summary>In calls to others, until the last: the mean over processes.</summary>
    public double ExchangeMs => Answers.Average(answer => answer.Exchanges.Sum(exchange => exchange.Ms));

    /// <summary>The same without waiting for slower processes: of each call, the time of the rank that came last.</summary>
    public double MergeMs => Enumerable.Range(0, Answers[0].Exchanges.Count).Sum(call => Answers.Min(answer => answer.Exchanges[call].Ms));
}

/// <summary>Processes that do rounds together, as seen from outside: each on a processor of its own, warm, and idle until their turn.</summary>
internal sealed class ScaleJob : IDisposable
{
    private readonly List<Process> _processes = [];
    private readonly List<(NamedPipeServerStream Pipe, StreamReader Reader, StreamWriter Writer)> _ranks = [];

    private readonly string _pipe = $"adabn-{Path.GetRandomFileName()}";

    private ScaleJob(string name) => Name = name;

    public string Name { get; }

    public List<ScaleRound> Rounds { get; } = [];

    public double MedianMs => Contestant.Median(Rounds.Select(round => round.Ms));

    public double LeastProcessorMs => Rounds.Min(round => round.ProcessorMs);

    /// <summary>Starts processes that know nothing of each other, each with so many images.</summary>
    public static ScaleJob Alone(string name, int processes, ScaleAssignment assignment)
    {
        var job = new ScaleJob(name);
        return job.Start([.. Enumerable.Range(0, processes).Select(core => job.Rank(assignment with { Ranks = 0 }, core))], processes);
    }

    /// <summary>Starts ranks under a launcher, on processors in turn.</summary>
    public static ScaleJob Under(string launcher, string name, ScaleAssignment assignment)
    {
        var job = new ScaleJob(name);
        IEnumerable<string[]> ranks = Enumerable.Range(0, assignment.Ranks).Select(rank =>
            (string[])["-n", "1", .. job.Rank(assignment, rank % Environment.ProcessorCount)]);
        string[] openMpi = launcher.EndsWith(".openmpi", StringComparison.Ordinal) ? ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-x", "TERM=dumb"] : [];
        return job.Start([[launcher, .. openMpi, .. ranks.Aggregate((all, rank) => [.. all, ":", .. rank])]], assignment.Ranks);
    }

    public void DoRound()
    {
        ScaleAnswer[] answers = [.. Ask<ScaleAnswer>("go").OrderBy(answer => answer.Rank)];
        Rounds.Add(new ScaleRound(answers));
    }

    /// <summary>Times of exchanges alone, of the rank that was slowest.</summary>
    public IReadOnlyList<ExchangeTime> MeasureExchanges() =>
        [.. Ask<ExchangeTime[]>("exchanges").SelectMany(times => times).GroupBy(time => time.Bytes).Select(times => new ExchangeTime(times.Key, times.Max(time => time.Ms)))];

    /// <summary>This job's speed, in those of another, round by round.</summary>
    public double SpeedUpOver(ScaleJob other) => Contestant.Median(Rounds.Zip(other.Rounds, (own, others) => others.Ms / own.Ms));

    /// <summary>The same in processor time.</summary>
    public double WorkDividedOver(ScaleJob other) => Contestant.Median(Rounds.Zip(other.Rounds, (own, others) => others.ProcessorMs / own.ProcessorMs));

    public void Dispose()
    {
        foreach ((NamedPipeServerStream pipe, _, _) in _ranks) pipe.Dispose(); // their sign to leave
        foreach (Process process in _processes)
        {
            if (!process.WaitForExit(TimeSpan.FromSeconds(20))) process.Kill(entireProcessTree: true);
            process.Dispose();
        }
    }

    private string[] Rank(ScaleAssignment assignment, int core) =>
        ["taskset", "-c", $"{core}", Environment.ProcessPath!, "--scale-rank", JsonSerializer.Serialize(assignment with { Pipe = _pipe })];

    private ScaleJob Start(string[][] lines, int processes)
    {
        NamedPipeServerStream[] pipes = [.. Enumerable.Range(0, processes).Select(_ => new NamedPipeServerStream(_pipe, PipeDirection.InOut, processes, PipeTransmissionMode.Byte, PipeOptions.Asynchronous))];
        foreach (string[] line in lines) _processes.Add(Process.Start(new ProcessStartInfo(line[0], line[1..]))!);
        Task ended = Task.WhenAny(_processes.Select(process => process.WaitForExitAsync()));
        foreach (NamedPipeServerStream pipe in pipes)
        {
            if (Task.WhenAny(pipe.WaitForConnectionAsync(), ended).Result == ended) throw Failed();
            _ranks.Add((pipe, new StreamReader(pipe), new StreamWriter(pipe) { AutoFlush = true }));
        }
        foreach (var (_, reader, _) in _ranks)
            if (reader.ReadLine() is null) throw Failed();
        return this;
    }

    private T[] Ask<T>(string order)
    {
        foreach (var (_, _, writer) in _ranks) writer.WriteLine(order);
        return [.. _ranks.Select(rank => JsonSerializer.Deserialize<T>(rank.Reader.ReadLine() ?? throw Failed())!)];
    }

    private InvalidOperationException Failed() => new($"{Name}: a process ended before its work; its message stands above.");
}
