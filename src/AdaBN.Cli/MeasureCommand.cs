using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn measure MODEL --data FOLDER --stage K --shard I/N --out PART</c>: measures a part of a stage, for <c>adabn merge</c>.</summary>
internal static class MeasureCommand
{
    public static Command Create(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output)
    {
        var model = SharedOptions.Model();
        var data = new Option<string[]>("--data") { Description = $"All unlabeled samples of the new domain: {DataOptions.Kinds}.", Required = true, HelpName = DataOptions.HelpName };
        var input = SharedOptions.Input();
        var stage = new Option<int>("--stage") { Description = "The stage, from 0: as many as the state has done.", Required = true, HelpName = "K" };
        var shard = new Option<string>("--shard") { Description = "The part of the samples to measure, from 0, and the number of parts, such as 3/100.", Required = true, HelpName = "I/N" };
        var state = SharedOptions.State();
        var destination = new Option<string>("--out") { Description = "Where to write what was measured.", Required = true, HelpName = "PART" };
        var dryRun = SharedOptions.DryRun();
        var json = SharedOptions.Json("Print what was done as JSON.");
        var settings = new AdaptationArguments();
        var command = new DocumentedCommand("measure", "Measure a part of a stage of an adaptation, in a process that meets no other; 'adabn merge' merges the parts, stage by stage.",
            "adabn measure classifier.onnx --data site42.npy --stage 0 --shard 0/2 --out 0.part",
            "adabn measure classifier.onnx --data site42/ --preset imagenet --policy adabn --stage 0 --shard 1/2 --out 1.part")
        {
            model, data, input, stage, shard, state, destination, dryRun, json,
        };
        foreach (Option setting in settings.All) command.Add(setting);
        var pixels = new DataOptions(command, readsPart: true);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string source = parsed.GetValue(model)!, target = parsed.GetValue(destination)!;
            CommandInputs.CheckTarget(source, target);
            foreach (string fed in parsed.GetValue(data)!) CommandInputs.CheckTarget(fed, target, "the data");
            (int part, int of) = PartOf(parsed.GetValue(shard)!);
            OnnxModel loaded = CommandInputs.Load(source);
            AdaptationOptions options = settings.OptionsOf(parsed, loaded, pixels) with { StateFile = parsed.GetValue(state) };
            OpenedData samples = pixels.Open(parsed, loaded, parsed.GetValue(data)!, parsed.GetValue(input) ?? [], options.MaxSamples).OnlySound(new Alone(), cancellationToken);
            if (parsed.GetValue(dryRun)) return new DryRun(target) { Samples = samples.CountUpTo(options.MaxSamples) }.Tell(console, parsed.GetValue(json) ? output : null);
            ProgressBar.Run(errorConsole, progress =>
            {
                StageParts.Measure(loaded, samples.Samples, parsed.GetValue(stage), part, of, target, options, samples.Recorded, progress, cancellationToken);
                return 0;
            });
            samples.TellFindings(errorConsole.Profile.Out.Writer);
            if (parsed.GetValue(json)) output.WriteLine(JsonText.Of(new { Stage = parsed.GetValue(stage), Shard = part, Of = of, Wrote = target }));
            else console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"wrote {target}: stage {parsed.GetValue(stage)}, part {part} of {of}"));
            return AdabnCommand.Success;
        }, CancellationToken.None));
        return command;
    }

    private static (int Part, int Of) PartOf(string text) =>
        text.Split('/') is [var part, var of] && int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && int.TryParse(of, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && number < count
            ? (number, count) : throw new ArgumentException($"--shard is '{text}', expected a part from 0 and the number of parts, such as 0/4 to 3/4.");

    /// <summary>A process that meets no other looks at all images itself, where broken ones are to be left out.</summary>
    private sealed class Alone : ICommunicator
    {
        public int Rank => 0;

        public int Size => 1;

        public IReadOnlyList<byte[]> AllGather(ReadOnlyMemory<byte> mine, CancellationToken cancellationToken = default) => [mine.ToArray()];
    }
}
