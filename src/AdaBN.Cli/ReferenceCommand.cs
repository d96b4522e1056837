using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn reference MODEL --data FOLDER --out FILE</c>: measures what adaptations need of a model whose BatchNormalization was folded, or that has none.</summary>
internal static class ReferenceCommand
{
    public static Command Create(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output)
    {
        var model = SharedOptions.Model();
        var data = new Option<string[]>("--data") { Description = $"Unlabeled samples of the source domain, such as training images: {DataOptions.Kinds}.", Required = true, HelpName = DataOptions.HelpName };
        var input = SharedOptions.Input();
        var file = new Option<string?>("--out") { Description = "Where to write the reference.", HelpName = "FILE" };
        var embedded = new Option<string?>("--embed") { Description = "Where to write a copy of the model that carries the reference in its metadata.", HelpName = "OUT.onnx" };
        var maxSamples = SharedOptions.MaxSamples();
        var skip = SharedOptions.Skip("Leave out");
        var also = new Option<string[]>("--also") { Description = "Measure the layer of this name although no BatchNormalization seems folded into it; may be given several times.", HelpName = "LAYER" };
        var inputs = new Option<bool>("--pixels") { Description = "Measure the model's inputs instead of layers, for models without BatchNormalization: adaptations then align each channel of the pixels (--skip takes names of inputs)." };
        Option<bool> dryRun = SharedOptions.DryRun(), json = SharedOptions.Json("Print what was measured as JSON.");
        var command = new DocumentedCommand("reference", "Measure the source statistics of layers that BatchNormalization was folded into, once for all adaptations.",
            "adabn reference folded.onnx --data training/ --preset imagenet --out folded.reference",
            "adabn reference folded.onnx --data training.npy --embed folded.reference.onnx",
            "adabn reference folded.onnx --pixels --data training.npy --out pixels.reference")
        {
            model, data, input, file, embedded, maxSamples, skip, also, inputs, dryRun, json,
        };
        command.Validators.Add(parsed =>
        {
            if (parsed.GetResult(file) is null && parsed.GetResult(embedded) is null) parsed.AddError("Give --out FILE, --embed OUT.onnx, or both.");
            if (parsed.GetValue(inputs) && parsed.GetResult(also) is not null) parsed.AddError("--also names a layer, but --pixels measures inputs only; leave one of the two out.");
        });
        var pixels = new DataOptions(command);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string source = parsed.GetValue(model)!;
            string[] targets = [.. new[] { parsed.GetValue(file), parsed.GetValue(embedded) }.OfType<string>()];
            if (targets.Length == 2 && Path.GetFullPath(targets[0]) == Path.GetFullPath(targets[1])) throw new ArgumentException("--out and --embed name one file; give two.");
            foreach (string target in targets) CommandInputs.CheckTarget(source, target);
            OnnxModel loaded = CommandInputs.Load(source);
            bool ofPixels = parsed.GetValue(inputs);
            var options = new AdaptationOptions { MaxSamples = parsed.GetValue(maxSamples), LayerFilter = FilterOf(loaded, ofPixels, parsed.GetValue(skip) ?? [], parsed.GetValue(also) ?? []) };
            OpenedData samples = pixels.Open(parsed, loaded, parsed.GetValue(data)!, parsed.GetValue(input) ?? [], options.MaxSamples);
            if (parsed.GetValue(dryRun)) return new DryRun(targets) { Samples = samples.CountUpTo(options.MaxSamples) }.Tell(console, parsed.GetValue(json) ? output : null);
            ReferenceStatistics reference = ProgressBar.Run(errorConsole, progress => ofPixels
                ? ReferenceStatistics.MeasurePixels(loaded, samples.Samples, options, progress, cancellationToken) : ReferenceStatistics.Measure(loaded, samples.Samples, options, progress, cancellationToken), "measuring");
            samples.TellFindings(errorConsole.Profile.Out.Writer);
            if (parsed.GetValue(file) is { } path) reference.Save(path);
            if (parsed.GetValue(embedded) is { } carrier)
            {
                reference.EmbedIn(loaded);
                samples.RecordPreprocessing(loaded);
                loaded.Save(carrier);
            }
            if (parsed.GetValue(json)) output.WriteLine(JsonText.Of(new { ModelSha256 = loaded.Sha256, reference.Samples, Layers = reference.Layers.Select(layer => new { layer.Name, Channels = layer.Mean.Count }), Wrote = targets }));
            else console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{reference.Layers.Count} {(ofPixels ? "input(s)" : "layers")} measured on {reference.Samples} samples; wrote {string.Join(" and ", targets)}"));
            return AdabnCommand.Success;
        }, CancellationToken.None));
        return command;
    }

    private static Func<NormalizationLayer, bool>? FilterOf(OnnxModel model, bool ofPixels, string[] skipped, string[] added)
    {
        if (skipped.Length == 0 && added.Length == 0) return null;
        IReadOnlyList<NormalizationLayer> measurable = ofPixels ? ReferenceStatistics.MeasurableInputs(model) : ReferenceStatistics.Measurable(model);
        string[] unknown = [.. skipped.Concat(added).Except(measurable.Select(layer => layer.Name))];
        if (unknown.Length > 0) throw new ArgumentException($"--skip, --also: no {(ofPixels ? "input" : "layer")} named {string.Join(", ", unknown)} can be measured; 'adabn inspect' lists those that can.");
        return layer => (layer.CanAdapt || added.Contains(layer.Name)) && !skipped.Contains(layer.Name);
    }
}
