using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn merge MODEL PART… --state FILE --out OUT.onnx</c>: merges the parts of a stage; after the last stage writes the model.</summary>
internal static class MergeCommand
{
    public static Command Create(IAnsiConsole console, TextWriter output)
    {
        var model = SharedOptions.Model();
        var parts = new Argument<string[]>("PART") { Description = "The files of all parts of a stage, as 'adabn measure' writes them.", Arity = ArgumentArity.OneOrMore };
        var state = SharedOptions.State();
        var destination = new Option<string>("--out") { Description = "Where to write the adapted model, after the last stage.", Required = true, HelpName = "OUT.onnx" };
        var singleFile = SharedOptions.SingleFile();
        var dryRun = SharedOptions.DryRun();
        var json = SharedOptions.Json();
        var settings = new AdaptationArguments();
        var command = new DocumentedCommand("merge", "Merge the parts of a stage that 'adabn measure' has measured into a state; after the last stage, write the adapted model.",
            "adabn merge classifier.onnx 0.north.part 1.north.part --state run.state --out classifier.north.onnx",
            "adabn merge classifier.onnx 0.north.part 1.north.part --state run.state --out classifier.north.onnx --json")
        {
            model, parts, state, destination, singleFile, dryRun, json,
        };
        foreach (Option setting in settings.All) command.Add(setting);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string source = parsed.GetValue(model)!, target = parsed.GetValue(destination)!, file = parsed.GetValue(state) ?? throw new ArgumentException("--state is missing: the file that keeps the stages that are done.");
            CommandInputs.CheckTarget(source, target);
            OnnxModel loaded = CommandInputs.Load(source);
            StageMerge MergeInto(string where) => StageParts.Merge(loaded, parsed.GetValue(parts)!, settings.OptionsOf(parsed, loaded, null) with { StateFile = where }, cancellationToken);
            if (parsed.GetValue(dryRun)) return new DryRun(Rehearsed(file, MergeInto).Result is null ? file : target).Tell(console, parsed.GetValue(json) ? output : null);
            StageMerge merged = MergeInto(file);
            if (merged.Result is null)
            {
                if (parsed.GetValue(json)) output.WriteLine(JsonText.Of(new { merged.Stage, State = file }));
                else console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"stage {merged.Stage} is merged into {file}; measure stage {merged.Stage + 1} next"));
                return AdabnCommand.Success;
            }
            (parsed.GetValue(singleFile) ? merged.Result.Model.ToSingleFile() : merged.Result.Model).Save(target);
            File.Delete(file);
            if (parsed.GetValue(json)) output.WriteLine(JsonText.Of(merged.Result.Report.ToJson(), new { merged.Stage, Wrote = target }));
            else AdaptCommand.Print(console, merged.Result.Report, $"wrote {target}");
            return AdabnCommand.Success;
        }, CancellationToken.None));
        return command;
    }

    /// <summary>Merges into a copy of the state, which is as good as a check and takes no time.</summary>
    private static StageMerge Rehearsed(string state, Func<string, StageMerge> merge)
    {
        string copy = Path.Combine(Path.GetTempPath(), $"adabn-{Path.GetRandomFileName()}");
        try
        {
            if (File.Exists(state)) File.Copy(state, copy);
            return merge(copy);
        }
        finally
        {
            File.Delete(copy);
        }
    }
}
