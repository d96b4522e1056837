using System.Buffers.Binary;

namespace AdaBN.Benchmarks.Accuracy.Data;

/// <summary>MNIST's own format: a magic number with the number of axes, their lengths, bytes.</summary>
internal static class IdxFile
{
    public static IEnumerable<float[]> Images(Stream stream)
    {
        byte[] pixels = Read(stream, axes: 3, out int count);
        return pixels.Chunk(pixels.Length / count).Select(image => image.Select(value => value / 255f).ToArray());
    }

    public static IEnumerable<int> Labels(Stream stream) => Read(stream, axes: 1, out _).Select(label => (int)label);

    private static byte[] Read(Stream stream, int axes, out int count)
    {
        using var memory = new MemoryStream();
        using (stream) stream.CopyTo(memory);
        const int unsignedBytes = 0x0800;
        ReadOnlySpan<byte> file = memory.ToArray();
        int header = sizeof(int) * (1 + axes), length = 1;
        if (file.Length <= header || BinaryPrimitives.ReadInt32BigEndian(file) != unsignedBytes + axes) throw new InvalidDataException($"Expected an IDX file of bytes with {axes} axes.");
        count = BinaryPrimitives.ReadInt32BigEndian(file[sizeof(int)..]);
        for (int axis = 1; axis <= axes; axis++) length *= BinaryPrimitives.ReadInt32BigEndian(file[(sizeof(int) * axis)..]);
        return file.Length == header + length ? file[header..].ToArray() : throw new InvalidDataException($"An IDX file holds {file.Length - header} bytes of data, its header says {length}.");
    }
}
