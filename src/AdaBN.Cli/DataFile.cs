using AdaBN.Images;

namespace AdaBN.Cli;

/// <summary>What one <c>--data</c> names, opened as what it is.</summary>
/// <param name="Samples">Its samples.</param>
/// <param name="Preprocessing">What prepares its pixels; null where it holds tensors.</param>
/// <param name="Files">Its image files; null where it holds arrays.</param>
internal sealed record DataFile(ISampleSource Samples, Preprocessing? Preprocessing = null, ImageFiles? Files = null)
{
    /// <summary>Names of the image files that were read, in order, without the broken ones; null where it holds arrays.</summary>
    public string[]? ReadNames
    {
        get
        {
            if (Samples is not ImageSamples images) return null;
            HashSet<ImageFile> broken = [.. images.Broken.Select(image => image.File)];
            return [.. Files!.Files.Where(file => !broken.Contains(file)).Select(file => file.Name)];
        }
    }

    /// <summary>Opens a folder of images, a list of them, an image, an array of pixels or tensors, or a table of numbers; told by content.</summary>
    /// <param name="path">What the user gave.</param>
    /// <param name="reading">How images are read.</param>
    /// <param name="preprocessing">What prepares pixels; asked where there are any.</param>
    public static DataFile Open(string path, ImageReading reading, Func<Preprocessing> preprocessing)
    {
        if (Directory.Exists(path)) return OfImages(ImageFiles.InFolder(path), reading, preprocessing());
        if (Path.GetExtension(path).ToLowerInvariant() is ".npy" or ".npz" || ArrayFile.LooksLikeOne(path))
        {
            ArrayFile array = ArrayFile.Open(path, reading.InputName);
            if (!array.IsBytes) return new DataFile(array.ToSamples(reading.InputName));
            Preprocessing forPixels = preprocessing();
            return new DataFile(new ImageArraySamples(array, forPixels, reading.InputName), forPixels);
        }
        if (ImageFiles.LooksLikeImage(path)) return OfImages(ImageFiles.Single(path), reading, preprocessing());
        if (ImageFiles.LooksLikeList(path)) return OfImages(ImageFiles.Listed(path), reading, preprocessing());
        return CsvFile.LooksLikeOne(path) ? new DataFile(CsvFile.Open(path, reading.InputName)) : throw new InvalidDataException($"{path} is nothing that is read here, expected {DataOptions.Kinds}.");
    }

    /// <summary>The same without broken images, which all processes together look for.</summary>
    public DataFile OnlySound(ICommunicator communicator, CancellationToken cancellationToken) =>
        Samples is ImageSamples images ? this with { Samples = images.OnlySound(communicator, cancellationToken) } : this;

    private static DataFile OfImages(ImageFiles files, ImageReading reading, Preprocessing preprocessing) => new(new ImageSamples(files, preprocessing, reading), preprocessing, files);
}
