namespace AdaBN.Benchmarks;

/// <summary>What the last runs found, a section a kind of run, together in artifacts/bench/RESULTS.md.</summary>
internal static class Results
{
    private const string Head = """
        # Results

        A copy of `artifacts/bench/RESULTS.md`, which these commands write anew:

            ./build.sh bench
            ./build.sh bench --scaling
            ./build.sh bench --kernels

        The figures alone stand in `speed.json` and `scaling.json` beside it, every round's time in `rounds.json`.

        | system | what it does |
        |---|---|
        | inference | the source model through ONNX Runtime, at the best of eight settings: one caller a core or all cores in one call, batch 1, 4, 16 or 32 |
        | exact | this library, default options: from the model in memory to the adapted model in memory |
        | batch | the in-graph way: every BatchNormalization in training mode, batch statistics averaged; not exact |
        | naive | exact the obvious way, one pass from the images a level; measured on few images and scaled up |
        | pytorch-train | a pass with the BatchNormalization layers in training mode, `momentum=None`; not exact |
        | pytorch-eval | plain inference in PyTorch |
        | scoring-stock, scoring-batched | all rows through ML.NET's own ONNX step; through this library's fitted step |

        Every system runs warm, in a process of its own, on the same images, in memory before the clock starts. All are warm before the first
        round and then take turns, round by round. Times are medians over the rounds (in short ones the pass is repeated); a ratio is the
        median of the rounds' own ratios. Peak is the highest resident memory of the process, runtime and images included.
        """;

    private static readonly string[] _sections = ["speed", "scaling", "kernels"];

    /// <summary>Writes a section anew and prints it.</summary>
    public static void Write(string section, string markdown)
    {
        Directory.CreateDirectory(Workload.Folder);
        File.WriteAllText(FileOf(section), markdown.TrimEnd() + "\n");
        IEnumerable<string> sections = _sections.Select(FileOf).Where(File.Exists).Select(File.ReadAllText);
        File.WriteAllText(Path.Combine(Workload.Folder, "RESULTS.md"), string.Join("\n", sections.Prepend(Head + "\n")));
        Console.WriteLine();
        Console.WriteLine(markdown);
    }

    private static string FileOf(string section) => Path.Combine(Workload.Folder, $"{section}.md");
}
