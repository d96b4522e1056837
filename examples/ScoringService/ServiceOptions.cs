using System.CommandLine;

namespace ScoringService;

/// <summary>What the command line says; every default suits the shipped classifier of digits.</summary>
internal sealed record ServiceOptions
{
    /// <summary>The source model: every adaptation starts from it.</summary>
    public string Model { get; init; } = Path.Combine(AppContext.BaseDirectory, "digits-cnn.onnx");

    /// <summary>A JSON file (docs/preprocessing.md); null: what the model's metadata says, or else the digits' own.</summary>
    public string? Preprocessing { get; init; }

    /// <summary>Where images, adapted models and the state are kept.</summary>
    public string Data { get; init; } = "scoring-data";

    /// <summary>Loopback unless told otherwise: there is no authentication here. Null: ASP.NET's own settings, such as ASPNETCORE_URLS.</summary>
    public string? Urls { get; init; }

    /// <summary>Threads of an adaptation; the other cores go on scoring.</summary>
    public int AdaptationThreads { get; init; } = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>Activations of an adaptation beyond this lie in temporary files.</summary>
    public int AdaptationMegabytes { get; init; } = 256;

    /// <summary>The most images that are kept.</summary>
    public int MaxImages { get; init; } = 2000;

    /// <summary>The largest image, in megabytes.</summary>
    public int MaxImageMegabytes { get; init; } = 4;

    /// <summary>Images of more pixels are refused before they are decoded.</summary>
    public int MaxMegapixels { get; init; } = 16;

    /// <summary>Uploads of many images are bounded by this.</summary>
    public long MaxUploadBytes => 16 * MaxImageBytes;

    public long MaxImageBytes => (long)MaxImageMegabytes << 20;

    /// <summary>The command line, with its help; unknown or unsound options end with exit code 1.</summary>
    public static RootCommand Command(Func<ServiceOptions, Task<int>> run)
    {
        var defaults = new ServiceOptions();
        Option<string?> model = Text("--model", "FILE.onnx", "A classifier with BatchNormalization; default: the shipped one of digits.");
        Option<string?> preprocessing = Text("--preprocessing", "FILE.json", "How the model wants its pixels, where its metadata does not say (docs/preprocessing.md).");
        Option<string?> data = Text("--data", "FOLDER", $"Where images, adapted models and the state are kept; default: {defaults.Data}.");
        Option<string?> urls = Text("--urls", "URL;URL", "Where to listen; default: http://127.0.0.1:5080, this machine alone.");
        Option<int> threads = Number("--adaptation-threads", defaults.AdaptationThreads, 1024, "Threads of an adaptation; the other cores go on scoring.");
        Option<int> memory = Number("--adaptation-megabytes", defaults.AdaptationMegabytes, 1 << 20, "Memory of an adaptation; beyond it, temporary files.");
        Option<int> images = Number("--max-images", defaults.MaxImages, 1_000_000, "The most images that are kept.");
        Option<int> megabytes = Number("--max-image-megabytes", defaults.MaxImageMegabytes, 64, "The largest image file.");
        Option<int> megapixels = Number("--max-megapixels", defaults.MaxMegapixels, 100, "The largest image.");
        var command = new RootCommand("Scores images over HTTP and adapts its model to them, without a restart.") { model, preprocessing, data, urls, threads, memory, images, megabytes, megapixels };
        command.SetAction(parsed => run(defaults with
        {
            Model = parsed.GetValue(model) ?? defaults.Model,
            Preprocessing = parsed.GetValue(preprocessing),
            Data = parsed.GetValue(data) ?? defaults.Data,
            Urls = parsed.GetValue(urls),
            AdaptationThreads = parsed.GetValue(threads),
            AdaptationMegabytes = parsed.GetValue(memory),
            MaxImages = parsed.GetValue(images),
            MaxImageMegabytes = parsed.GetValue(megabytes),
            MaxMegapixels = parsed.GetValue(megapixels),
        }));
        return command;
    }

    private static Option<string?> Text(string name, string shown, string description) => new(name) { HelpName = shown, Description = description };

    private static Option<int> Number(string name, int usual, int most, string description)
    {
        var option = new Option<int>(name) { HelpName = "N", Description = description, DefaultValueFactory = _ => usual };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out int value) && (value < 1 || value > most)) result.AddError($"{name} is {value}, expected 1 to {most}.");
        });
        return option;
    }
}
