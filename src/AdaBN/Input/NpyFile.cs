namespace AdaBN;

/// <summary>
/// Samples in a NumPy file: little-endian float32, C order, the first axis counting samples. Read as a stream, so the file may be larger than
/// memory. <see cref="ArrayFile"/> reads archives and bytes as well.
/// </summary>
public sealed class NpyFile : ISeekableSampleSource
{
    private readonly ISeekableSampleSource _samples;

    private NpyFile(ISeekableSampleSource samples) => _samples = samples;

    /// <inheritdoc/>
    public IReadOnlyList<SampleInput> Inputs => _samples.Inputs;

    /// <inheritdoc/>
    public long? Count => _samples.Count;

    /// <summary>Opens a file and checks its header and length.</summary>
    /// <param name="path">The <c>.npy</c> file.</param>
    /// <param name="inputName">The model input it feeds; null where the model has only one.</param>
    /// <exception cref="InvalidDataException">The file is not a NumPy file of the supported kind.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static NpyFile Open(string path, string? inputName = null) => new((ISeekableSampleSource)Input.NpyFormat.Open(path).ToSamples(inputName));

    /// <inheritdoc/>
    public ISampleReader OpenReader() => _samples.OpenReader();

    /// <inheritdoc/>
    public ISampleReader OpenReader(long first) => _samples.OpenReader(first);
}
