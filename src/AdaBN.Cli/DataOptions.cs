using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using AdaBN.Images;
using AdaBN.Onnx;

namespace AdaBN.Cli;

/// <summary>Options that say how pictures become samples; the same for all commands that read data.</summary>
internal sealed class DataOptions
{
    /// <summary>What data may be, for descriptions of options.</summary>
    public const string Kinds = "a folder of PNG, JPEG, WebP or BMP files, a text file that lists them, an array of pixels in bytes (.npy, .npz, IDX), or tensors as the model takes them (float32 .npy or .npz, CSV)";

    public const string HelpName = "DATA";

    private readonly Option<string?> _preset = new("--preset") { Description = $"How the model wants pixels: {string.Join(", ", Preprocessing.Presets.Keys)}; default: as it carries it from an earlier run.", HelpName = "NAME" };
    private readonly Option<string?> _file = new("--preprocessing") { Description = "The same, from a file (docs/preprocessing.md).", HelpName = "FILE.json" };
    private readonly Option<string?> _size = new("--size") { Description = "Height and width of pictures; default: as the model's input declares.", HelpName = "HxW" };
    private readonly Option<Fit?> _fit = new("--fit") { Description = "Keep proportions and cut out the centre, or stretch." };
    private readonly Option<string?> _cropShare = new("--crop-share") { Description = "With --fit crop: the share of the shorter side to keep, such as 224/256.", HelpName = "SHARE" };
    private readonly Option<Resampling?> _resampling = new("--resampling") { Description = "The filter for resizing." };
    private readonly Option<PixelColors?> _colors = new("--colors") { Description = "The colours of a pixel, in the model's order; default: grey where it takes one channel, else RGB." };
    private readonly Option<PixelLayout?> _layout = new("--layout") { Description = "Where the model's input has the colours; default: told by its shape." };
    private readonly Option<string?> _scale = new("--scale") { Description = "Factor of a pixel, such as 1/255.", HelpName = "FACTOR" };
    private readonly Option<string?> _mean = new("--mean") { Description = "Subtracted from each colour once scaled.", HelpName = "M,M,M" };
    private readonly Option<string?> _deviation = new("--std") { Description = "Divides each colour after that.", HelpName = "S,S,S" };
    private readonly Option<string> _maxBroken;
    private readonly Option<string?> _preview = new("--preview") { Description = "Write a sheet of pictures as the model will see them.", HelpName = "FILE.png" };

    private readonly bool _everySampleCounts;

    /// <summary>Gives a command these options.</summary>
    /// <param name="command">The command.</param>
    /// <param name="everySampleCounts">Whether a broken image is an error, as labels would go wrong without one.</param>
    /// <param name="readsPart">Whether the command reads a part of the data by number, and must look at all of it before it can leave one out.</param>
    public DataOptions(Command command, bool everySampleCounts = false, bool readsPart = false)
    {
        _maxBroken = new Option<string>("--max-broken")
        {
            Description = $"Broken images are named and left out up to this share of all; beyond it the command fails.{(readsPart ? " Above 0, each part looks at all images first." : "")}",
            DefaultValueFactory = _ => readsPart ? "0" : "5%",
            HelpName = "SHARE",
        };
        _everySampleCounts = everySampleCounts;
        _preset.CompletionSources.Add([.. Preprocessing.Presets.Keys]);
        foreach (Option option in (Option[])[.. Preparing, .. everySampleCounts ? Array.Empty<Option>() : [_maxBroken], _preview]) command.Add(option);
    }

    private Option[] Preparing => [_preset, _file, _size, _fit, _cropShare, _resampling, _colors, _layout, _scale, _mean, _deviation];

    /// <summary>Opens data, one file or folder for each input; writes the sheet of pictures where one is asked for.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">The model.</param>
    /// <param name="paths">The data.</param>
    /// <param name="inputs">The inputs they feed; none for a model with one.</param>
    /// <param name="maxSamples">Samples that will be read at most.</param>
    /// <param name="twin">Another model for the same pixels: it tells how they are prepared where nothing else does.</param>
    public OpenedData Open(ParseResult parsed, OnnxModel model, string[] paths, string[] inputs, long? maxSamples = null, OnnxModel? twin = null)
    {
        OpenedData opened = Open(parsed, model, paths, inputs, "--data", maxSamples, _everySampleCounts ? "0" : parsed.GetValue(_maxBroken)!, twin);
        if (opened.Parts.All(part => part.Preprocessing is null) && Preparing.FirstOrDefault(option => parsed.GetResult(option) is not null) is { } vain)
            throw new ArgumentException($"{vain.Name} says how to prepare pixels, but --data {paths[0]} holds tensors, which are taken as they are. Leave it out.");
        if (parsed.GetValue(_preview) is { } sheet)
        {
            if (!sheet.EndsWith(".png", StringComparison.OrdinalIgnoreCase)) throw new ArgumentException($"--preview writes a PNG file, expected a name that ends in .png, not {sheet}.");
            opened.Preview(sheet);
        }
        return opened;
    }

