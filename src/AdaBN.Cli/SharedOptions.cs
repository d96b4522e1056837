using System.CommandLine;
using System.Globalization;

namespace AdaBN.Cli;

/// <summary>Arguments and options that several commands have, in the same words.</summary>
internal static class SharedOptions
{
    public static Argument<string> Model() => new("MODEL") { Description = "The ONNX file." };

    public static Argument<string> ModelOrPipeline() => new("MODEL") { Description = "The ONNX file, or a pipeline with an ONNX step that ML.NET saved (.zip); samples are what its model takes." };

    public static Option<int?> Step() => new("--step") { Description = "For a pipeline with several ONNX steps: which of them, from 0.", HelpName = "N" };

    public static Option<string[]> Input() => new("--input") { Description = "The model input that --data feeds; give both once for each input where a model has several.", HelpName = "NAME" };

    public static Option<long?> MaxSamples() => new("--max-samples") { Description = "Read at most this many samples.", HelpName = "N" };

    public static Option<string[]> Skip(string what) => new("--skip") { Description = $"{what} the layer of this name; may be given several times.", HelpName = "LAYER" };

    public static Option<string?> Reference() => new("--reference")
    {
        Description = "Source statistics of layers that BatchNormalization was folded into, or of inputs, as 'adabn reference' writes them; default: those that the model carries.", HelpName = "FILE",
    };

    public static Option<string?> Labelled(string what) => new("--labelled")
    {
        Description = $"A few samples of the new domain with known classes, given as --data is: {what}. For models with one input.", HelpName = DataOptions.HelpName,
    };

    public static Option<string?> Labels() => new("--labels") { Description = "Their classes, from 0: a text file of numbers; default: those that a list of images gives, or the folders' places in ordinal order.", HelpName = "FILE" };

    public static Option<long?> Domain() => new("--domain") { Description = "For a bank of domains: the id to score all samples with, 0 for the source's statistics ('adabn bank list' lists ids).", HelpName = "ID" };

    public static Option<int?> Threads() => new("--threads") { Description = "Threads that compute; default: one a processor.", HelpName = "N" };

    public static Option<string?> State() => new("--state") { Description = "The file that keeps the stages that are done; none before stage 0.", HelpName = "FILE" };

    public static Option<bool> Gate() => new("--gate") { Description = string.Create(CultureInfo.InvariantCulture, $"Write nothing and exit with {AdabnCommand.Alert} where the verdict is to keep the source model or to get more images.") };

    public static Option<bool> SingleFile() => new("--single-file") { Description = "Write one file, also where the source model keeps data outside (else those files are copied beside it)." };

    public static Option<bool> DryRun() => new("--dry-run") { Description = "Check everything, say what would be done and written, and stop." };

    public static Option<bool> Json(string what = "Print the report as JSON.") => new("--json") { Description = what };
}
