using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using AdaBN.Input;

namespace AdaBN;

/// <summary>
/// An array in a file, its first axis counting samples: NumPy's <c>.npy</c> and <c>.npz</c>, and IDX as MNIST comes in, also packed by gzip. Told apart by
/// content, read as a stream. Elements are float32 (tensors as the model takes them) or bytes (pixels).
/// </summary>
public sealed class ArrayFile
{
    /// <summary>Deflate packs no more than 258 bytes into 2 bits.</summary>
    private const long LargestRatio = 1032;

    private readonly Func<(Stream Data, IDisposable? Owner)> _open;

    internal ArrayFile(string path, bool isBytes, int[] shape, Func<(Stream Data, IDisposable? Owner)> open)
    {
        (Path, IsBytes, _open) = (path, isBytes, open);
        Shape = shape;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Whether elements are bytes, not float32.</summary>
    public bool IsBytes { get; }

    /// <summary>Lengths of all axes, samples first.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Whether a file starts as one of these do.</summary>
    public static bool LooksLikeOne(string path)
    {
        Span<byte> start = stackalloc byte[6];
        start = TextLines.Peek(path, start);
        return start is [(byte)'P', (byte)'K', 3, 4, ..] or [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'] || (start.Length >= 4 && IsIdx(start[..4]));
    }

    /// <summary>Opens a file and checks its header, and its length where that can be told without unpacking.</summary>
    /// <param name="path">The file.</param>
    /// <param name="arrayName">In an <c>.npz</c> of several arrays, the one to read.</param>
    /// <exception cref="InvalidDataException">The file is none of these, or damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ArrayFile Open(string path, string? arrayName = null)
    {
        Span<byte> start = stackalloc byte[4];
        using (FileStream stream = File.OpenRead(path)) start = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        if (start is [(byte)'P', (byte)'K', ..]) return NpzFormat.Open(path, arrayName);
        return IsIdx(start) || IsGzip(start) ? IdxFormat.Open(path, IsGzip(start)) : NpyFormat.Open(path);
    }

    /// <summary>The elements as samples.</summary>
    /// <param name="inputName">The model input it feeds; null where the model has only one.</param>
    /// <exception cref="InvalidDataException">Elements are bytes, which mean nothing to a model before they are scaled.</exception>
    public ISampleSource ToSamples(string? inputName = null) => IsBytes
        ? throw new InvalidDataException($"{Path} holds bytes, expected float32: scale pixels as the model was trained, array.astype('float32') / 255 or the like (AdaBN.Images does).")
        : new Samples(this, inputName);

    /// <summary>Starts reading the elements, in row-major order.</summary>
    public ArrayReader OpenReader()
    {
        (Stream data, IDisposable? owner) = _open();
        return new ArrayReader(this, data, owner);
    }

    internal static bool IsGzip(ReadOnlySpan<byte> start) => start is [0x1F, 0x8B, ..];

    internal static bool IsIdx(ReadOnlySpan<byte> start) => start is [0, 0, >= 0x08 and <= 0x0E, >= 1 and <= 8];

    /// <summary>Refuses packed data that unpacks to what no honest file does.</summary>
    internal static void CheckRatio(string path, Int128 unpacked, long packed)
    {
        const long suspicious = 1 << 30, usualRatio = 100;
        if (unpacked > (Int128)LargestRatio * (packed + 1) || (unpacked > suspicious && unpacked > (Int128)usualRatio * packed))
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{path} claims to unpack {packed} bytes to {unpacked}: damaged, or a zip bomb. If it is sound, store it unpacked."));
    }

    private sealed class Samples(ArrayFile file, string? inputName) : ISeekableSampleSource
    {
        public IReadOnlyList<SampleInput> Inputs { get; } = [new SampleInput(inputName, [.. file.Shape.Skip(1)])];

        public long? Count => file.Shape[0];

        public ISampleReader OpenReader() => OpenReader(0);

        public ISampleReader OpenReader(long first)
        {
            ArrayReader reader = file.OpenReader();
            reader.Skip(first * Inputs[0].Length * sizeof(float));
            return new Reader(reader, file.Shape[0] - (int)first);
        }
    }

    private sealed class Reader(ArrayReader reader, int count) : ISampleReader
    {
        private int _next;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (_next == count) return false;
            Span<byte> bytes = MemoryMarshal.AsBytes(destination[0].Span);
            reader.Read(bytes);
            if (!BitConverter.IsLittleEndian)
            {
                Span<int> words = MemoryMarshal.Cast<byte, int>(bytes);
                BinaryPrimitives.ReverseEndianness(words, words);
            }
            _next++;
            return true;
        }

        public void Dispose() => reader.Dispose();
    }
}

/// <summary>Reads an array's elements from first to last.</summary>
public sealed class ArrayReader : IDisposable
{
    private readonly ArrayFile _file;
    private readonly Stream _data;
    private readonly IDisposable? _owner;

    internal ArrayReader(ArrayFile file, Stream data, IDisposable? owner) => (_file, _data, _owner) = (file, data, owner);

    /// <summary>Reads the next elements.</summary>
    /// <param name="bytes">Receives them as they are stored; filled completely.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or ends before they do.</exception>
    public void Read(Span<byte> bytes)
    {
        try
        {
            _data.ReadExactly(bytes);
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{_file.Path} is damaged or ends before its {_file.Shape[0]} samples do. Was it copied completely?"), e);
        }
    }

    /// <summary>Leaves out the next bytes; without reading them where the file is not packed.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or ends before they do.</exception>
    public void Skip(long bytes)
    {
        if (_data is FileStream)
        {
            _data.Seek(bytes, SeekOrigin.Current);
            return;
        }
        Span<byte> unused = new byte[(int)Math.Min(bytes, 1 << 20)];
        for (; bytes > 0; bytes -= unused.Length) Read(unused = unused[..(int)Math.Min(bytes, unused.Length)]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _data.Dispose();
        _owner?.Dispose();
    }
}
