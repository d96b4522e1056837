using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Scale;

/// <summary>Jobs of one model that took turns, round by round.</summary>
/// <param name="Model">The model.</param>
/// <param name="Images">Images of a pass, of all processes of a job together.</param>
/// <param name="One">One process.</param>
/// <param name="Half">One process with half of the images.</param>
/// <param name="TwoAlone">Two processes at once that know nothing of each other, each with half of the images: what two processors of this machine can do.</param>
/// <param name="Two">Two ranks under each launcher.</param>
/// <param name="Unlike">Two ranks that do not compare themselves first.</param>
internal sealed record ScaleFigures(string Model, int Images, ScaleJob One, ScaleJob Half, ScaleJob TwoAlone, IReadOnlyList<ScaleJob> Two, ScaleJob Unlike);

/// <summary>Two ranks against one, under real launchers, every process on a processor of its own with one thread. Writes SCALE.md and scale.json.</summary>
internal static class ScaleRun
{
    private const int Rounds = 7;
    private static readonly (string Model, int Images)[] _workloads = [("resnet18", 256), ("digits-cnn", 8192)];
    private static readonly int[] _exchangingRanks = [2, 3, 4];

    public static int Run()
    {
        string[] launchers = [.. ((string[])["mpirun.openmpi", "mpirun.mpich"]).Where(IsInstalled)];
        if (!IsInstalled("taskset") || launchers.Length == 0 || Environment.ProcessorCount < 2)
        {
            Console.Error.WriteLine("bench --scale needs Linux with taskset, two processors, and mpirun.openmpi or mpirun.mpich (Debian: apt-get install openmpi-bin mpich).");
            return 1;
        }
        string machine = Machine.Describe();
        Python.ExportModels(_workloads.Select(workload => workload.Model), Console.WriteLine);
        List<ScaleFigures> figures = [.. _workloads.Where(workload => File.Exists(Workload.ModelFile(workload.Model))).Select(workload => Measure(workload.Model, workload.Images, launchers))];
        var exchanges = launchers.ToDictionary(launcher => launcher, launcher => _exchangingRanks.ToDictionary(ranks => ranks, ranks => Exchanges(launcher, ranks)));
        new ScaleReport(machine, figures, exchanges).Write();
        return figures.Count == _workloads.Length ? 0 : 1;
    }

    private static ScaleFigures Measure(string model, int images, string[] launchers)
    {
        string imagesFile = Images.Prepare(OnnxModel.Load(Workload.ModelFile(model)), images);
        var (all, half, two) = (new ScaleAssignment(0, model, imagesFile, images), new ScaleAssignment(0, model, imagesFile, images / 2), new ScaleAssignment(2, model, imagesFile, images));
        List<ScaleJob> jobs = [];
        try
        {
            jobs.Add(ScaleJob.Alone("one process", 1, all));
            jobs.Add(ScaleJob.Alone("one process, half of the images", 1, half));
            jobs.Add(ScaleJob.Alone("two processes that know nothing of each other", 2, half));
            jobs.AddRange(launchers.Select(launcher => ScaleJob.Under(launcher, $"two ranks, {launcher}", two)));
            jobs.Add(ScaleJob.Under(launchers[0], $"two ranks, {launchers[0]}, not compared", two with { Compares = false }));
            for (int round = 0; round < Rounds; round++)
            {
                jobs.ForEach(job => job.DoRound());
                Console.WriteLine($"{model}, round {round + 1} of {Rounds}: {string.Join(", ", jobs.Select(job => $"{job.Rounds[^1].Ms:0}"))} ms");
            }
        }
        finally
        {
            jobs.ForEach(job => job.Dispose());
        }
        string[] models = [.. jobs.Where(job => job.Name.Contains("ranks", StringComparison.Ordinal)).Prepend(jobs[0]).SelectMany(job => job.Rounds).SelectMany(round => round.Answers).Select(answer => answer.Sha256).Distinct()];
        if (models.Length != 1) throw new InvalidOperationException($"{model}: ranks and one process wrote {models.Length} different models.");
        return new ScaleFigures(model, images, jobs[0], jobs[1], jobs[2], [.. jobs.Skip(3).SkipLast(1)], jobs[^1]);
    }

    private static IReadOnlyList<ExchangeTime> Exchanges(string launcher, int ranks)
    {
        string model = Repository.Model("digits-cnn.onnx");
        using ScaleJob job = ScaleJob.Under(launcher, $"{ranks} ranks, {launcher}", new ScaleAssignment(ranks, "digits-cnn", Images.Prepare(OnnxModel.Load(model), _workloads[^1].Images), 64 * ranks));
        return job.MeasureExchanges();
    }

    private static bool IsInstalled(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
