// Tries damaged models: AdaBN.Fuzz --seed N (--count N | --seconds N) [--adapt-every N] [--only INDEX --keep FILE] [--progress FILE]
// Every trial depends on seed and index only. Exit code 0: nothing but this library's own errors; 1: faults; 3: a trial does not end.
using System.Diagnostics;
using System.Globalization;
using AdaBN.Fuzz;
using AdaBN.Onnx.Serialization;

Dictionary<string, string> options = args.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);
long Option(string name, long otherwise) => options.TryGetValue(name, out string? text) ? long.Parse(text, CultureInfo.InvariantCulture) : otherwise;
long seed = Option("--seed", 1), count = Option("--count", long.MaxValue), seconds = Option("--seconds", long.MaxValue / 1000), adaptEvery = Option("--adapt-every", 20), only = Option("--only", -1);

ModelProto[] corpus = Corpus.Load(), adaptable = [.. corpus.Where(Corpus.IsAdaptable)];
string root = Directory.CreateTempSubdirectory("adabn-fuzz-").FullName;
using FileStream? progress = options.TryGetValue("--progress", out string? progressFile) ? new FileStream(progressFile, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0) : null;
var kinds = new Dictionary<string, int>();
var watch = Stopwatch.StartNew();
using var watchdog = new Watchdog();
long tried = 0, faults = 0, mostAllocated = 0;
try
{
    var trial = new Trial(root);
    for (long index = Math.Max(0, only); index < count && watch.ElapsedMilliseconds < seconds * 1000; index++)
    {
        progress?.Seek(0, SeekOrigin.Begin);
        progress?.Write(BitConverter.GetBytes(index));
        var random = new Random(unchecked((int)((seed * 1_000_003) + index)));
        bool adapts = index % adaptEvery == 0;
        byte[] bytes = new Mutator(adapts ? adaptable : corpus, random).Next(mildly: adapts);
        if (options.TryGetValue("--keep", out string? keep)) File.WriteAllBytes(keep, bytes);
        CancellationToken token = watchdog.Begin(index);
        long allocated = GC.GetTotalAllocatedBytes();
        string kind;
        try
        {
            kind = trial.Run(bytes, adapts, token);
        }
        catch (Exception e)
        {
            kind = $"FAULT {e.GetType().Name}";
            if (faults++ < 10) Console.WriteLine($"FAULT at seed {seed}, index {index}: {e}");
        }
        mostAllocated = Math.Max(mostAllocated, GC.GetTotalAllocatedBytes() - allocated);
        kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
        tried++;
        if (only >= 0)
        {
            Console.WriteLine(kind);
            break;
        }
    }
}
finally
{
    Directory.Delete(root, recursive: true);
}

foreach ((string kind, int number) in kinds.OrderByDescending(pair => pair.Value).Take(40)) Console.WriteLine($"{number,8} {kind}");
using Process self = Process.GetCurrentProcess();
Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"{tried} mutations of {corpus.Length} models tried, {faults} faults, {kinds.Count} kinds of outcome, peak memory {self.PeakWorkingSet64 >> 20} MB, most allocated by one {mostAllocated >> 20} MB, {watch.Elapsed.TotalSeconds:0.0} s, seed {seed}"));
return faults > 0 ? 1 : 0;
