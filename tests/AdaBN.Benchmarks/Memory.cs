using System.Diagnostics;
using System.Globalization;
using System.Text;
using AdaBN.Onnx;
using AdaBN.Storage;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks;

/// <summary>
/// The memory foretold (<c>adabn adapt --dry-run</c>) against the peak of a process that does it, what temporary files cost in time, and what
/// activations in half precision cost in exactness. Writes memory.md.
/// </summary>
internal static class Memory
{
    private const int Rounds = 5;

    public static int Run()
    {
        string[] models = ["resnet20", "resnet18", "resnet50", "mobilenet_v2", "densenet121"];
        Python.ExportModels(models, Console.WriteLine);
        var text = new StringBuilder();
        text.AppendLine("## Memory foretold and used");
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"`./build.sh bench --memory` on {Machine.Describe()}. One process each, 10⁶ bytes; the images themselves are read from a file.");
        text.AppendLine();
        text.AppendLine("| model | images | MaxMemory | activations in | foretold | of it activations | peak | peak / foretold | first, ms | later, ms |");
        text.AppendLine("|---|--:|--:|---|--:|--:|--:|--:|--:|--:|");
        foreach (string model in models.Where(model => File.Exists(Workload.ModelFile(model))))
        {
            int images = ImagesOf(model);
            Add(text, model, images, PaperAdaBN.Options);
            if (model != "resnet50") continue;
            Add(text, model, 4 * images, PaperAdaBN.Options);
            Add(text, model, 4 * images, PaperAdaBN.Options with { MaxMemory = 256 << 20 });
            Add(text, model, 4 * images, PaperAdaBN.Options with { HalfPrecisionActivations = true });
        }
        text.AppendLine();
        text.AppendLine(CostOfFiles("resnet50"));
        foreach (string model in models.Where(model => File.Exists(Workload.ModelFile(model)))) text.AppendLine(ErrorOfHalves(model));
        Results.Write("memory", text.ToString());
        return 0;
    }

    /// <summary>In a process of its own: adapts and tells its peak then, and the time of this first adaptation and of later ones.</summary>
    public static int Measure(string model, string imagesFile, string maxMemory, string halves)
    {
        var options = PaperAdaBN.Options with
        {
            MaxMemory = maxMemory.Length > 0 ? long.Parse(maxMemory, CultureInfo.InvariantCulture) : null,
            HalfPrecisionActivations = bool.Parse(halves),
        };
        OnnxModel loaded = OnnxModel.Load(Workload.ModelFile(model));
        double Adapt()
        {
            long start = Stopwatch.GetTimestamp();
            BatchNormAdapter.Adapt(loaded, NpyFile.Open(imagesFile), options).Model.ToBytes();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        double first = Adapt();
        using var process = Process.GetCurrentProcess();
        long peak = process.PeakWorkingSet64;
        double later = Contestant.Median([.. Enumerable.Range(0, Rounds).Select(_ => Adapt())]);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{peak} {first} {later}"));
        return 0;
    }

    private static void Add(StringBuilder text, string model, int images, AdaptationOptions options)
    {
        OnnxModel loaded = OnnxModel.Load(Workload.ModelFile(model));
        string imagesFile = Images.Prepare(loaded, images);
        MemoryEstimate estimate = BatchNormAdapter.EstimateMemory(loaded, NpyFile.Open(imagesFile), options);
        string[] arguments = ["--measure-memory", model, imagesFile, options.MaxMemory?.ToString(CultureInfo.InvariantCulture) ?? "", options.HalfPrecisionActivations.ToString()];
        using Process process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardOutput = true })!;
        double[] answer = [.. process.StandardOutput.ReadLine()!.Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
        (double peak, double first, double later) = (answer[0], answer[1], answer[2]);
        process.WaitForExit();
        string limit = options.MaxMemory is { } bytes ? $"{bytes / 1e6:0}" : "default", floats = options.HalfPrecisionActivations ? "float16" : "float32";
        string row = string.Create(CultureInfo.InvariantCulture,
            $"| {model} | {images} | {limit} | {floats} | {estimate.Total / 1e6:0} | {estimate.Activations / 1e6:0} | {peak / 1e6:0} | {peak / estimate.Total:0.00} | {first:0} | {later:0} |");
        text.AppendLine(row);
        Console.WriteLine(row);
    }

    /// <summary>All activations in temporary files against all in RAM, in turn, and whether the bytes are the same.</summary>
    private static string CostOfFiles(string model)
    {
        OnnxModel loaded = OnnxModel.Load(Workload.ModelFile(model));
        NpyFile images = NpyFile.Open(Images.Prepare(loaded, ImagesOf(model)));
        (double Ms, byte[] Bytes) Adapt(long? maxMemory)
        {
            long start = Stopwatch.GetTimestamp();
            AdaptationResult result = BatchNormAdapter.Adapt(loaded, images, PaperAdaBN.Options with { MaxMemory = maxMemory });
            return (Stopwatch.GetElapsedTime(start).TotalMilliseconds, result.Model.ToBytes());
        }
        Adapt(null);
        bool isSame = true;
        var (toFresh, toWarm) = (new double[Rounds], new double[Rounds]);
        for (int round = 0; round < Rounds; round++)
        {
            BlockCache.Trim();
            (double inFreshMemory, byte[] expected) = Adapt(null);
            (double inWarmMemory, _) = Adapt(null);
            (double inFiles, byte[] actual) = Adapt(0);
            (toFresh[round], toWarm[round]) = (inFiles / inFreshMemory, inFiles / inWarmMemory);
            isSame &= expected.AsSpan().SequenceEqual(actual);
        }
        return string.Create(CultureInfo.InvariantCulture,
            $"- {model}, {ImagesOf(model)} images, everything in temporary files: {Contestant.Median(toFresh):0.00} times the time in RAM that the process touches for the first time, " +
            $"{Contestant.Median(toWarm):0.00} times that in RAM still warm from an adaptation before (medians of {Rounds} rounds in turn); {(isSame ? "the same bytes" : "OTHER BYTES")}.");
    }

    private static string ErrorOfHalves(string model)
    {
        OnnxModel loaded = OnnxModel.Load(Workload.ModelFile(model));
        NpyFile images = NpyFile.Open(Images.Prepare(loaded, ImagesOf(model)));
        IReadOnlyList<LayerReport> Layers(bool halves) => BatchNormAdapter.Adapt(loaded, images, PaperAdaBN.Options with { HalfPrecisionActivations = halves }).Report.Layers;
        (double mean, double variance) = (0, 0);
        foreach ((LayerReport exact, LayerReport halved) in Layers(false).Zip(Layers(true)))
        {
            for (int c = 0; c < exact.Channels; c++)
            {
                mean = Math.Max(mean, Math.Abs(halved.TargetMean[c] - exact.TargetMean[c]) / Math.Sqrt(exact.TargetVariance[c]));
                variance = Math.Max(variance, Math.Abs(halved.TargetVariance[c] - exact.TargetVariance[c]) / exact.TargetVariance[c]);
            }
        }
        return string.Create(CultureInfo.InvariantCulture, $"- {model}, activations in float16: largest differences of any channel {mean:0.0e0} sigma (mean), {variance:0.0e0} (variance, relative).");
    }

    private static int ImagesOf(string model) => model == "resnet20" ? 2048 : 64;
}
