using AdaBN.Images.Decoding;
using AdaBN.Onnx;

namespace AdaBN.Images;

/// <summary>A sheet of small pictures: what a model will see, taken back from its tensors.</summary>
public static class ContactSheet
{
    private const int MostColumns = 8, LargestSide = 2048, Gap = 2;

    /// <summary>Draws 64 samples (fewer of large pictures) and writes them as PNG: of image files evenly from first to last, else the first ones.</summary>
    /// <param name="path">The file to write; its folder must exist.</param>
    /// <param name="samples">Samples with one tensor each.</param>
    /// <param name="preprocessing">What the tensors were made with, as <see cref="Preprocessing.For"/> gives it.</param>
    /// <returns>How many pictures are on it.</returns>
    /// <exception cref="AdaptationException">There are no samples.</exception>
    public static int Write(string path, ISampleSource samples, Preprocessing preprocessing)
    {
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(preprocessing);
        var tensor = new PixelTensor(preprocessing);
        (int cellWidth, int cellHeight) = (tensor.Size.Width + Gap, tensor.Size.Height + Gap);
        (int columns, int rows) = (Math.Clamp(LargestSide / cellWidth, 1, MostColumns), Math.Clamp(LargestSide / cellHeight, 1, MostColumns));
        var shown = new List<Picture>();
        var values = new float[samples.Inputs[0].Length];
        using (ISampleReader reader = (samples is ImageSamples images ? images.Spread(columns * rows) : samples).OpenReader())
        {
            while (shown.Count < columns * rows && reader.TryRead([values])) shown.Add(tensor.Read(values));
        }
        if (shown.Count == 0) throw new AdaptationException(AdaptationError.EmptyData, "There is no sample to show.");

        (columns, rows) = (Math.Min(columns, shown.Count), (shown.Count + columns - 1) / columns);
        int width = (columns * cellWidth) - Gap, height = (rows * cellHeight) - Gap;
        var sheet = new byte[width * height * tensor.Channels];
        sheet.AsSpan().Fill(byte.MaxValue);
        for (int i = 0; i < shown.Count; i++)
        {
            int stride = shown[i].Width * tensor.Channels, corner = ((i / columns * cellHeight * width) + (i % columns * cellWidth)) * tensor.Channels;
            for (int y = 0; y < shown[i].Height; y++) shown[i].Pixels.AsSpan(y * stride, stride).CopyTo(sheet.AsSpan(corner + (y * width * tensor.Channels)));
        }
        AtomicFile.Write(path, stream => PngEncoder.Write(stream, new Picture(width, height, tensor.Channels, sheet)));
        return shown.Count;
    }
}
