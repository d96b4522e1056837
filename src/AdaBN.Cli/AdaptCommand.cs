using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn adapt MODEL --data FOLDER --out OUT.onnx</c>: re-estimates the statistics and writes the adapted model.</summary>
internal static class AdaptCommand
{
    public static Command Create(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output, TimeProvider clock)
    {
        var model = SharedOptions.ModelOrPipeline();
        var step = SharedOptions.Step();
        var data = new Option<string[]>("--data") { Description = $"Unlabeled samples of the new domain: {DataOptions.Kinds}.", Required = true, HelpName = DataOptions.HelpName };
        var input = SharedOptions.Input();
        var destination = new Option<string>("--out") { Description = "Where to write the adapted model; of a pipeline (.zip), the pipeline with it inside, or with a name in .onnx the model alone.", Required = true, HelpName = "OUT.onnx" };
        var settings = new AdaptationArguments();
        var gate = SharedOptions.Gate();
        var singleFile = SharedOptions.SingleFile();
        var dryRun = SharedOptions.DryRun();
        var json = SharedOptions.Json();
        var command = new DocumentedCommand("adapt", "Re-estimate BatchNormalization statistics on unlabeled samples of a new domain.",
            "adabn adapt classifier.onnx --data site42/ --preset imagenet --out classifier.site42.onnx",
            "adabn adapt classifier.onnx --data site42.npy --out classifier.site42.onnx --gate",
            "adabn adapt classifier.onnx --data site42.npy --out classifier.site42.onnx --policy adabn+trimmed:0.1 --max-samples 5000",
            "adabn adapt classifier.onnx --data site42/ --preset imagenet --out classifier.site42.onnx --dry-run")
        {
            model, step, data, input, destination, gate, singleFile, dryRun, json,
        };
        var together = new RankArguments();
        foreach (Option setting in settings.All.Concat(together.All)) command.Add(setting);
        var pixels = new DataOptions(command);
        var html = new HtmlOptions(command, clock);
        command.SetAction((parsed, cancellationToken) => Task.Run(() => together.Run(parsed, errorConsole.Profile.Out.Writer, ranks =>
        {
            string source = parsed.GetValue(model)!, target = parsed.GetValue(destination)!;
            CommandInputs.CheckTarget(source, target);
            foreach (string fed in parsed.GetValue(data)!) CommandInputs.CheckTarget(fed, target, "the data");
            html.Check(parsed, [source, target, .. parsed.GetValue(data)!]);
            ModelFile file = ModelFile.Load(source, parsed.GetValue(step));
            OnnxModel loaded = file.Model;
            AdaptationOptions options = together.Complete(settings.OptionsOf(parsed, loaded, pixels), parsed, ranks);
            OpenedData samples = pixels.Open(parsed, loaded, parsed.GetValue(data)!, parsed.GetValue(input) ?? [], options.MaxSamples).OnlySound(ranks, cancellationToken);
            bool speaks = ranks is null or { Rank: 0 };
            if (parsed.GetValue(dryRun))
            {
                if (!speaks) return AdabnCommand.Success;
                var plan = new DryRun([target, .. html.WouldWrite(parsed)]) { Samples = samples.CountUpTo(options.MaxSamples), Processes = ranks?.Size ?? 1, DividesMemory = ranks is not null && options.MaxMemory is null, Memory = BatchNormAdapter.EstimateMemory(loaded, samples.Samples, options) };
                return plan.Tell(console, parsed.GetValue(json) ? output : null, options.EffectiveMaxMemory);
            }
            AdaptationResult result = ProgressBar.Run(speaks ? errorConsole : Consoles.For(TextWriter.Null), progress => BatchNormAdapter.Adapt(loaded, samples.Samples, options, progress, cancellationToken));
            if (!speaks) return CommandInputs.IsAdvised(parsed.GetValue(gate), result.Report.Verdict) ? AdabnCommand.Success : AdabnCommand.Alert;
            ReportContext? context = html.ContextOf(parsed, [source], parsed.GetValue(data)!, () => samples.Review(loaded, result.Model, result.Report.Samples, cancellationToken));
            samples.TellFindings(errorConsole.Profile.Out.Writer);
            together.TellResumed(parsed, result, errorConsole.Profile.Out.Writer);
            samples.RecordPreprocessing(result.Model);
            bool isAdvised = CommandInputs.IsAdvised(parsed.GetValue(gate), result.Report.Verdict);
            if (isAdvised) file.Save(target, result.Model, parsed.GetValue(singleFile));
            html.Write(parsed, context is null || !isAdvised ? context : context with { Written = HtmlOptions.FileOf(target) }, result.Report.ToHtml);
            together.DeleteState(parsed);
            if (parsed.GetValue(json)) output.WriteLine(JsonText.Of(result.Report.ToJson(), new { Wrote = isAdvised ? target : null }));
            else Print(console, result.Report, isAdvised ? $"wrote {target}" : "wrote nothing (--gate)");
            return isAdvised ? AdabnCommand.Success : AdabnCommand.Alert;
        }), CancellationToken.None));
        return command;
    }

    public static void Print(IAnsiConsole console, AdaptationReport report, string outcome)
    {
        var table = new Table().Border(TableBorder.Minimal).AddColumns("layer", "depth", "channels", "shift (symmetric KL)").KeepingWhole(console, column: 0, report.Layers.Select(layer => layer.Name));
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
