using System.Collections.Immutable;

namespace AdaBN.Images;

/// <summary>The way from a picture to the tensor that a model takes, and back for the eye. Every pixel value goes through a table, computed in double.</summary>
internal sealed class PixelTensor
{
    private const int Values = byte.MaxValue + 1;
    private readonly Preprocessing _preprocessing;
    private readonly float[][] _tables;

    /// <param name="preprocessing">With size, colours and layout.</param>
    public PixelTensor(Preprocessing preprocessing)
    {
        preprocessing.Validate();
        if (preprocessing is not { Size: { } size, Colors: { } colors, Layout: { } layout })
            throw new ArgumentException("The preprocessing leaves size, colors or layout open; Preprocessing.For(model) takes them from a model.", nameof(preprocessing));
        _preprocessing = preprocessing;
        (Size, IsBgr, Channels) = (size, colors == PixelColors.Bgr, colors == PixelColors.Gray ? Picture.Gray : Picture.Rgb);
        Shape = layout == PixelLayout.Nchw ? [Channels, size.Height, size.Width] : [size.Height, size.Width, Channels];
        _tables = [.. Enumerable.Range(0, Channels).Select(channel => Enumerable.Range(0, Values).Select(pixel => (float)(((pixel * preprocessing.Scale) - MeanOf(channel)) / DeviationOf(channel))).ToArray())];
    }

    public ImageSize Size { get; }

    public int Channels { get; }

    /// <summary>Shape of a sample.</summary>
    public ImmutableArray<int> Shape { get; }

    private bool IsBgr { get; }

    private (int Pixel, int Channel) Strides => _preprocessing.Layout == PixelLayout.Nchw ? (1, Size.Height * Size.Width) : (Channels, 1);

    /// <summary>Resizes, cuts and scales a picture.</summary>
    public void Write(Picture picture, Span<float> tensor)
    {
        byte[] pixels = Fitted(picture.To(Channels)).Pixels;
        (int pixelStride, int channelStride) = Strides;
        for (int channel = 0; channel < Channels; channel++)
        {
            float[] table = _tables[channel];
            int from = IsBgr ? Channels - 1 - channel : channel;
            for (int i = 0, to = channel * channelStride; from < pixels.Length; i++, from += Channels, to += pixelStride) tensor[to] = table[pixels[from]];
        }
    }

    /// <summary>What a tensor shows.</summary>
    public Picture Read(ReadOnlySpan<float> tensor)
    {
        var pixels = new byte[Size.Height * Size.Width * Channels];
        (int pixelStride, int channelStride) = Strides;
        for (int i = 0; i < pixels.Length; i++)
        {
            (int pixel, int from) = Math.DivRem(i, Channels);
            int channel = IsBgr ? Channels - 1 - from : from;
            double value = ((tensor[(pixel * pixelStride) + (channel * channelStride)] * DeviationOf(channel)) + MeanOf(channel)) / _preprocessing.Scale;
            pixels[i] = (byte)Math.Clamp(Math.Round(value), byte.MinValue, byte.MaxValue);
        }
        return new Picture(Size.Width, Size.Height, Channels, pixels);
    }

    private Picture Fitted(Picture picture)
    {
        (int height, int width) = (Size.Height, Size.Width);
        if (_preprocessing.Fit == Fit.Crop)
        {
            // torchvision's Resize(shorter side) and CenterCrop, for crops of any proportions.
            (int leastHeight, int leastWidth) = ((int)(height / _preprocessing.CropShare), (int)(width / _preprocessing.CropShare));
            (height, width) = (long)picture.Width * leastHeight >= (long)picture.Height * leastWidth
                ? (leastHeight, Math.Max(leastWidth, (int)((long)leastHeight * picture.Width / picture.Height)))
                : (Math.Max(leastHeight, (int)((long)leastWidth * picture.Height / picture.Width)), leastWidth);
        }
        int left = (int)Math.Round((width - Size.Width) / 2.0), top = (int)Math.Round((height - Size.Height) / 2.0);
        if ((width, height) != (picture.Width, picture.Height)) return Resizer.Resize(picture, width, height, _preprocessing.Resampling, left, top, Size.Width, Size.Height);
        return (left, top, width, height) == (0, 0, Size.Width, Size.Height) ? picture : Cut(picture, left, top);
    }

    private Picture Cut(Picture picture, int left, int top)
    {
        int stride = Size.Width * Channels;
        var pixels = new byte[stride * Size.Height];
        for (int y = 0; y < Size.Height; y++) picture.Pixels.AsSpan((((top + y) * picture.Width) + left) * Channels, stride).CopyTo(pixels.AsSpan(y * stride));
        return new Picture(Size.Width, Size.Height, Channels, pixels);
    }

    private double MeanOf(int channel) => Of(_preprocessing.Mean, channel, 0);

    private double DeviationOf(int channel) => Of(_preprocessing.StandardDeviation, channel, 1);

    private static double Of(ImmutableArray<double> values, int channel, double none) => values.Length switch { 0 => none, 1 => values[0], _ => values[channel] };
}
