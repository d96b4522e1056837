using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn rewrite MODEL --to in --out OUT.onnx</c>: puts other normalizations in the place of BatchNormalization.</summary>
internal static class RewriteCommand
{
    public static Command Create(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output)
    {
        var model = SharedOptions.Model();
        var to = new Option<string>("--to")
        {
            Description = "in (instance normalization), bin:RHO (a mix, RHO 1 is the layer as it is), bin (the same, RHO of each channel measured on --data), ibn-a:K (half the channels of the K shallowest layers), adain (computes as in, and keeps the layers).",
            Required = true, HelpName = "KIND",
        };
        var data = new Option<string[]>("--data") { Description = $"For bin: unlabeled samples of the domains that the model shall work on: {DataOptions.Kinds}.", HelpName = DataOptions.HelpName };
        var input = SharedOptions.Input();
        var maxSamples = SharedOptions.MaxSamples();
        var first = new Option<int?>("--first") { Description = "Rewrite the so many shallowest layers only; default: all.", HelpName = "K" };
        var skip = SharedOptions.Skip("Leave as it is");
        var destination = new Option<string>("--out") { Description = "Where to write the rewritten model.", Required = true, HelpName = "OUT.onnx" };
        var singleFile = SharedOptions.SingleFile();
        var json = SharedOptions.Json();
        var command = new Command("rewrite", "Put other normalizations in the place of BatchNormalization. Example: adabn rewrite classifier.onnx --to in --first 1 --out classifier.in.onnx")
        {
            model, to, data, input, maxSamples, first, skip, destination, singleFile, json,
        };
        var pixels = new DataOptions(command);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string source = parsed.GetValue(model)!, target = parsed.GetValue(destination)!, kind = parsed.GetValue(to)!;
            string[] files = parsed.GetValue(data) ?? [];
            CommandInputs.CheckTarget(source, target);
            if ((kind == "bin") != (files.Length > 0)) throw new ArgumentException("--to bin and --data go together: RHO is measured on samples. Other kinds read none.");
            OnnxModel loaded = OnnxModel.Load(source);
            Func<NormalizationLayer, bool>? filter = CommandInputs.FilterOf(loaded, null, parsed.GetValue(skip) ?? []);
            var options = new AdaptationOptions { MaxSamples = parsed.GetValue(maxSamples), LayerFilter = filter };
            OpenedData? samples = kind == "bin" ? pixels.Open(parsed, loaded, files, parsed.GetValue(input) ?? [], options.MaxSamples) : null;
            NormalizationRewrite rewrite = samples is null ? RewriteOf(kind)
                : NormalizationRewrite.ToBatchInstanceNorm(ProgressBar.Run(errorConsole, progress => BatchShare.Measure(loaded, samples.Samples, options, progress, cancellationToken)));
            if (parsed.GetValue(first) is { } layers) rewrite = rewrite.FirstLayers is null ? rewrite with { FirstLayers = layers } : throw new ArgumentException($"--to {kind} says itself how many layers; leave out --first.");
            RewriteResult result = NormalizationRewriter.Rewrite(loaded, rewrite with { LayerFilter = filter });
            samples?.TellFindings(errorConsole.Profile.Out.Writer);
            samples?.RecordPreprocessing(result.Model);
            (parsed.GetValue(singleFile) ? result.Model.ToSingleFile() : result.Model).Save(target);
            if (parsed.GetValue(json)) output.WriteLine(result.Report.ToJson());
            else Print(console, result.Report, target);
            return AdabnCommand.Success;
        }, CancellationToken.None));
        return command;
    }

    private static NormalizationRewrite RewriteOf(string kind) => kind.Split(':') switch
    {
        ["in"] => NormalizationRewrite.ToInstanceNorm,
        ["adain"] => NormalizationRewrite.ToSourceStyle,
        ["bin", var text] when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double share) => NormalizationRewrite.ToBatchInstanceNorm(share),
        ["ibn-a", var text] when int.TryParse(text, CultureInfo.InvariantCulture, out int layers) => NormalizationRewrite.ToInstanceBatchNorm(layers),
        _ => throw new ArgumentException($"--to '{kind}' is none of in, bin:RHO (such as bin:0.5), bin (with --data), ibn-a:K (such as ibn-a:3), adain."),
    };

    private static void Print(IAnsiConsole console, RewriteReport report, string target)
    {
        var table = new Table().Border(TableBorder.Minimal).AddColumns("layer", "depth", "now", "values read or written a sample");
        foreach (RewrittenLayer layer in report.Layers)
            table.AddRow(Markup.Escape(layer.Name), layer.Depth?.ToString(CultureInfo.InvariantCulture) ?? "–", Markup.Escape(layer.LeftBecause is { } reason ? $"as it was: {reason}" : string.Join(", ", layer.Operators)), Traffic(layer));
        console.Write(table);
        foreach (string finding in report.Findings) console.WriteLine($"note: {finding}");
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Layers.Count(layer => layer.LeftBecause is null)} of {report.Layers.Count} layers now {report.Rewrite}; wrote {target}"));
    }

    private static string Traffic(RewrittenLayer layer)
    {
        if (layer is not { Before: { } before, After: { } after }) return "–";
        return after.ValuesPerSample is { } values
            ? string.Create(CultureInfo.InvariantCulture, $"{before.Passes * values:0} → {after.Passes * values:0}")
            : string.Create(CultureInfo.InvariantCulture, $"{before.Passes:0.##} → {after.Passes:0.##} times the layer");
    }
}
