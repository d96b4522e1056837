using System.CommandLine;
using System.Globalization;
using AdaBN.Images;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn evaluate MODEL [MODEL2] --data FOLDER</c>: accuracy on labelled samples, of two models the change.</summary>
internal static class EvaluateCommand
{
    private const int ClassesShown = 20;

    public static Command Create(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output, TimeProvider clock)
    {
        Argument<string> model = SharedOptions.Model();
        var second = new Argument<string?>("MODEL2") { Description = "Another model of the same classes, such as MODEL adapted.", Arity = ArgumentArity.ZeroOrOne };
        var data = new Option<string>("--data") { Description = $"Samples with known classes: {DataOptions.Kinds}. Every one counts: a broken image is an error.", Required = true, HelpName = DataOptions.HelpName };
        Option<string?> labels = SharedOptions.Labels();
        Option<long?> domain = SharedOptions.Domain();
        Option<bool> json = SharedOptions.Json("Print the report as JSON, the confusion of classes with it.");
        var command = new DocumentedCommand("evaluate", "Accuracy of a model on labelled samples with its 95 % interval; of two models both, and the change.",
            "adabn evaluate classifier.onnx --data labelled42/ --preset imagenet",
            "adabn evaluate classifier.onnx classifier.site42.onnx --data labelled42/ --preset imagenet",
            "adabn evaluate classifier.onnx classifier.site42.onnx --data site42.npy --labels site42.txt --json")
        {
            model, second, data, labels, domain, json,
        };
        var pixels = new DataOptions(command, everySampleCounts: true);
        var html = new HtmlOptions(command, clock);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string path = parsed.GetValue(data)!;
            string[] files = [.. new[] { parsed.GetValue(model), parsed.GetValue(second) }.OfType<string>()];
            html.Check(parsed, [.. files, path]);
            IReadOnlyList<string> folders = [];
            ScorableModel[] models = [.. files.Select(file => ScorableModel.Load(file))];
            int[]? given = parsed.GetValue(labels) is { } list ? CommandInputs.LabelsIn(list) : null;
            EvaluationReport[] reports = [.. models.Select((one, i) =>
            {
                OpenedData samples = pixels.Open(parsed, one.Pictured, [path], [], twin: models[^(i + 1)].Pictured);
                ImageFiles? images = samples.Parts[0].Files;
                IReadOnlyList<int> known = given ?? images?.Labels ?? throw new ArgumentException(
                    $"--data {path} does not tell the classes of its samples. Give --labels FILE (their numbers, from 0), a folder with a folder a class, or a list with lines 'path,label'.");
                long? picked = models.Any(any => any.TakesDomain) && !one.TakesDomain ? null : parsed.GetValue(domain); // of a plain model and a bank, the bank's
                EvaluationReport report = ProgressBar.Run(errorConsole, progress => ModelEvaluation.Run(one.Model, new LabelledSamples(samples.Samples, known), picked, progress, cancellationToken), "evaluating");
                if (i == 0)
                {
                    if (given is null && images?.NamesOf(report.Classes.Count) is { } names) folders = names;
                    samples.TellFindings(errorConsole.Profile.Out.Writer);
                    if (given is null) TellClasses(errorConsole.Profile.Out.Writer, images!, report.Classes.Count);
                }
                return report;
            })];
            EvaluationComparison? comparison = reports is [var source, var adapted] ? EvaluationComparison.Of(source, adapted) : null;
            if (html.ContextOf(parsed, files, [path], review: null, reports[0].Classes.Count, folders) is { } context) html.Write(parsed, context, comparison is null ? reports[0].ToHtml : comparison.ToHtml);
            if (parsed.GetValue(json)) output.WriteLine(comparison?.ToJson() ?? reports[0].ToJson());
            else Print(console, files, reports, comparison);
            return AdabnCommand.Success;
        }, CancellationToken.None));
        return command;
    }

    /// <summary>Names stand for places in ordinal order, which go wrong where a class has no folder.</summary>
    private static void TellClasses(TextWriter error, ImageFiles images, int classes)
    {
        bool areNumbers = images.Files.Zip(images.Labels!).All(pair => int.TryParse(pair.First.Class, CultureInfo.InvariantCulture, out int number) && number == pair.Second);
        if (areNumbers || images.Classes.Length == classes) return;
        error.WriteLine(FormattableString.Invariant($"note: {images.Origin} names {images.Classes.Length} classes and the model has {classes}. They are taken for its first ones, in ordinal order ('{images.Classes[0]}' for 0); if they are others, give --labels."));
    }

    private static void Print(IAnsiConsole console, string[] files, EvaluationReport[] reports, EvaluationComparison? comparison)
    {
        ClassRecall[] known = [.. reports[0].Classes.Where(one => one.Samples > 0)];
        var table = new Table().Border(TableBorder.Minimal).AddColumns(["class", "samples", .. reports.SelectMany((_, i) => new[] { reports.Length == 1 ? "predicted" : $"predicted {i + 1}", reports.Length == 1 ? "recall (95 %)" : $"recall {i + 1} (95 %)" })]);
        foreach (ClassRecall one in known.OrderBy(one => one.Recall!.Value).Take(ClassesShown).OrderBy(one => one.Class))
        {
            table.AddRow([Text($"{one.Class}"), Text($"{one.Samples}"), .. reports.SelectMany(report => new[] { Text($"{report.Classes[one.Class].Predicted}"), Percent(report.Classes[one.Class].Recall!) })]);
        }
        console.Write(table);
        if (known.Length > ClassesShown) console.WriteLine(Text($"… and {known.Length - ClassesShown} classes of higher recall (--json lists them)."));
        foreach ((string file, EvaluationReport report) in files.Zip(reports))
            console.WriteLine(Text($"{file}: accuracy {Percent(report.Accuracy)} on {report.Samples} samples, mean entropy {report.Entropy:0.000}"));
        if (comparison is null) return;
        Estimate change = comparison.Change;
        console.WriteLine(Text($"change {100 * change.Value:+0.0;-0.0;0.0} points ({100 * change.Low:+0.0;-0.0;0.0} to {100 * change.High:+0.0;-0.0;0.0}): {comparison.Changed} predictions differ, {comparison.Gained} samples gained, {comparison.Lost} lost"));
    }

    private static string Percent(Estimate share) => Text($"{100 * share.Value:0.0} % ({100 * share.Low:0.0} to {100 * share.High:0.0})");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
