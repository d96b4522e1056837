using System.Globalization;

namespace AdaBN.Images;

/// <summary>
/// Pixels in an array file as samples, prepared as the model takes them: bytes of shape (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W), colours red first.
/// </summary>
public sealed class ImageArraySamples : ISeekableSampleSource
{
    private readonly ArrayFile _file;
    private readonly PixelTensor _tensor;
    private readonly (int Width, int Height, int Channels, bool IsPlanar) _form;

    /// <param name="file">The file; its elements are bytes.</param>
    /// <param name="preprocessing">With size, colours and layout, as <see cref="Preprocessing.For"/> gives it.</param>
    /// <param name="inputName">The model input it feeds; null where the model has only one.</param>
    /// <exception cref="InvalidDataException">The array is none of pictures.</exception>
    public ImageArraySamples(ArrayFile file, Preprocessing preprocessing, string? inputName = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(preprocessing);
        (_file, _tensor) = (file, new PixelTensor(preprocessing));
        _form = file.IsBytes ? file.Shape.ToArray() switch
        {
            [_, var height, var width] => (width, height, Picture.Gray, false),
            [_, var height, var width, (Picture.Gray or Picture.Rgb) and var channels] => (width, height, channels, false),
            [_, (Picture.Gray or Picture.Rgb) and var channels, var height, var width] => (width, height, channels, true),
            _ => throw NoPictures(file),
        } : throw NoPictures(file);
        Decoding.ImageDecoder.CheckSize(_form.Width, _form.Height);
        Inputs = [new SampleInput(inputName, _tensor.Shape)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<SampleInput> Inputs { get; }

    /// <inheritdoc/>
    public long? Count => _file.Shape[0];

    /// <inheritdoc/>
    public ISampleReader OpenReader() => OpenReader(0);

    /// <inheritdoc/>
    public ISampleReader OpenReader(long first)
    {
        ArrayReader reader = _file.OpenReader();
        reader.Skip(first * _form.Width * _form.Height * _form.Channels);
        return new Reader(this, reader, checked((int)first));
    }

    private static InvalidDataException NoPictures(ArrayFile file) => new(string.Create(CultureInfo.InvariantCulture,
        $"{file.Path} holds {(file.IsBytes ? "bytes" : "float32 numbers")} of shape ({string.Join(", ", file.Shape)}), expected pictures in bytes: (N, H, W), (N, H, W, 3) or (N, 3, H, W)."));

    private sealed class Reader(ImageArraySamples samples, ArrayReader reader, int first) : ISampleReader
    {
        private int _next = first;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (_next++ == samples._file.Shape[0]) return false;
            (int width, int height, int channels, bool isPlanar) = samples._form;
            var pixels = new byte[width * height * channels];
            reader.Read(pixels);
            if (isPlanar && channels > 1)
            {
                byte[] planes = pixels;
                pixels = new byte[planes.Length];
                for (int i = 0; i < pixels.Length; i++) pixels[i] = planes[(i % channels * width * height) + (i / channels)];
            }
            samples._tensor.Write(new Picture(width, height, channels, pixels), destination[0].Span);
            return true;
        }

        public void Dispose() => reader.Dispose();
    }
}
