using System.Globalization;
using AdaBN.Onnx;

namespace AdaBN.Cli;

/// <summary>What commands make of files and names they are given.</summary>
internal static class CommandInputs
{
    public static void CheckTarget(string source, string target, string what = "the source model")
    {
        if (Path.GetFullPath(source) == Path.GetFullPath(target))
            throw new ArgumentException($"The file to write is {what} itself ({source}); give another, it is needed again.");
        CheckWritable(target);
    }

    /// <summary>Sees to it that a file can be written where it is to be, before hours of work.</summary>
    public static void CheckWritable(string target)
    {
        if (Directory.Exists(target)) throw new ArgumentException($"The file to write, {target}, is a folder; give a file's name.");
        string folder = Path.GetDirectoryName(Path.GetFullPath(target))!;
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"The folder {folder}, where {Path.GetFileName(target)} is to be written, does not exist.");
        try
        {
            File.Create(Path.Combine(folder, $".{Path.GetRandomFileName()}.tmp"), bufferSize: 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new UnauthorizedAccessException($"Nothing can be written to the folder {folder}, where {Path.GetFileName(target)} is to be: {e.Message}", e);
        }
    }

    /// <summary>Loads a model that a user named.</summary>
    public static OnnxModel Load(string path)
    {
        CheckThere(path);
        return OnnxModel.Load(path);
    }

    /// <summary>Sees to it that a model's file is one.</summary>
    public static void CheckThere(string path)
    {
        if (Directory.Exists(path)) throw new ArgumentException($"{path} is a folder, expected an ONNX file.");
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no file {path}, expected an ONNX file.");
    }

    /// <summary>Whether to write what came out: always without <c>--gate</c>, else where the verdict is to use it.</summary>
    public static bool IsAdvised(bool gates, Verdict verdict) => !gates || verdict.Kind is VerdictKind.Adapt or VerdictKind.AdaptPartly;

    public static Func<NormalizationLayer, bool>? FilterOf(OnnxModel model, ReferenceStatistics? reference, string[] skipped)
    {
        if (skipped.Length == 0) return null;
        string[] unknown = [.. skipped.Except(NormalizationDiscovery.Inspect(model, reference).Select(layer => layer.Name))];
        if (unknown.Length > 0) throw new ArgumentException($"--skip: the model has no normalization layer named {string.Join(", ", unknown)}; 'adabn inspect' lists them.");
        return layer => !skipped.Contains(layer.Name);
    }

    /// <summary>Labelled samples: the classes from a text file, or as a list or the folders of images tell them.</summary>
    public static LabelledSamples? LabelledOf(OpenedData? samples, string? labels)
    {
        if (samples is null && labels is null) return null;
        if (samples is not null && labels is null && samples.Parts[0].Files?.Labels is { } told) return new LabelledSamples(samples.Samples, told);
        if (samples is null || labels is null) throw new ArgumentException("--labelled and --labels go together: the samples and their classes.");
        return new LabelledSamples(samples.Samples, LabelsIn(labels));
    }

    /// <summary>Classes from a text file of numbers.</summary>
    public static int[] LabelsIn(string labels)
    {
        string[] words = File.ReadAllText(labels).Split([' ', ',', ';', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        return [.. words.Select((word, i) => int.TryParse(word, CultureInfo.InvariantCulture, out int label) && label >= 0
            ? label : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"--labels {labels}: entry {i + 1} is '{word}', expected the number of a class, from 0.")))];
    }
}
