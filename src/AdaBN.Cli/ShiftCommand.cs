using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn shift MODEL --data FOLDER</c>: how far images lie from the model's source domain, layer by layer; changes nothing.</summary>
internal static class ShiftCommand
{
    private const int LayersShown = 20;

    public static Command Create(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output, TimeProvider clock)
    {
        var model = SharedOptions.ModelOrPipeline();
        var step = SharedOptions.Step();
        var data = new Option<string[]>("--data") { Description = $"Unlabeled samples to look at: {DataOptions.Kinds}.", Required = true, HelpName = DataOptions.HelpName };
        var source = new Option<string[]>("--source") { Description = "Samples of the source domain to compare with, one for each --data; default: the statistics in the model.", HelpName = DataOptions.HelpName };
        var input = SharedOptions.Input();
        var mmd = new Option<bool>("--mmd") { Description = "Compare how channels go together, too (maximum mean discrepancy, needs --source; slow for wide layers)." };
        var reference = SharedOptions.Reference();
        var threshold = new Option<double?>("--threshold")
        {
            Description = string.Create(CultureInfo.InvariantCulture, $"Drift is a shift surely larger than this, in standard deviations of the source; default: {ShiftOptions.ThresholdAgainstFile}, with --source {ShiftOptions.ThresholdAgainstSamples}."), HelpName = "T",
        };
        var maxSamples = SharedOptions.MaxSamples();
        var skip = SharedOptions.Skip("Leave out");
        var threads = SharedOptions.Threads();
        var json = SharedOptions.Json($"Print the report as JSON ({ShiftReport.JsonSchema}).");
        var failOnDrift = new Option<bool>("--fail-on-drift") { Description = string.Create(CultureInfo.InvariantCulture, $"End with exit code {AdabnCommand.Alert} where a layer has drifted.") };
        var command = new DocumentedCommand("shift", "Tell how far samples lie from the model's source domain in each layer; writes nothing.",
            "adabn shift classifier.onnx --data today/ --preset imagenet --fail-on-drift",
            "adabn shift classifier.onnx --data today.npy --source training.npy --mmd",
            "adabn shift classifier.onnx --data today.npy --threshold 0.5 --json")
        {
            model, step, data, source, input, mmd, reference, threshold, maxSamples, skip, threads, json, failOnDrift,
        };
        var pixels = new DataOptions(command);
        var html = new HtmlOptions(command, clock);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            html.Check(parsed, [parsed.GetValue(model)!, .. parsed.GetValue(data)!, .. parsed.GetValue(source) ?? []]);
            OnnxModel loaded = ModelFile.Load(parsed.GetValue(model)!, parsed.GetValue(step)).Model;
            ReferenceStatistics? statistics = parsed.GetValue(reference) is { } file ? ReferenceStatistics.Load(file) : null;
            string[] inputs = parsed.GetValue(input) ?? [], sources = parsed.GetValue(source) ?? [];
            long? most = parsed.GetValue(maxSamples);
            OpenedData? sourceSamples = sources.Length > 0 ? pixels.OpenOther(parsed, loaded, sources, inputs, "--source", most) : null;
            var options = new ShiftOptions
            {
                SourceSamples = sourceSamples?.Samples,
                Mmd = parsed.GetValue(mmd),
                Threshold = parsed.GetValue(threshold),
                Measuring = new AdaptationOptions
                {
                    Reference = statistics,
                    MaxSamples = most,
                    Workers = parsed.GetValue(threads),
                    LayerFilter = CommandInputs.FilterOf(loaded, statistics, parsed.GetValue(skip) ?? []),
                },
            };
            OpenedData samples = pixels.Open(parsed, loaded, parsed.GetValue(data)!, inputs, most);
            ShiftReport report = ProgressBar.Run(errorConsole, progress => DomainShift.Measure(loaded, samples.Samples, options, progress, cancellationToken));
            html.Write(parsed, html.ContextOf(parsed, [parsed.GetValue(model)!], parsed.GetValue(data)!, () => samples.Review(loaded, adapted: null, report.Samples, cancellationToken)), report.ToHtml);
            foreach (OpenedData read in new[] { samples, sourceSamples }.OfType<OpenedData>()) read.TellFindings(errorConsole.Profile.Out.Writer);
            if (parsed.GetValue(json)) output.WriteLine(report.ToJson());
            else Print(console, report);
            return report.HasDrifted && parsed.GetValue(failOnDrift) ? AdabnCommand.Alert : AdabnCommand.Success;
        }, CancellationToken.None));
        return command;
    }

    private static void Print(IAnsiConsole console, ShiftReport report)
    {
        bool isWide = console.IsWide();
        Table table = new Table().Border(TableBorder.Minimal).AddColumns(["layer", "depth", "channels", "shift", "± error", .. isWide ? ["mean", "log variance", "symmetric KL"] : Array.Empty<string>()])
            .KeepingWhole(console, column: 0, report.Layers.Select(layer => layer.Name));
        if (report.Layers[0].Mmd is not null) table.AddColumn("MMD");
        table.AddColumn("drift");
        foreach (LayerShift layer in report.Layers.Take(LayersShown))
        {
            table.AddRow([
                Markup.Escape(layer.Name), layer.Depth.ToString(CultureInfo.InvariantCulture), layer.Channels.Count.ToString(CultureInfo.InvariantCulture), Number(layer.Figures.Wasserstein), Number(layer.StandardError),
                .. isWide ? [Number(layer.Figures.MeanShift), Number(layer.Figures.LogVarianceRatio), Number(layer.Figures.SymmetricKL)] : Array.Empty<string>(),
                .. layer.Mmd is { } mmd ? [mmd.ToString("g3", CultureInfo.InvariantCulture)] : Array.Empty<string>(), layer.HasDrifted ? "yes" : "no"]);
        }
        console.Write(table);
        if (report.Layers.Count > LayersShown) console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"… and {report.Layers.Count - LayersShown} layers that moved less (--json lists them)."));
        foreach (string finding in report.Findings) console.WriteLine($"note: {finding}");
        string against = report.SourceSamples is { } sources ? string.Create(CultureInfo.InvariantCulture, $"{sources} source samples") : "the model's own statistics";
        console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{report.Samples} samples against {against}: {(report.HasDrifted ? $"drift in {report.Layers.Count(layer => layer.HasDrifted)} of" : "no drift in")} {report.Layers.Count} layers, the threshold being {report.Threshold} standard deviations of the source."));
    }

    private static string Number(double number) => number.ToString("0.000", CultureInfo.InvariantCulture);
}
