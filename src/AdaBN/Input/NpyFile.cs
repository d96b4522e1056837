using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace AdaBN;

/// <summary>
/// Samples in a NumPy file: little-endian float32, C order, the first axis counting samples
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). Read as a stream, so the file may be larger than memory.
/// </summary>
public sealed partial class NpyFile : ISampleSource
{
    private readonly string _path;
    private readonly long _dataOffset;

    private NpyFile(string path, long dataOffset, string? inputName, int[] shape)
    {
        _path = path;
        _dataOffset = dataOffset;
        Count = shape[0];
        Inputs = [new SampleInput(inputName, [.. shape[1..]])];
    }

    /// <inheritdoc/>
    public IReadOnlyList<SampleInput> Inputs { get; }

    /// <inheritdoc/>
    public long? Count { get; }

    /// <summary>Opens a file and checks its header and length.</summary>
    /// <param name="path">The <c>.npy</c> file.</param>
    /// <param name="inputName">The model input it feeds; null where the model has only one.</param>
    /// <exception cref="InvalidDataException">The file is not a NumPy file of the supported kind.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static NpyFile Open(string path, string? inputName = null)
    {
        using FileStream stream = File.OpenRead(path);
        string header = ReadHeader(stream, path);
        if (DescrPattern().Match(header).Groups[1].Value is not "<f4" and var found)
            throw new InvalidDataException($"{path} holds elements of type '{found}', expected little-endian float32 ('<f4'): numpy.save(file, array.astype('float32')).");
        if (!header.Contains("'fortran_order': False", StringComparison.Ordinal))
            throw new InvalidDataException($"{path} is stored in Fortran order, expected C order: numpy.save(file, numpy.ascontiguousarray(array)).");
        int[] shape = ParseShape(header, path);
        Int128 expected = shape.Aggregate((Int128)sizeof(float), (product, length) => product * length);
        if (stream.Length - stream.Position != expected)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"{path} declares shape ({string.Join(", ", shape)}), that is {expected} bytes of data, but holds {stream.Length - stream.Position}. Was it copied completely?"));
        }
        return new NpyFile(path, stream.Position, inputName, shape);
    }

    /// <inheritdoc/>
    public ISampleReader OpenReader()
    {
        var stream = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 20, FileOptions.SequentialScan);
        stream.Position = _dataOffset;
        return new Reader(stream, Count!.Value);
    }

    private static string ReadHeader(FileStream stream, string path)
    {
        Span<byte> start = stackalloc byte[12];
        if (stream.ReadAtLeast(start[..10], 10, throwOnEndOfStream: false) < 10 || start[0] != 0x93 || !start[1..6].SequenceEqual("NUMPY"u8))
            throw new InvalidDataException($"{path} is no NumPy file: it does not start with the bytes 93 'NUMPY'.");
        int length = BinaryPrimitives.ReadUInt16LittleEndian(start[8..]);
        if (start[6] >= 2)
        {
            stream.ReadExactly(start[10..]);
            length = BinaryPrimitives.ReadInt32LittleEndian(start[8..]);
        }
        const int longestHeader = 1 << 20;
        if (length is < 0 or > longestHeader || length > stream.Length - stream.Position)
            throw new InvalidDataException($"{path} is damaged: its header is longer than the file allows.");
        var header = new byte[length];
        stream.ReadExactly(header);
        return Encoding.UTF8.GetString(header);
    }

    private static int[] ParseShape(string header, string path)
    {
        string[] lengths = ShapePattern().Match(header).Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var shape = new int[lengths.Length];
        for (int i = 0; i < shape.Length; i++)
        {
            if (!int.TryParse(lengths[i], NumberStyles.None, CultureInfo.InvariantCulture, out shape[i]))
                throw new InvalidDataException($"{path} is damaged: its shape '{string.Join(", ", lengths)}' is unreadable or too large.");
        }
        const int mostAxes = 8;
        if (shape.Length is < 2 or > mostAxes)
            throw new InvalidDataException($"{path} has {shape.Length} axes, expected the samples' axis and at least one more, such as (N, C, H, W).");
        return shape;
    }

    [GeneratedRegex(@"'descr':\s*'([^']*)'")]
    private static partial Regex DescrPattern();

    [GeneratedRegex(@"'shape':\s*\(([^)]*)\)")]
    private static partial Regex ShapePattern();

    private sealed class Reader(FileStream stream, long count) : ISampleReader
    {
        private long _next;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (_next == count) return false;
            Span<byte> bytes = MemoryMarshal.AsBytes(destination[0].Span);
            stream.ReadExactly(bytes);
            if (!BitConverter.IsLittleEndian)
            {
                Span<int> words = MemoryMarshal.Cast<byte, int>(bytes);
                BinaryPrimitives.ReverseEndianness(words, words);
            }
            _next++;
            return true;
        }

        public void Dispose() => stream.Dispose();
    }
}
