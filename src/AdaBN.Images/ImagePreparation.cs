using System.Collections.Immutable;
using System.Globalization;
using AdaBN.Images.Decoding;

namespace AdaBN.Images;

/// <summary>Makes of an image in memory, such as an upload, the tensor that a model takes: the same numbers as <see cref="ImageSamples"/>. Several threads may use it at a time.</summary>
public sealed class ImagePreparation
{
    /// <summary>The most pixels that are ever decoded; it takes up to 13 bytes each.</summary>
    public const long MostPixels = ImageDecoder.MostPixels;

    private readonly PixelTensor _tensor;
    private readonly long _maxPixels;

    /// <param name="preprocessing">With size, colours and layout, as <see cref="Preprocessing.For"/> gives it.</param>
    /// <param name="maxPixels">Images that declare more are refused before memory is asked for; 1 to <see cref="MostPixels"/>.</param>
    /// <exception cref="ArgumentException">The preprocessing is incomplete, or the limit out of range.</exception>
    public ImagePreparation(Preprocessing preprocessing, long maxPixels = MostPixels)
    {
        ArgumentNullException.ThrowIfNull(preprocessing);
        if (maxPixels is < 1 or > MostPixels) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"The limit is {maxPixels} pixels, expected 1 to {MostPixels}."), nameof(maxPixels));
        (_tensor, _maxPixels) = (new PixelTensor(preprocessing), maxPixels);
    }

    /// <summary>Shape of the tensor, without a batch axis.</summary>
    public ImmutableArray<int> Shape => _tensor.Shape;

    /// <summary>Decodes an image and prepares it.</summary>
    /// <param name="image">A PNG, JPEG, WebP or BMP file's content.</param>
    /// <exception cref="InvalidDataException">It is none of these, too large, or damaged; the message says which.</exception>
    public float[] Prepare(ReadOnlySpan<byte> image)
    {
        var tensor = new float[Shape.Aggregate(1, (product, length) => product * length)];
        _tensor.Write(ImageDecoder.Decode(image, _maxPixels), tensor);
        return tensor;
    }
}
