using AdaBN.TestSupport;

namespace AdaBN.Benchmarks;

/// <summary>A model and how much work it is measured on.</summary>
/// <param name="Model">The shipped model, or one that export_models.py writes.</param>
/// <param name="Images">Images of one pass.</param>
/// <param name="Batch">
/// Images that PyTorch and the in-graph way take at a time: their statistics are batch averages, so this is part of what they compute.
/// </param>
/// <param name="NaiveImages">Images that the naive way gets; its time is scaled up to <paramref name="Images"/>.</param>
/// <param name="Rounds">Rounds of most systems; the ratios' medians are over these.</param>
/// <param name="SlowRounds">Rounds of the naive way and of PyTorch.</param>
/// <param name="IsScored">Whether ML.NET's row-wise scoring is measured too.</param>
internal sealed record Workload(string Model, int Images, int Batch, int NaiveImages, int Rounds, int SlowRounds, bool IsScored = false)
{
    public static IReadOnlyList<Workload> Full { get; } =
    [
        new("mlp", 16384, 64, 1024, 5, 3, IsScored: true),
        new("digits-cnn", 8192, 64, 512, 5, 3, IsScored: true),
        new("resnet20", 2048, 64, 64, 5, 3, IsScored: true),
        new("resnet18", 64, 32, 8, 5, 3),
        new("resnet50", 64, 32, 4, 5, 3),
        new("mobilenet_v2", 64, 32, 8, 5, 3),
        new("densenet121", 64, 32, 4, 5, 2),
    ];

    public static IReadOnlyList<Workload> Quick { get; } =
    [
        new("digits-cnn", 2048, 64, 128, 3, 3, IsScored: true),
        new("resnet20", 256, 64, 32, 3, 3, IsScored: true),
    ];

    public static string Folder { get; } = Path.Combine(Repository.Root, "artifacts", "bench");

    /// <summary>Whether the model is in the repository; the others are exported by a script.</summary>
    public static bool IsShipped(string model) => File.Exists(Repository.Model($"{model}.onnx"));

    public static string ModelFile(string model) => IsShipped(model) ? Repository.Model($"{model}.onnx") : Exported($"{model}.onnx");

    /// <summary>The model with every BatchNormalization in training mode.</summary>
    public static string BatchStatisticsFile(string model) => Exported($"{model}_batchstats.onnx");

    /// <summary>The model's weights for PyTorch.</summary>
    public static string WeightsFile(string model) => Exported($"{model}.pt");

    public static string ExportFolder => Path.Combine(Folder, "models");

    private static string Exported(string file) => Path.Combine(ExportFolder, file);
}
