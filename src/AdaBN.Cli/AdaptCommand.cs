using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn adapt MODEL --data X.npy --out OUT.onnx</c>: re-estimates the statistics and writes the adapted model.</summary>
internal static class AdaptCommand
{
    public static Command Create(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output)
    {
        var model = SharedOptions.Model();
        var data = new Option<string[]>("--data") { Description = "Unlabeled samples of the new domain: float32 NumPy file, first axis counts samples, preprocessed as the model expects.", Required = true, HelpName = "FILE.npy" };
        var input = SharedOptions.Input();
        var destination = new Option<string>("--out") { Description = "Where to write the adapted model.", Required = true, HelpName = "OUT.onnx" };
        var batchSize = new Option<int?>("--batch-size") { Description = "Samples computed at a time; default: chosen for each stage.", HelpName = "N" };
        var maxMemory = new Option<long?>("--max-memory") { Description = "Megabytes of activations to hold in RAM, the rest in temporary files; default: half of the machine's.", HelpName = "MB" };
        var halfPrecision = new Option<bool>("--half-precision") { Description = "Hold activations between stages as 16-bit floats: half the memory, a little less exact." };
        var maxSamples = SharedOptions.MaxSamples();
        var standardError = new Option<double?>("--standard-error") { Description = "Read only as many samples as give the channel means this standard error (in source standard deviations, worst layer), foretold from the first 64.", HelpName = "ERROR" };
        var policy = new Option<string>("--policy") { Description = "How far to go: auto (chosen by what can be seen without labels), adabn (all the way), keep, mix:SHARE, prior:IMAGES, gate (as far as the shift exceeds the spread between images), gate:cautious. Against outliers, behind any of them: +trimmed:SHARE (of the images), +median:BATCHES.", DefaultValueFactory = _ => "auto", HelpName = "POLICY" };
        var judge = new Option<int>("--judge") { Description = "Images drawn from the data to judge by; 0 judges nothing.", DefaultValueFactory = _ => new AdaptationOptions().JudgementImages, HelpName = "N" };
        var labelled = new Option<string?>("--labelled") { Description = "A few samples of the new domain with known classes, NumPy file as --data: the verdict then rests on measured accuracy. For models with one input.", HelpName = "FILE.npy" };
        var labels = new Option<string?>("--labels") { Description = "Their classes, from 0: a text file of numbers.", HelpName = "FILE" };
        var gate = new Option<bool>("--gate") { Description = $"Write nothing and exit with {AdabnCommand.Alert} where the verdict is to keep the source model or to get more images." };
        var variance = new Option<VarianceKind>("--variance") { Description = "Variance estimator.", DefaultValueFactory = _ => VarianceKind.Population };
        var skip = SharedOptions.Skip("Leave as it is");
        var reference = SharedOptions.Reference();
        var allowImageOutput = new Option<bool>("--allow-image-output") { Description = "Adapt also a model whose output is a picture (super-resolution, generation): it will have the source domain's contrast." };
        var workers = SharedOptions.Workers();
        var singleFile = SharedOptions.SingleFile();
        var dryRun = new Option<bool>("--dry-run") { Description = "Check model and data, foretell the memory, and stop." };
        var json = SharedOptions.Json();
        var command = new Command("adapt", "Re-estimate BatchNormalization statistics on unlabeled samples of a new domain. Example: adabn adapt classifier.onnx --data site42.npy --out classifier.site42.onnx")
        {
            model, data, input, destination, batchSize, maxSamples, standardError, maxMemory, halfPrecision, policy, judge, labelled, labels, gate, variance, skip, reference, allowImageOutput, workers, singleFile, dryRun, json,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string source = parsed.GetValue(model)!, target = parsed.GetValue(destination)!;
            CommandInputs.CheckTarget(source, target);
            OnnxModel loaded = OnnxModel.Load(source);
            ReferenceStatistics? statistics = parsed.GetValue(reference) is { } file ? ReferenceStatistics.Load(file) : null;
            var options = new AdaptationOptions
            {
                Reference = statistics,
                BatchSize = parsed.GetValue(batchSize),
                MaxSamples = parsed.GetValue(maxSamples),
                WantedStandardError = parsed.GetValue(standardError),
                MaxMemory = parsed.GetValue(maxMemory) << 20,
                HalfPrecisionActivations = parsed.GetValue(halfPrecision),
                Policy = PolicyOf(parsed.GetValue(policy)!),
                JudgementImages = parsed.GetValue(judge),
                Labelled = LabelledOf(parsed.GetValue(labelled), parsed.GetValue(labels)),
                Variance = parsed.GetValue(variance),
                AllowImageOutput = parsed.GetValue(allowImageOutput),
                Workers = parsed.GetValue(workers),
                LayerFilter = CommandInputs.FilterOf(loaded, statistics, parsed.GetValue(skip) ?? []),
            };
            ISampleSource samples = CommandInputs.OpenData(parsed.GetValue(data)!, parsed.GetValue(input) ?? []);
            if (parsed.GetValue(dryRun))
            {
                Print(console, BatchNormAdapter.EstimateMemory(loaded, samples, options), options);
                return AdabnCommand.Success;
            }
            AdaptationResult result = ProgressBar.Run(errorConsole, progress => BatchNormAdapter.Adapt(loaded, samples, options, progress, cancellationToken));
            bool isAdvised = !parsed.GetValue(gate) || result.Report.Verdict.Kind is VerdictKind.Adapt or VerdictKind.AdaptPartly;
            if (isAdvised) (parsed.GetValue(singleFile) ? result.Model.ToSingleFile() : result.Model).Save(target);
            if (parsed.GetValue(json)) output.WriteLine(result.Report.ToJson());
            else Print(console, result.Report, isAdvised ? $"wrote {target}" : "wrote nothing (--gate)");
            return isAdvised ? AdabnCommand.Success : AdabnCommand.Alert;
        }, CancellationToken.None));
        return command;
    }

    /// <summary>A policy and what to do about outliers, such as adabn+median:8+trimmed:0.1.</summary>
    private static IAdaptationPolicy PolicyOf(string text)
    {
        string[] wrappers = text.Split('+');
        return wrappers.Skip(1).Aggregate(BasePolicyOf(wrappers[0]), (policy, wrapper) => (wrapper.Split(':'), NumberOf(wrapper)) switch
        {
            (["trimmed"], _) => policy.Trimmed(),
            (["trimmed", _], { } share) => policy.Trimmed(share),
            (["median"], _) => policy.MedianOfBatches(),
            (["median", _], { } batches) when batches == (int)batches => policy.MedianOfBatches((int)batches),
            _ => throw new ArgumentException($"--policy: '+{wrapper}' is neither +trimmed:SHARE (such as +trimmed:0.1) nor +median:BATCHES (such as +median:8)."),
        });
    }

    private static double? NumberOf(string text) =>
        text.Split(':') is [_, var digits] && double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null;

    private static IAdaptationPolicy BasePolicyOf(string text)
    {
        return (text, text.Split(':')[0], NumberOf(text)) switch
        {
            ("auto", _, _) => AdaptationPolicy.Auto(),
            ("adabn", _, _) => AdaptationPolicy.AdaBN,
            ("keep", _, _) => AdaptationPolicy.KeepSource,
            ("gate", _, _) => AdaptationPolicy.Gate(),
            ("gate:cautious", _, _) => AdaptationPolicy.Gate(GateSettings.Cautious),
            (_, "mix", { } share) => AdaptationPolicy.Mix(share),
            (_, "prior", { } images) => AdaptationPolicy.SourcePrior(images),
            _ => throw new ArgumentException($"--policy '{text}' is none of auto, adabn, keep, mix:SHARE (such as mix:0.5), prior:IMAGES (such as prior:16), gate, gate:cautious; behind any of them +trimmed:SHARE or +median:BATCHES."),
        };
    }

    private static LabelledSamples? LabelledOf(string? samples, string? labels)
    {
        if (samples is null && labels is null) return null;
        if (samples is null || labels is null) throw new ArgumentException("--labelled and --labels go together: the samples and their classes.");
        string[] words = File.ReadAllText(labels).Split([' ', ',', ';', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        int[] classes = [.. words.Select((word, i) => int.TryParse(word, CultureInfo.InvariantCulture, out int label) && label >= 0
            ? label : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"--labels {labels}: entry {i + 1} is '{word}', expected the number of a class, from 0.")))];
        return new LabelledSamples(NpyFile.Open(samples, null), classes);
    }

    private static void Print(IAnsiConsole console, MemoryEstimate estimate, AdaptationOptions options)
    {
        static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{(bytes + (1 << 20) - 1) >> 20} MB");
        console.WriteLine($"activations between stages {Megabytes(estimate.Activations)}, at most {Megabytes(options.EffectiveMaxMemory)} of it in RAM; " +
            $"batches under way {Megabytes(estimate.Workspace)}; model {Megabytes(estimate.Model)}; {(estimate.Images > 0 ? $"each image's own moments {Megabytes(estimate.Images)}; " : "")}program {Megabytes(MemoryEstimate.Program)}; together {Megabytes(estimate.Total)}");
    }

    private static void Print(IAnsiConsole console, AdaptationReport report, string outcome)
    {
        var table = new Table().Border(TableBorder.Minimal).AddColumns("layer", "depth", "channels", "shift (symmetric KL)");
        foreach (LayerReport layer in report.Layers)
        {
            table.AddRow(Markup.Escape(layer.Name), layer.Depth.ToString(CultureInfo.InvariantCulture), layer.Channels.ToString(CultureInfo.InvariantCulture),
                layer.Shift.ToString("0.0000", CultureInfo.InvariantCulture));
        }
        console.Write(table);
        console.WriteLine(report.Method);
        foreach (string finding in report.Findings) console.WriteLine($"note: {finding}");
        foreach (string reason in report.Verdict.Reasons) console.WriteLine(reason);
        console.WriteLine($"verdict: {InWords(report.Verdict.Kind)}");
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Layers.Count} layers measured on {report.Samples} samples, standard error {report.Precision.Reached:g2}; {outcome}"));
    }

    private static string InWords(VerdictKind kind) => kind switch
    {
        VerdictKind.Adapt => "use the adapted model",
        VerdictKind.AdaptPartly => "adapted in part; better adapt on a set of all classes",
        VerdictKind.KeepSource => "keep the source model",
        VerdictKind.NeedMoreImages => "get more images",
        VerdictKind.NotJudged => "not judged",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no verdict"),
    };
}
