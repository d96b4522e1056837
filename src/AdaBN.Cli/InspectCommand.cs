using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn inspect MODEL</c>: what normalizes in a model, and what an adaptation would do with it.</summary>
internal static class InspectCommand
{
    public static Command Create(IAnsiConsole console, TextWriter output)
    {
        var model = SharedOptions.ModelOrPipeline();
        var step = SharedOptions.Step();
        var reference = SharedOptions.Reference();
        var json = SharedOptions.Json("Print JSON.");
        var command = new DocumentedCommand("inspect", "List a model's normalization layers, and what an adaptation would do with each.",
            "adabn inspect classifier.onnx", "adabn inspect classifier.onnx --json", "adabn inspect folded.onnx --reference folded.reference")
        {
            model, step, reference, json,
        };
        command.SetAction(parsed =>
        {
            OnnxModel loaded = ModelFile.Load(parsed.GetValue(model)!, parsed.GetValue(step)).Model;
            ReferenceStatistics? given = parsed.GetValue(reference) is { } file ? ReferenceStatistics.Load(file) : null;
            IReadOnlyList<NormalizationLayer> layers = NormalizationDiscovery.Inspect(loaded, given);
            IReadOnlyList<ImageOutput> images = NormalizationDiscovery.ImageOutputs(loaded);
            string? fault = given is null ? NormalizationDiscovery.ReferenceFault(loaded) : null;
            if (parsed.GetValue(json)) output.WriteLine(ToJson(loaded, layers, images, fault));
            else Print(console, loaded, layers, images, fault);
            return AdabnCommand.Success;
        });
        return command;
    }

    private static string ToJson(OnnxModel model, IReadOnlyList<NormalizationLayer> layers, IReadOnlyList<ImageOutput> images, string? referenceFault) => JsonText.Of(new
    {
        model.Sha256,
        model.IrVersion,
        model.Opset,
        model.Producer,
        Inputs = model.Graph.RequiredInputs.Select(input => input.ToString()),
        Outputs = model.Graph.Outputs.Select(value => value.ToString()),
        Metadata = model.Metadata.DistinctBy(entry => entry.Key).ToDictionary(entry => entry.Key, entry => entry.Value),
        Layers = layers,
        ImageOutputs = images,
        Verdict = NormalizationVerdict.Of(layers),
        ReferenceFault = referenceFault,
    });

    private static void Print(IAnsiConsole console, OnnxModel model, IReadOnlyList<NormalizationLayer> layers, IReadOnlyList<ImageOutput> images, string? referenceFault)
    {
        console.WriteLine($"opset {model.Opset.ToString(CultureInfo.InvariantCulture)}, made by {(model.Producer.Length > 0 ? model.Producer : "an unnamed tool")}");
        foreach (Value input in model.Graph.RequiredInputs) console.WriteLine($"input  {input}");
        foreach (Value value in model.Graph.Outputs) console.WriteLine($"output {value}");
        foreach ((string key, string text) in model.Metadata.Where(entry => entry.Key.StartsWith("adabn.", StringComparison.Ordinal) && !entry.Key.StartsWith(DomainBank.MetadataPrefix, StringComparison.Ordinal))) console.WriteLine($"{key} {Shortened(text)}");
        if (layers.Count > 0)
        {
            bool isWide = console.IsWide() && layers.Any(layer => layer.Statistics is not null);
            Table table = new Table().Border(TableBorder.Minimal).AddColumns(["#", "layer", "form", "channels", "depth", .. isWide ? ["statistics"] : Array.Empty<string>(), "adapt"])
                .KeepingWhole(console, column: 1, layers.Select(layer => layer.Name));
            foreach (NormalizationLayer layer in layers)
            {
                table.AddRow([
                    layer.Index.ToString(CultureInfo.InvariantCulture), Markup.Escape(layer.Name), Markup.Escape(layer.Spelling is { } spelling ? $"{layer.Form}, {spelling}" : layer.Form),
                    Number(layer.Channels), Number(layer.Depth), .. isWide ? [Markup.Escape(layer.Statistics ?? "–")] : Array.Empty<string>(), layer.CanAdapt ? "yes" : "no"]);
            }
            console.Write(table);
        }
        foreach (IGrouping<string, NormalizationLayer> alike in layers.Where(layer => !layer.CanAdapt).GroupBy(Advice))
            console.WriteLine($"not {string.Join(", ", alike.Select(layer => $"#{layer.Index.ToString(CultureInfo.InvariantCulture)}"))}: {alike.Key}");
        console.WriteLine(NormalizationVerdict.Of(layers));
        if (DomainBank.IsBank(model)) console.WriteLine("note: this is a bank of domains around its source model; 'adabn bank list' lists them, 'adabn bank add' adapts to one more.");
        if (referenceFault is not null) console.WriteLine($"note: as it stands, adapting is refused. {referenceFault}");
        foreach (ImageOutput image in images.Where(_ => layers.Any(layer => layer.CanAdapt)))
        {
            console.WriteLine($"note: output '{image.Name}' {(image.IsSure ? "is" : "may be")} a picture: {image.Because}. Adapted, it would have the source domain's contrast" +
                (image.IsSure ? "; adabn adapt does so only with --allow-image-output." : "."));
        }
    }

    private static string Advice(NormalizationLayer layer) => layer.Mend is { } mend ? $"{layer.DeclinedBecause}. Mend: {mend}" : layer.DeclinedBecause!;

    private static string Shortened(string text)
    {
        const int longest = 100;
        return text.Length <= longest ? text : string.Create(CultureInfo.InvariantCulture, $"({text.Length} characters)");
    }

    private static string Number(int? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "–";
}
