using AdaBN.Measurement;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace AdaBN.Benchmarks;

/// <summary>
/// The inner loops, on tensors as they come: one image at 224² (shallow, deep), a batch at 32², a batch of rank 2. Writes kernels.md.
/// </summary>
public class KernelBenchmarks
{
    private const int Block = 16;
    private float[] _data = [];

    /// <summary>Rows, channels and positions of the tensor.</summary>
    [Params("1x64x12544", "1x512x49", "32x16x1024", "64x512x1")]
    public string Shape { get; set; } = "";

    private int[] Lengths { get; set; } = [];

    /// <summary>Runs all and writes the table.</summary>
    public static int Run()
    {
        // In this process: BenchmarkDotNet's own projects know nothing of the two ways to the dependencies.
        IConfig config = ManualConfig.CreateEmpty()
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
            .AddColumnProvider(DefaultColumnProviders.Descriptor, DefaultColumnProviders.Params, DefaultColumnProviders.Statistics)
            .AddLogger(ConsoleLogger.Default)
            .AddExporter(MarkdownExporter.GitHub)
            .WithArtifactsPath(Path.Combine(Workload.Folder, "kernels"));
        Summary summary = BenchmarkRunner.Run<KernelBenchmarks>(config);
        if (!summary.Reports.All(report => report.Success)) return 1;
        string table = File.ReadAllText(Directory.EnumerateFiles(summary.ResultsDirectoryPath, "*.md").Single());
        Results.Write("kernels", $"## Kernels\n\n`./build.sh bench --kernels`; `Shape` is rows x channels x positions\n\n{table}");
        return 0;
    }

    /// <summary>Fills the tensor.</summary>
    [GlobalSetup]
    public void Fill()
    {
        Lengths = [.. Shape.Split('x').Select(int.Parse)];
        var random = new Random(1);
        _data = [.. Enumerable.Range(0, Lengths.Aggregate((a, b) => a * b)).Select(_ => random.NextSingle())];
    }

    /// <summary>What has to be beaten: reading the tensor once.</summary>
    [Benchmark(Baseline = true)]
    public float Read() => System.Numerics.Tensors.TensorPrimitives.Sum<float>(_data);

    /// <summary>Mean and centred squares of each channel.</summary>
    [Benchmark]
    public object Moments() => MomentsKernel.Measure(_data, Lengths[0], Lengths[1], Lengths[2]);

    /// <summary>The same, and those of each image kept for a policy that looks at images.</summary>
    [Benchmark]
    public object MomentsOfEachImage() => MomentsKernel.Measure(_data, Lengths[0], Lengths[1], Lengths[2], Lengths[0]);

    /// <summary>The moments in ONNX Runtime's blocked layout.</summary>
    [Benchmark]
    public object MomentsBlocked() => MomentsKernel.MeasureBlocked(_data, Lengths[0], Lengths[1], Lengths[2], Block);

    /// <summary>The same with those of each image.</summary>
    [Benchmark]
    public object MomentsBlockedOfEachImage() => MomentsKernel.MeasureBlocked(_data, Lengths[0], Lengths[1], Lengths[2], Block, Lengths[0]);
}
