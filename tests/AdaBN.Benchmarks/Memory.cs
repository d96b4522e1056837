using System.Diagnostics;
using System.Globalization;
using System.Text;
using AdaBN.Onnx;

namespace AdaBN.Benchmarks;

/// <summary>The memory foretold (<c>adabn adapt --dry-run</c>) against the peak of a process that does it. Writes memory.md.</summary>
internal static class Memory
{
    public static int Run()
    {
        string[] models = ["resnet20", "resnet18", "resnet50", "mobilenet_v2", "densenet121"];
        Python.ExportModels(models, Console.WriteLine);
        var text = new StringBuilder();
        text.AppendLine("## Memory foretold and used");
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"`./build.sh bench --memory` on {Machine.Describe()}. One process each, 10⁶ bytes; the images themselves are read from a file.");
        text.AppendLine();
        text.AppendLine("| model | images | MaxMemory | foretold | of it activations | peak | peak / foretold |");
        text.AppendLine("|---|--:|--:|--:|--:|--:|--:|");
        foreach (string model in models.Where(model => File.Exists(Workload.ModelFile(model))))
        {
            int images = model == "resnet20" ? 2048 : 64;
            Add(text, model, images, null);
            if (model != "resnet50") continue;
            Add(text, model, 4 * images, null);
            Add(text, model, 4 * images, 256L << 20);
        }
        Results.Write("memory", text.ToString());
        return 0;
    }

    /// <summary>In a process of its own: adapts and tells its peak.</summary>
    public static int Measure(string model, string imagesFile, string maxMemory)
    {
        AdaptationOptions options = new() { MaxMemory = maxMemory.Length > 0 ? long.Parse(maxMemory, CultureInfo.InvariantCulture) : null };
        BatchNormAdapter.Adapt(OnnxModel.Load(Workload.ModelFile(model)), NpyFile.Open(imagesFile), options).Model.ToBytes();
        using var process = Process.GetCurrentProcess();
        Console.WriteLine(process.PeakWorkingSet64.ToString(CultureInfo.InvariantCulture));
        return 0;
    }

    private static void Add(StringBuilder text, string model, int images, long? maxMemory)
    {
        OnnxModel loaded = OnnxModel.Load(Workload.ModelFile(model));
        string imagesFile = Images.Prepare(loaded, images);
        MemoryEstimate estimate = BatchNormAdapter.EstimateMemory(loaded, NpyFile.Open(imagesFile), new AdaptationOptions { MaxMemory = maxMemory });
        string[] arguments = ["--measure-memory", model, imagesFile, maxMemory?.ToString(CultureInfo.InvariantCulture) ?? ""];
        using Process process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardOutput = true })!;
        long peak = long.Parse(process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        process.WaitForExit();
        string row = string.Create(CultureInfo.InvariantCulture,
            $"| {model} | {images} | {(maxMemory is { } limit ? $"{limit / 1e6:0}" : "default")} | {estimate.Total / 1e6:0} | {estimate.Activations / 1e6:0} | {peak / 1e6:0} | {(double)peak / estimate.Total:0.00} |");
        text.AppendLine(row);
        Console.WriteLine(row);
    }
}
