using System.Collections.Immutable;
using System.Globalization;
using AdaBN.Onnx;

namespace AdaBN.Images;

/// <summary>How a picture is brought to the model's height and width.</summary>
public enum Fit
{
    /// <summary>Resized, proportions kept, until it covers the wanted size, then cut out of the centre.</summary>
    Crop,

    /// <summary>Resized to the wanted size, whatever becomes of its proportions.</summary>
    Stretch,
}

/// <summary>Which colours of a pixel the model takes, in this order.</summary>
public enum PixelColors
{
    /// <summary>Red, green, blue.</summary>
    Rgb,

    /// <summary>Blue, green, red.</summary>
    Bgr,

    /// <summary>One grey value (ITU-R BT.601).</summary>
    Gray,
}

/// <summary>Where the colours stand in the model's input.</summary>
public enum PixelLayout
{
    /// <summary>A plane a colour: channels, height, width (PyTorch).</summary>
    Nchw,

    /// <summary>The colours of a pixel together: height, width, channels (TensorFlow).</summary>
    Nhwc,
}

/// <summary>A height and a width in pixels.</summary>
public readonly record struct ImageSize(int Height, int Width)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Height}x{Width}");
}

/// <summary>
/// What makes a tensor of a picture: resize, cut out, then <c>(pixel · Scale − Mean) / StandardDeviation</c> for each colour, pixels being 0 to 255.
/// It must be what the model was trained with; no file tells that by itself.
/// </summary>
public sealed record Preprocessing
{
    /// <summary>Where a model carries it in its metadata, as JSON.</summary>
    public const string MetadataKey = "adabn.preprocessing";

    private const int LargestSide = 1 << 14;

    /// <summary>The picture's size as the model takes it; null: the model's declared one.</summary>
    public ImageSize? Size { get; init; }

    /// <summary>How it gets there.</summary>
    public Fit Fit { get; init; } = Fit.Crop;

    /// <summary>For <see cref="Fit.Crop"/>: the share of the shorter side that is kept; above 0, at most 1. 0.875 is torchvision's 224 of 256.</summary>
    public double CropShare { get; init; } = 1;

    /// <summary>The filter.</summary>
    public Resampling Resampling { get; init; } = Resampling.Bilinear;

    /// <summary>The colours; null: grey where the model takes one channel, else RGB.</summary>
    public PixelColors? Colors { get; init; }

    /// <summary>The layout; null: told by where the model's input has 1 or 3 channels.</summary>
    public PixelLayout? Layout { get; init; }

    /// <summary>Factor of a pixel.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Subtracted from each colour, in the model's order; one value for all, or none.</summary>
    public ImmutableArray<double> Mean { get; init; } = [];

    /// <summary>Divides each colour, in the model's order; one value for all, or none.</summary>
    public ImmutableArray<double> StandardDeviation { get; init; } = [];

    /// <summary>Known ways: <c>imagenet</c> and <c>torchvision</c> (the same), <c>keras</c> (pixels from −1 to 1, stretched), <c>none</c> (pixels as they are).</summary>
    public static ImmutableSortedDictionary<string, Preprocessing> Presets { get; } = new Dictionary<string, Preprocessing>
    {
        ["imagenet"] = ImageNet,
        ["torchvision"] = ImageNet,
        ["keras"] = new() { Fit = Fit.Stretch, Scale = 1 / 127.5, Mean = [1] },
        ["none"] = new(),
    }.ToImmutableSortedDictionary(StringComparer.Ordinal);

    private static Preprocessing ImageNet => new()
    {
        CropShare = 0.875,
        Scale = 1.0 / byte.MaxValue,
        Mean = [0.485, 0.456, 0.406],
        StandardDeviation = [0.229, 0.224, 0.225],
    };

    /// <summary>Reads what <see cref="ToJson"/> writes; what is left out keeps its default, or what the named <c>preset</c> says.</summary>
    /// <exception cref="InvalidDataException">It is no JSON, or says something unknown.</exception>
    public static Preprocessing FromJson(string json) => PreprocessingJson.Read(json);

    /// <summary>Reads such a file.</summary>
    /// <exception cref="InvalidDataException">It is no JSON, or says something unknown.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Preprocessing Load(string path)
    {
        try
        {
            return FromJson(File.ReadAllText(path));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>As JSON.</summary>
    public string ToJson() => PreprocessingJson.Write(this);

    /// <summary>What a model carries, or null.</summary>
    /// <exception cref="InvalidDataException">It carries something damaged.</exception>
    public static Preprocessing? Of(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Metadata.FirstOrDefault(entry => entry.Key == MetadataKey).Value is not { } json) return null;
        try
        {
            return FromJson(json);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"The model's metadata '{MetadataKey}' cannot be used: {e.Message} Give the preprocessing yourself.", e);
        }
    }

    /// <summary>Makes a model carry it.</summary>
    public void RecordIn(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.SetMetadata(MetadataKey, ToJson());
    }

    /// <summary>With size, colours and layout as an input of a model declares them.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputName">The input that takes pictures; null where the model has only one.</param>
    /// <exception cref="ArgumentException">A value is out of range; the message lists all that are.</exception>
    /// <exception cref="AdaptationException">The input takes no such pictures, or leaves open what this leaves open too.</exception>
    public Preprocessing For(OnnxModel model, string? inputName = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        Validate();
        return InputForm.Resolve(this, model, inputName);
    }

    /// <summary>Checks every value that is given.</summary>
    /// <exception cref="ArgumentException">Some are out of range.</exception>
    internal void Validate()
    {
        int channels = Colors is null ? 0 : Colors == PixelColors.Gray ? Picture.Gray : Picture.Rgb;
        List<string> faults = [];
        void Check(bool isSound, FormattableString fault)
        {
            if (!isSound) faults.Add(FormattableString.Invariant(fault));
        }
        Check(Size is null or { Height: >= 1 and <= LargestSide, Width: >= 1 and <= LargestSide }, $"size is {Size}, expected sides from 1 to {LargestSide}");
        Check(Enum.IsDefined(Fit) && Enum.IsDefined(Resampling) && (Colors is null || Enum.IsDefined(Colors.Value)) && (Layout is null || Enum.IsDefined(Layout.Value)), $"fit, resampling, colors or layout is none of those that there are");
        Check(CropShare is > 0.01 and <= 1, $"crop share is {CropShare}, expected above 0.01 and at most 1");
        Check(double.IsFinite(Scale) && Scale != 0, $"scale is {Scale}, expected a number that is not 0");
        Check(Mean.All(double.IsFinite), $"mean is {string.Join(", ", Mean)}, expected numbers");
        Check(StandardDeviation.All(value => double.IsFinite(value) && value > 0), $"standard deviation is {string.Join(", ", StandardDeviation)}, expected numbers above 0");
        foreach ((string name, ImmutableArray<double> values) in (ReadOnlySpan<(string, ImmutableArray<double>)>)[("mean", Mean), ("standard deviation", StandardDeviation)])
            Check(values.Length is 0 or 1 || values.Length == (channels > 0 ? channels : Picture.Rgb), $"{name} has {values.Length} values, expected one for all or one a colour");
        if (faults.Count > 0) throw new ArgumentException($"Preprocessing: {string.Join("; ", faults)}.");
    }
}
