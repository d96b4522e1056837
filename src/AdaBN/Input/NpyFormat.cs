using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace AdaBN.Input;

/// <summary>NumPy's file format: float32 and bytes, C order (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).</summary>
internal static partial class NpyFormat
{
    private const int LongestHeader = 1 << 20, MostAxes = 8;

    public static ArrayFile Open(string path)
    {
        using FileStream stream = File.OpenRead(path);
        (bool isBytes, int[] shape, int offset) = ReadHeader(stream, path, stream.Length);
        return new ArrayFile(path, isBytes, shape, () =>
        {
            var data = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 20, FileOptions.SequentialScan);
            data.Position = offset;
            return (data, null);
        });
    }

    /// <summary>Reads the header and checks it against the length of the whole; the stream then stands at the elements.</summary>
    public static (bool IsBytes, int[] Shape, int Length) ReadHeader(Stream stream, string path, long wholeLength)
    {
        string header = ReadText(stream, path, out int headerLength);
        string type = DescrPattern().Match(header).Groups[1].Value;
        if (type is not ("<f4" or "|u1"))
            throw new InvalidDataException($"{path} holds elements of type '{type}', expected little-endian float32 ('<f4'): numpy.save(file, array.astype('float32')); or pixels as bytes ('|u1').");
        if (!header.Contains("'fortran_order': False", StringComparison.Ordinal))
            throw new InvalidDataException($"{path} is stored in Fortran order, expected C order: numpy.save(file, numpy.ascontiguousarray(array)).");
        int[] shape = ParseShape(header, path);
        bool isBytes = type == "|u1";
        Int128 expected = shape.Aggregate((Int128)(isBytes ? 1 : sizeof(float)), (product, length) => product * length);
        if (wholeLength - headerLength != expected)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"{path} declares shape ({string.Join(", ", shape)}), that is {expected} bytes of data, but holds {wholeLength - headerLength}. Was it copied completely?"));
        }
        return (isBytes, shape, headerLength);
    }

    private static string ReadText(Stream stream, string path, out int headerLength)
    {
        Span<byte> start = stackalloc byte[12];
        if (stream.ReadAtLeast(start[..10], 10, throwOnEndOfStream: false) < 10 || start[0] != 0x93 || !start[1..6].SequenceEqual("NUMPY"u8))
            throw new InvalidDataException($"{path} is no NumPy file: it does not start with the bytes 93 'NUMPY'.");
        int length = BinaryPrimitives.ReadUInt16LittleEndian(start[8..]);
        bool isLong = start[6] >= 2;
        if (isLong) length = stream.ReadAtLeast(start[10..], 2, throwOnEndOfStream: false) == 2 ? BinaryPrimitives.ReadInt32LittleEndian(start[8..]) : -1;
        headerLength = (isLong ? 12 : 10) + length;
        var header = new byte[length is >= 0 and <= LongestHeader ? length : 0];
        if (length != header.Length || stream.ReadAtLeast(header, length, throwOnEndOfStream: false) < length)
            throw new InvalidDataException($"{path} is damaged: its header is longer than the file allows.");
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
        if (shape.Length is < 2 or > MostAxes)
            throw new InvalidDataException($"{path} has {shape.Length} axes, expected the samples' axis and at least one more, such as (N, C, H, W).");
        return shape;
    }

    [GeneratedRegex(@"'descr':\s*'([^']*)'")]
    private static partial Regex DescrPattern();

    [GeneratedRegex(@"'shape':\s*\(([^)]*)\)")]
    private static partial Regex ShapePattern();
}
