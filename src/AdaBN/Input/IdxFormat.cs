using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;

namespace AdaBN.Input;

/// <summary>MNIST's own format: two zeros, the type of elements, the number of axes, their lengths, the elements; big-endian. Bytes only.</summary>
internal static class IdxFormat
{
    private const int ByteType = 0x08, MagicLength = 4;

    public static ArrayFile Open(string path, bool isPacked)
    {
        using Stream stream = OpenStream(path, isPacked);
        Span<byte> header = stackalloc byte[MagicLength + (8 * sizeof(int))];
        Read(stream, header[..MagicLength], path);
        if (!ArrayFile.IsIdx(header[..MagicLength])) throw new InvalidDataException($"{path} is packed by gzip, but holds no IDX file. Unpack it.");
        int axes = header[3];
        if (header[2] != ByteType) throw new InvalidDataException($"{path} holds elements of IDX type {header[2]:x2}, expected bytes (08).");
        if (axes < 2) throw new InvalidDataException($"{path} has one axis, as labels have, expected the samples' axis and at least one more, such as (N, 28, 28).");
        Read(stream, header.Slice(MagicLength, axes * sizeof(int)), path);
        var shape = new int[axes];
        for (int i = 0; i < axes; i++)
        {
            shape[i] = BinaryPrimitives.ReadInt32BigEndian(header[(MagicLength + (i * sizeof(int)))..]);
            if (shape[i] < 0) throw new InvalidDataException($"{path} is damaged: an axis of {(uint)shape[i]} elements.");
        }
        int headerLength = MagicLength + (axes * sizeof(int));
        Int128 expected = shape.Aggregate((Int128)1, (product, length) => product * length);
        long found = new FileInfo(path).Length;
        if (isPacked) ArrayFile.CheckRatio(path, expected, found);
        else if (expected != found - headerLength)
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{path} declares shape ({string.Join(", ", shape)}), that is {expected} bytes of data, but holds {found - headerLength}. Was it copied completely?"));
        return new ArrayFile(path, isBytes: true, shape, () => (OpenData(path, isPacked, headerLength), null));
    }

    private static Stream OpenData(string path, bool isPacked, int headerLength)
    {
        Stream stream = OpenStream(path, isPacked);
        Read(stream, stackalloc byte[headerLength], path);
        return stream;
    }

    private static Stream OpenStream(string path, bool isPacked)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16, FileOptions.SequentialScan);
        return isPacked ? new BufferedStream(new GZipStream(file, CompressionMode.Decompress), 1 << 16) : file;
    }

    private static void Read(Stream stream, Span<byte> bytes, string path)
    {
        try
        {
            stream.ReadExactly(bytes);
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
        {
            throw new InvalidDataException($"{path} is damaged or ends within its header. Was it copied completely?", e);
        }
    }
}