    /// <summary>Opens data of which every sample counts: pairs and labels would go wrong without one.</summary>
    public OpenedData OpenWhole(ParseResult parsed, OnnxModel model, string path, string option) => Open(parsed, model, [path], [], option, null, "0");

    /// <summary>Opens other data than <c>--data</c> in the same way.</summary>
    public OpenedData OpenOther(ParseResult parsed, OnnxModel model, string[] paths, string[] inputs, string option, long? maxSamples) =>
        Open(parsed, model, paths, inputs, option, maxSamples, parsed.GetValue(_maxBroken)!);

    private OpenedData Open(ParseResult parsed, OnnxModel model, string[] paths, string[] inputs, string option, long? maxSamples, string maxBroken, OnnxModel? twin = null)
    {
        if (inputs.Length != paths.Length && (inputs.Length > 0 || paths.Length > 1))
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{paths.Length} {option} but {inputs.Length} --input: give one --input for each {option}."));
        double share = paths.Length > 1 ? 0 : ShareOf("--max-broken", maxBroken); // one left out would pair the others wrongly
        return new OpenedData([.. paths.Select((path, i) => DataFile.Open(path,
            new ImageReading { InputName = inputs.Length > 0 ? inputs[i] : null, MaxBroken = share, MaxSamples = maxSamples },
            () => (PreprocessingOf(parsed, model, twin) ?? throw Unsaid(option, path)).For(model, inputs.Length > 0 ? inputs[i] : null)))]);
    }

    private static ArgumentException Unsaid(string option, string path) => new(
        $"{option} {path} holds pixels, and how the model wants them no file tells. Say it with --preset ({string.Join(", ", Preprocessing.Presets.Keys)}), --preprocessing FILE.json, or --scale, --mean and --std, as in training.");

    /// <summary>What the command line says, on top of what a preset, a file or the model says; null where nobody says what becomes of a pixel's value.</summary>
    private Preprocessing? PreprocessingOf(ParseResult parsed, OnnxModel model, OnnxModel? twin)
    {
        (string? preset, string? file) = (parsed.GetValue(_preset), parsed.GetValue(_file));
        if (preset is not null && file is not null) throw new ArgumentException("--preset and --preprocessing both say it all; give one. A file may name a preset and change it.");
        Preprocessing? stated = preset is not null ? Preprocessing.Presets.GetValueOrDefault(preset) ?? throw new ArgumentException($"--preset '{preset}' is none of {string.Join(", ", Preprocessing.Presets.Keys)}.")
            : file is not null ? Preprocessing.Load(file) : Preprocessing.Of(model) ?? (twin is null ? null : Preprocessing.Of(twin));
        if (stated is null && ((Option[])[_scale, _mean, _deviation]).All(option => parsed.GetResult(option) is null)) return null;

        Preprocessing changed = stated ?? new Preprocessing();
        if (parsed.GetValue(_size) is { } size) changed = changed with { Size = SizeOf(size) };
        if (parsed.GetValue(_fit) is { } fit) changed = changed with { Fit = fit };
        if (parsed.GetValue(_cropShare) is { } share) changed = changed with { CropShare = ShareOf("--crop-share", share) };
        if (parsed.GetValue(_resampling) is { } resampling) changed = changed with { Resampling = resampling };
        if (parsed.GetValue(_colors) is { } colors) changed = changed with { Colors = colors };
        if (parsed.GetValue(_layout) is { } layout) changed = changed with { Layout = layout };
        if (parsed.GetValue(_scale) is { } scale) changed = changed with { Scale = NumberOf("--scale", scale) };
        if (parsed.GetValue(_mean) is { } mean) changed = changed with { Mean = NumbersOf("--mean", mean) };
        if (parsed.GetValue(_deviation) is { } deviation) changed = changed with { StandardDeviation = NumbersOf("--std", deviation) };
        return changed;
    }

    private static ImageSize SizeOf(string text)
    {
        int[] sides = [.. text.Split('x', 'X').Select(side => int.TryParse(side, NumberStyles.None, CultureInfo.InvariantCulture, out int length) ? length : 0)];
        return sides switch
        {
            [> 0 and var side] => new ImageSize(side, side),
            [> 0 and var height, > 0 and var width] => new ImageSize(height, width),
            _ => throw new ArgumentException($"--size is '{text}', expected a height and a width such as 224x224, or one number for both."),
        };
    }

    private static ImmutableArray<double> NumbersOf(string option, string text) => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(number => NumberOf(option, number))];

    private static double ShareOf(string option, string text)
    {
        double share = text.EndsWith('%') ? NumberOf(option, text[..^1]) / 100 : NumberOf(option, text);
        return share is >= 0 and <= 1 ? share : throw new ArgumentException($"{option} is '{text}', expected a share such as 5% or 0.05.");
    }

    /// <summary>A number or a fraction.</summary>
    private static double NumberOf(string option, string text)
    {
        double[] parts = [.. text.Split('/').Select(part => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : double.NaN)];
        double value = parts switch { [var number] => number, [var number, var divisor] => number / divisor, _ => double.NaN };
        return double.IsFinite(value) ? value : throw new ArgumentException($"{option} is '{text}', expected a number such as 0.5 or a fraction such as 1/255.");
    }
}
