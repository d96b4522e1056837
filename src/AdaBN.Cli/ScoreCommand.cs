using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn score MODEL --data FOLDER</c>: class scores of each sample by plain ONNX Runtime, as CSV or JSON.</summary>
internal static class ScoreCommand
{
    public static Command Create(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output)
    {
        Argument<string> model = SharedOptions.ModelOrPipeline();
        var data = new Option<string>("--data") { Description = $"Samples to score: {DataOptions.Kinds}.", Required = true, HelpName = DataOptions.HelpName };
        var destination = new Option<string?>("--out") { Description = "Where to write the table; default: standard output.", HelpName = "FILE.csv" };
        Option<long?> domain = SharedOptions.Domain();
        Option<int?> step = SharedOptions.Step();
        Option<bool> dryRun = SharedOptions.DryRun();
        Option<bool> json = SharedOptions.Json("Print the scores as JSON.");
        var command = new DocumentedCommand("score", "Run a model on samples: a CSV with a line a sample, which holds its file (or its number), its class, that class's probability and all scores.",
            "adabn score classifier.onnx --data site42/ --preset imagenet --out scores.csv",
            "adabn score classifier.onnx --data site42.npy --json",
            "adabn score sites.onnx --data site42.npy --domain 1")
        {
            model, step, data, destination, domain, dryRun, json,
        };
        var pixels = new DataOptions(command);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string source = parsed.GetValue(model)!, path = parsed.GetValue(data)!;
            string? target = parsed.GetValue(destination);
            if (target is not null)
            {
                CommandInputs.CheckTarget(source, target);
                CommandInputs.CheckTarget(path, target, "the data");
            }
            ScorableModel loaded = ScorableModel.Load(source, parsed.GetValue(step));
            OpenedData samples = pixels.Open(parsed, loaded.Pictured, [path], []);
            if (parsed.GetValue(dryRun)) return new DryRun(target is null ? [] : [target]) { Samples = samples.Samples.Count }.Tell(console, parsed.GetValue(json) ? output : null);
            ScoredSamples scored = ProgressBar.Run(errorConsole, progress => ModelEvaluation.Score(loaded.Model, samples.Samples, parsed.GetValue(domain), progress, cancellationToken), "scoring");
            samples.TellFindings(errorConsole.Profile.Out.Writer);
            string[] names = samples.Parts[0].ReadNames ?? [.. Enumerable.Range(0, scored.Predicted.Count).Select(number => number.ToString(CultureInfo.InvariantCulture))];
            if (target is not null)
            {
                AtomicFile.Write(target, stream =>
                {
                    using var text = new StreamWriter(stream, leaveOpen: true);
                    WriteTable(text, names, scored);
                });
            }
            if (parsed.GetValue(json)) output.WriteLine(JsonOf(names, scored));
            else if (target is null) WriteTable(output, names, scored);
            else console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{names.Length} samples scored, mean entropy {scored.Summary.Entropy:0.000}; wrote {target}"));
            return AdabnCommand.Success;
        }, CancellationToken.None));
        return command;
    }

    private static void WriteTable(TextWriter text, string[] names, ScoredSamples scored)
    {
        text.Write($"sample,class,probability,{string.Join(',', Enumerable.Range(0, scored.Scores[0].Count).Select(number => string.Create(CultureInfo.InvariantCulture, $"score{number}")))}\n");
        for (int i = 0; i < names.Length; i++)
            text.Write(string.Create(CultureInfo.InvariantCulture, $"{Quoted(names[i])},{scored.Predicted[i]},{(float)scored.Probability[i]},{string.Join(',', scored.Scores[i].Select(score => score.ToString(CultureInfo.InvariantCulture)))}\n"));
    }

    private static string Quoted(string name) => name.AsSpan().ContainsAny(",\"\r\n") ? $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : name;

    private static string JsonOf(string[] names, ScoredSamples scored) => JsonText.Of(new
    {
        scored.ModelSha256,
        scored.Domain,
        Samples = names.Select((name, i) => new { Sample = name, Class = scored.Predicted[i], Probability = scored.Probability[i], Scores = scored.Scores[i] }),
    });
}
