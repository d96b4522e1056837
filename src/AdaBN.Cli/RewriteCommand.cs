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
            Description = "in (instance normalization), bin:RHO (a mix, RHO 1 is the layer as it is), bin (the same, RHO of each channel measured on --data), ibn-a:K (half the channels of the K shallowest layers), adain (computes as in, and keeps the layers), search (tries all of these in several layers on --data and takes the best, if any is better than the model as it is).",
            Required = true, HelpName = "KIND",
        };
        var data = new Option<string[]>("--data") { Description = $"For bin and search: unlabeled samples of the domains that the model shall work on: {DataOptions.Kinds}.", HelpName = DataOptions.HelpName };
        var input = SharedOptions.Input();
        var maxSamples = SharedOptions.MaxSamples();
        var labelled = SharedOptions.Labelled("search then chooses by cross-validated accuracy");
        var labels = SharedOptions.Labels();
        var first = new Option<int?>("--first") { Description = "Rewrite the so many shallowest layers only; default: all.", HelpName = "K" };
        var skip = SharedOptions.Skip("Leave as it is");
        var destination = new Option<string>("--out") { Description = "Where to write the rewritten model.", Required = true, HelpName = "OUT.onnx" };
        var singleFile = SharedOptions.SingleFile();
        Option<bool> dryRun = SharedOptions.DryRun(), json = SharedOptions.Json();
        var command = new DocumentedCommand("rewrite", "Put other normalizations in the place of BatchNormalization.",
            "adabn rewrite classifier.onnx --to in --first 1 --out classifier.in.onnx",
            "adabn rewrite classifier.onnx --to bin:0.5 --out classifier.bin.onnx",
            "adabn rewrite classifier.onnx --to search --data site42.npy --out classifier.found.onnx")
        {
            model, to, data, input, maxSamples, labelled, labels, first, skip, destination, singleFile, dryRun, json,
        };
        to.CompletionSources.Add("in", "bin", "bin:0.5", "ibn-a:1", "adain", "search");
        var pixels = new DataOptions(command);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string source = parsed.GetValue(model)!, target = parsed.GetValue(destination)!, kind = parsed.GetValue(to)!;
            string[] files = parsed.GetValue(data) ?? [];
            CommandInputs.CheckTarget(source, target);
            if ((kind is "bin" or "search") != (files.Length > 0)) throw new ArgumentException("--to bin or search and --data go together: RHO is measured on samples, and rewrites are compared on them. Other kinds read none.");
            if (kind == "search" && parsed.GetValue(first) is not null) throw new ArgumentException("--to search finds itself how many layers; leave out --first.");
            if (kind != "search" && (parsed.GetValue(labelled) ?? parsed.GetValue(labels)) is not null) throw new ArgumentException("--labelled and --labels are for --to search; other kinds choose nothing.");
            OnnxModel loaded = CommandInputs.Load(source);
            Func<NormalizationLayer, bool>? filter = CommandInputs.FilterOf(loaded, null, parsed.GetValue(skip) ?? []);
            var options = new AdaptationOptions
            {
                MaxSamples = parsed.GetValue(maxSamples),
                LayerFilter = filter,
                Labelled = CommandInputs.LabelledOf(parsed.GetValue(labelled) is { } known ? pixels.OpenWhole(parsed, loaded, known, labelled.Name) : null, parsed.GetValue(labels)),
            };
            OpenedData? samples = files.Length > 0 ? pixels.Open(parsed, loaded, files, parsed.GetValue(input) ?? [], options.MaxSamples) : null;
            if (parsed.GetValue(dryRun))
            {
                if (kind is not ("search" or "bin")) NormalizationRewriter.Rewrite(loaded, WithFirst(RewriteOf(kind), kind, parsed.GetValue(first)) with { LayerFilter = filter });
                return new DryRun(target) { Samples = samples?.CountUpTo(options.MaxSamples) }.Tell(console, parsed.GetValue(json) ? output : null);
            }
            T OnSamples<T>(Func<ISampleSource, IProgress<AdaptationProgress>?, T> work)
            {
                T found = ProgressBar.Run(errorConsole, progress => work(samples!.Samples, progress), kind == "search" ? "searching" : "measuring");
                samples!.TellFindings(errorConsole.Profile.Out.Writer);
                return found;
            }
            void Save(OnnxModel rewritten)
            {
                samples?.RecordPreprocessing(rewritten);
                (parsed.GetValue(singleFile) ? rewritten.ToSingleFile() : rewritten).Save(target);
            }
            if (kind == "search")
            {
                RewriteSearchResult found = OnSamples((samples, progress) => RewriteSearch.Find(loaded, samples, options, progress, cancellationToken));
                if (found.Model is { } best) Save(best);
                if (parsed.GetValue(json)) output.WriteLine(JsonText.Of(found.Report.ToJson(), new { Wrote = found.Model is null ? null : target }));
                else Print(console, found.Report, target);
                return found.Model is null ? AdabnCommand.Alert : AdabnCommand.Success;
            }
            NormalizationRewrite rewrite = kind != "bin" ? RewriteOf(kind)
                : NormalizationRewrite.ToBatchInstanceNorm(OnSamples((samples, progress) => BatchShare.Measure(loaded, samples, options, progress, cancellationToken)));
            RewriteResult result = NormalizationRewriter.Rewrite(loaded, WithFirst(rewrite, kind, parsed.GetValue(first)) with { LayerFilter = filter });
            Save(result.Model);
            if (parsed.GetValue(json)) output.WriteLine(JsonText.Of(result.Report.ToJson(), new { Wrote = target }));
            else Print(console, result.Report, target);
            return AdabnCommand.Success;
        }, CancellationToken.None));
        return command;
    }

    private static NormalizationRewrite WithFirst(NormalizationRewrite rewrite, string kind, int? layers)
    {
        if (layers is null) return rewrite;
        return rewrite.FirstLayers is null ? rewrite with { FirstLayers = layers } : throw new ArgumentException($"--to {kind} says itself how many layers; leave out --first.");
    }

    private static NormalizationRewrite RewriteOf(string kind) => kind.Split(':') switch
    {
        ["in"] => NormalizationRewrite.ToInstanceNorm,
        ["adain"] => NormalizationRewrite.ToSourceStyle,
        ["bin", var text] when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double share) => NormalizationRewrite.ToBatchInstanceNorm(share),
        ["ibn-a", var text] when int.TryParse(text, CultureInfo.InvariantCulture, out int layers) => NormalizationRewrite.ToInstanceBatchNorm(layers),
        _ => throw new ArgumentException($"--to '{kind}' is none of in, bin:RHO (such as bin:0.5), bin (with --data), ibn-a:K (such as ibn-a:3), adain, search (with --data)."),
    };

    private static void Print(IAnsiConsole console, RewriteReport report, string target)
    {
        var table = new Table().Border(TableBorder.Minimal).AddColumns("layer", "depth", "now", "values read or written a sample").KeepingWhole(console, column: 0, report.Layers.Select(layer => layer.Name));
        foreach (RewrittenLayer layer in report.Layers)
            table.AddRow(Markup.Escape(layer.Name), layer.Depth?.ToString(CultureInfo.InvariantCulture) ?? "–", Markup.Escape(layer.LeftBecause is { } reason ? $"as it was: {reason}" : string.Join(", ", layer.Operators)), Traffic(layer));
        console.Write(table);
        foreach (string finding in report.Findings) console.WriteLine($"note: {finding}");
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Layers.Count(layer => layer.LeftBecause is null)} of {report.Layers.Count} layers now {report.Rewrite}; wrote {target}"));
    }

    private static void Print(IAnsiConsole console, RewriteSearchReport report, string target)
    {
        static string Figure(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "–";
        bool isLabelled = report.Candidates[0].Accuracy is not null;
        var table = new Table().Border(TableBorder.Minimal).AddColumns(["rewrite", "entropy", "change", "diversity", "same predictions", .. isLabelled ? ["accuracy"] : Array.Empty<string>()]);
        foreach (RewriteCandidate candidate in report.Candidates)
        {
            string change = candidate.EntropyChange is { } entropy ? string.Create(CultureInfo.InvariantCulture, $"{entropy.Low:+0.000;-0.000} to {entropy.High:+0.000;-0.000}") : candidate.LeftOutBecause!;
            table.AddRow([Markup.Escape(candidate.Rewrite), Figure(candidate.Predictions?.Entropy, "0.000"), Markup.Escape(candidate.Layers == 0 ? "–" : change), Figure(candidate.Predictions?.Diversity, "0.00"), Figure(candidate.Agreement, "0%"),
                .. isLabelled ? [Figure(candidate.Accuracy?.Value, "0.0%")] : Array.Empty<string>()]);
        }
        console.Write(table);
        foreach (string reason in report.Verdict.Reasons) console.WriteLine(reason);
        if (report.Rewritten is { } rewritten) Print(console, rewritten, target);
        else console.WriteLine($"verdict: {(report.Verdict.Kind == VerdictKind.NeedMoreImages ? "get more images" : "keep the model as it is")}; wrote nothing");
    }

    private static string Traffic(RewrittenLayer layer)
    {
        if (layer is not { Before: { } before, After: { } after }) return "–";
        return after.ValuesPerSample is { } values
            ? string.Create(CultureInfo.InvariantCulture, $"{before.Passes * values:0} → {after.Passes * values:0}")
            : string.Create(CultureInfo.InvariantCulture, $"{before.Passes:0.##} → {after.Passes:0.##} times the layer");
    }
}
