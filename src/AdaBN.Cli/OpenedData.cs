using AdaBN.Images;
using AdaBN.Onnx;

namespace AdaBN.Cli;

/// <summary>All data of a command: one file or folder for each input that it feeds.</summary>
internal sealed record OpenedData(IReadOnlyList<DataFile> Parts)
{
    private const int BrokenShown = 20;

    public ISampleSource Samples { get; } = Parts.Count == 1 ? Parts[0].Samples : SampleSource.Zip([.. Parts.Select(part => part.Samples)]);

    /// <summary>Samples that will be read; null where nobody knows yet.</summary>
    /// <param name="most">The most that are wanted.</param>
    public long? CountUpTo(long? most) => Samples.Count is { } count ? Math.Min(count, most ?? count) : most;

    /// <summary>What a model adapted to these carries of them, by its key.</summary>
    public IReadOnlyDictionary<string, string> Recorded => Parts.Select(part => part.Preprocessing).OfType<Preprocessing>().ToArray() is [var only]
        ? new Dictionary<string, string> { [Preprocessing.MetadataKey] = only.ToJson() } : new Dictionary<string, string>();

    /// <summary>Makes a model carry how its pixels are prepared, where one input takes any.</summary>
    public void RecordPreprocessing(OnnxModel model)
    {
        Preprocessing[] known = [.. Parts.Select(part => part.Preprocessing).OfType<Preprocessing>()];
        if (known is [var only]) only.RecordIn(model);
    }

    /// <summary>What models take the samples for, for a page.</summary>
    public PredictionReview? Review(OnnxModel model, OnnxModel? adapted, long samples, CancellationToken cancellationToken)
    {
        int shown = Math.Max(0, Parts.ToList().FindIndex(part => part.Preprocessing is not null));
        string[]? names = null;
        return PredictionReview.Of(model, adapted, Samples, samples, index => (names ??= Parts[shown].ReadNames ?? []) is var read && index < read.Length ? read[index] : FormattableString.Invariant($"sample {index}"),
            tensors => SamplePicture.ToPng(Samples.Inputs[shown], tensors[shown], Parts[shown].Preprocessing), cancellationToken);
    }

    /// <summary>The same without broken images, which all processes together look for; where there are several.</summary>
    public OpenedData OnlySound(ICommunicator? communicator, CancellationToken cancellationToken) =>
        communicator is null ? this : new OpenedData([.. Parts.Select(part => part.OnlySound(communicator, cancellationToken))]);

    /// <summary>Tells what was left out.</summary>
    public void TellFindings(TextWriter error)
    {
        foreach (string finding in Parts.SelectMany(part => part.Files?.Findings ?? [])) error.WriteLine($"note: {finding}");
        BrokenImage[] broken = [.. Parts.Select(part => part.Samples).OfType<ImageSamples>().SelectMany(samples => samples.Broken)];
        foreach (BrokenImage image in broken.Take(BrokenShown)) error.WriteLine($"left out {image}");
        if (broken.Length > BrokenShown) error.WriteLine(FormattableString.Invariant($"left out {broken.Length - BrokenShown} more"));
        if (broken.Length > 0) error.WriteLine(FormattableString.Invariant($"{broken.Length} broken images were left out"));
    }

    /// <summary>Writes the sheet that <c>--preview</c> asks for.</summary>
    public void Preview(string path)
    {
        DataFile pixels = Parts.FirstOrDefault(part => part.Preprocessing is not null) ?? throw new ArgumentException("--preview shows pixels; --data holds tensors, which are taken as they are.");
        string full = Path.GetFullPath(path);
        if (Parts.Any(part => part.Files?.Files.Any(file => file.Path == full) ?? false)) throw new ArgumentException($"--preview {path} is one of the images; give another file.");
        if (!Directory.Exists(Path.GetDirectoryName(full))) throw new DirectoryNotFoundException($"The folder of {path}, where --preview is to be written, does not exist.");
        ContactSheet.Write(path, pixels.Samples, pixels.Preprocessing!);
    }
}
