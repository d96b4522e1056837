using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn compare MODEL MODEL2</c>: what differs between two models, and whether it is statistics alone.</summary>
internal static class CompareCommand
{
    private const int LinesShown = 20, LongestText = 60;

    public static Command Create(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output)
    {
        Argument<string> first = SharedOptions.Model(), second = new("MODEL2") { Description = "Another ONNX file, such as MODEL adapted." };
        var channels = new Option<int>("--channels") { Description = "Of each layer, list the so many channels that moved most, too.", HelpName = "N" };
        var data = new Option<string?>("--data") { Description = $"Run both models on samples and compare their class scores: {DataOptions.Kinds}.", HelpName = DataOptions.HelpName };
        Option<long?> domain = SharedOptions.Domain();
        var failOnDifference = new Option<bool>("--fail-on-difference") { Description = string.Create(CultureInfo.InvariantCulture, $"End with exit code {AdabnCommand.Alert} where anything differs.") };
        var failOnOther = new Option<bool>("--fail-on-other") { Description = string.Create(CultureInfo.InvariantCulture, $"End with exit code {AdabnCommand.Alert} where anything but statistics (and notes of this tool in the metadata) differs.") };
        Option<bool> json = SharedOptions.Json();
        var command = new DocumentedCommand("compare", "Tell what differs between two models: statistics of layers, tensors, nodes, metadata; what is not told is the same, byte for byte.",
            "adabn compare classifier.onnx classifier.site42.onnx --fail-on-other",
            "adabn compare classifier.onnx classifier.site42.onnx --channels 3",
            "adabn compare classifier.onnx classifier.site42.onnx --data site42.npy --json")
        {
            first, second, channels, data, domain, failOnDifference, failOnOther, json,
        };
        var pixels = new DataOptions(command);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string[] files = [parsed.GetValue(first)!, parsed.GetValue(second)!];
            int most = parsed.GetValue(channels);
            if (most < 0) throw new ArgumentException($"--channels is {most.ToString(CultureInfo.InvariantCulture)}, expected a number from 0.");
            OnnxModel[] models = [.. files.Select(CommandInputs.Load)];
            ModelComparison found = ModelComparison.Of(models[0], models[1]);
            if (parsed.GetValue(data) is { } path)
            {
                ScorableModel[] scorable = [.. files.Select(file => ScorableModel.Load(file))];
                ScoredSamples[] scored = [.. scorable.Select((model, i) =>
                {
                    OpenedData samples = pixels.Open(parsed, model.Pictured, [path], [], twin: scorable[1 - i].Pictured);
                    long? picked = scorable.Any(any => any.TakesDomain) && !model.TakesDomain ? null : parsed.GetValue(domain); // of a plain model and a bank, the bank's
                    ScoredSamples scores = ProgressBar.Run(errorConsole, progress => ModelEvaluation.Score(model.Model, samples.Samples, picked, progress, cancellationToken), "scoring");
                    if (i == 0) samples.TellFindings(errorConsole.Profile.Out.Writer);
                    return scores;
                })];
                found = found with { Scores = ScoreComparison.Of(scored[0], scored[1]) };
            }
            if (parsed.GetValue(json)) output.WriteLine(found.ToJson());
            else Print(console, found, most);
            bool fails = (parsed.GetValue(failOnDifference) && !found.AreEqual) || (parsed.GetValue(failOnOther) && !found.OnlyStatistics);
            return fails ? AdabnCommand.Alert : AdabnCommand.Success;
        }, CancellationToken.None));
        return command;
    }

    private static void Print(IAnsiConsole console, ModelComparison found, int channels)
    {
        LayerChange[] changed = [.. found.Layers.Where(layer => layer.HasChanged).OrderByDescending(layer => layer.Figures.Wasserstein)];
        if (changed.Length > 0) console.Write(LayerTable(changed).KeepingWhole(console, column: 0, changed.Select(layer => layer.Name)));
        if (changed.Length > LinesShown) console.WriteLine(Text($"… and {changed.Length - LinesShown} layers that moved less (--json lists them)."));
        if (channels > 0 && changed.Length > 0) console.Write(ChannelTable(changed, channels).KeepingWhole(console, column: 0, changed.Select(layer => layer.Name)));
        if (found.Tensors.Count > 0) console.Write(TensorTable(found.Tensors).KeepingWhole(console, column: 0, found.Tensors.Select(tensor => tensor.Name)));
        Tell(console, found.Nodes.Select(node =>
            $"node {node.OpType} '{node.Name}'{(node.Graph is { } graph ? $" ({graph})" : "")} {InWords(node.Kind)}{(node.Changes.Count > 0 ? $": {string.Join(", ", node.Changes)}" : "")}"));
        Tell(console, found.Domains.Select(domain => Text($"domain {domain.Id} {InWords(domain)}")));
        Tell(console, found.Metadata.Select(entry => $"metadata {entry.Key}: {Quoted(entry.Before)} → {Quoted(entry.After)}"));
        foreach (string other in found.Other) console.WriteLine($"also: {other}");
        if (found.Layers.Count > 0) console.WriteLine(Text($"statistics differ in {changed.Length} of {found.Layers.Count} layers ({found.Statistics.Count} tensors)"));
        if (found.Scores is { } scores)
        {
            console.WriteLine(Text(
                $"{scores.Same} of {scores.Samples} samples ({100 * scores.Agreement:0.0} %) are taken for the same class; scores differ by {scores.Largest:g3} at most (sample {scores.LargestSample}), by {scores.Mean:g3} on average"));
        }
        console.WriteLine(found switch
        {
            { AreEqual: true } when found.FirstSha256 == found.SecondSha256 => "the files are equal, byte for byte",
            { AreEqual: true } => "the models are equal; their files write the same in other bytes",
            { OnlyStatistics: true } => "nothing else differs: every other tensor, node and field is the same, byte for byte",
            _ => "more than statistics differs; what is not listed is the same, byte for byte",
        });
    }

    private static Table LayerTable(LayerChange[] changed)
    {
        var table = new Table().Border(TableBorder.Minimal).AddColumns("layer", "depth", "channels", "shift", "largest", "variance ratio");
        foreach (LayerChange layer in changed.Take(LinesShown))
        {
            table.AddRow(Markup.Escape(layer.Name), layer.Depth?.ToString(CultureInfo.InvariantCulture) ?? "–", Text($"{layer.Channels.Count}"), Text($"{layer.Figures.Wasserstein:0.000}"),
                Text($"{layer.Channels.Max(channel => channel.Wasserstein):0.000}"), Text($"{layer.VarianceRatio:0.000}"));
        }
        return table;
    }

    private static Table ChannelTable(LayerChange[] changed, int channels)
    {
        var table = new Table().Border(TableBorder.Minimal).AddColumns("layer", "channel", "shift", "mean moved", "variance ratio");
        foreach (LayerChange layer in changed.Take(LinesShown))
        {
            foreach ((int channel, ChannelShift shift) in layer.Channels.Index().OrderByDescending(one => one.Item.Wasserstein).Take(channels))
                table.AddRow(Markup.Escape(layer.Name), Text($"{channel}"), Text($"{shift.Wasserstein:0.000}"), Text($"{shift.MeanShift:+0.000;-0.000;0.000}"), Text($"{Math.Exp(shift.LogVarianceRatio):0.000}"));
        }
        return table;
    }

    private static Table TensorTable(IReadOnlyList<TensorDifference> tensors)
    {
        var table = new Table().Border(TableBorder.Minimal).AddColumns("tensor", "form", "differing", "largest", "mean");
        foreach (TensorDifference tensor in tensors.Take(LinesShown))
        {
            string form = tensor.Kind != DifferenceKind.Changed ? $"{InWords(tensor.Kind)}: {tensor.Before ?? tensor.After}" : tensor.Before == tensor.After ? tensor.After! : $"{tensor.Before} → {tensor.After}";
            string differing = tensor.Differing switch { null => "–", 0 => "stored otherwise", var count => Text($"{count} of {tensor.Elements}") };
            table.AddRow(Markup.Escape(tensor.Graph is { } graph ? $"{tensor.Name} ({graph})" : tensor.Name), Markup.Escape(form), differing, Figure(tensor.Largest), Figure(tensor.Mean));
        }
        if (tensors.Count > LinesShown) table.Caption(Text($"… and {tensors.Count - LinesShown} more (--json lists them)"));
        return table;
    }

    private static void Tell(IAnsiConsole console, IEnumerable<string> lines)
    {
        string[] all = [.. lines];
        foreach (string line in all.Take(LinesShown)) console.WriteLine(line);
        if (all.Length > LinesShown) console.WriteLine(Text($"… and {all.Length - LinesShown} more (--json lists them)"));
    }

    private static string InWords(DomainDifference domain) => domain switch
    {
        { Before: null } => $"'{domain.After}' added",
        { After: null } => $"'{domain.Before}' removed",
        _ when domain.Before == domain.After => $"'{domain.After}': other statistics",
        _ => $"'{domain.Before}' is now '{domain.After}'",
    };

    private static string Quoted(string? text) => text switch
    {
        null => "nothing",
        { Length: > LongestText } => Text($"({text.Length} characters)"),
        _ => $"'{text}'",
    };

    private static string Figure(double? figure) => figure is { } number ? Text($"{number:g3}") : "–";

    private static string InWords(DifferenceKind kind) => kind.ToString().ToLowerInvariant();

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
