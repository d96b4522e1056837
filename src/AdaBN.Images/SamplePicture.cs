using AdaBN.Images.Decoding;

namespace AdaBN.Images;

/// <summary>Samples as small pictures, for the eye.</summary>
public static class SamplePicture
{
    private const int LargestSide = 96, SmallestSide = 4;

    /// <summary>A sample as a PNG file of 96 pixels a side at most; null where its shape is none of a picture.</summary>
    /// <param name="input">The shape: (1 or 3, H, W), (H, W, 1 or 3) or (H, W).</param>
    /// <param name="tensor">The sample.</param>
    /// <param name="preprocessing">
    /// What it was made with, as <see cref="Preprocessing.For"/> gives it; null where that is not known: then it is drawn from its smallest value, black, to its largest.
    /// </param>
    public static byte[]? ToPng(SampleInput input, float[] tensor, Preprocessing? preprocessing = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(tensor);
        if ((preprocessing is null ? Stretched(input, tensor) : new PixelTensor(preprocessing).Read(tensor)) is not { } picture) return null;
        int side = Math.Max(picture.Width, picture.Height);
        if (side > LargestSide)
        {
            (int width, int height) = (Math.Max(1, picture.Width * LargestSide / side), Math.Max(1, picture.Height * LargestSide / side));
            picture = Resizer.Resize(picture, width, height, Resampling.Bilinear, 0, 0, width, height);
        }
        using var file = new MemoryStream();
        PngEncoder.Write(file, picture);
        return file.ToArray();
    }

    private static Picture? Stretched(SampleInput input, float[] tensor)
    {
        (int height, int width, PixelLayout layout, int channels) = input.Shape.ToArray() switch
        {
            [var h, var w] => (h, w, PixelLayout.Nchw, Picture.Gray),
            [(Picture.Gray or Picture.Rgb) and var c, var h, var w] => (h, w, PixelLayout.Nchw, c),
            [var h, var w, (Picture.Gray or Picture.Rgb) and var c] => (h, w, PixelLayout.Nhwc, c),
            _ => default,
        };
        if (Math.Min(height, width) < SmallestSide) return null;
        double low = tensor.Min(), range = tensor.Max() - low;
        var asPixels = new Preprocessing
        {
            Size = new ImageSize(height, width), Colors = channels == Picture.Gray ? PixelColors.Gray : PixelColors.Rgb, Layout = layout,
            Scale = (range > 0 ? range : 1) / byte.MaxValue, Mean = [-low],
        };
        return new PixelTensor(asPixels).Read(tensor);
    }
}
