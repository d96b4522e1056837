using System.Text;

namespace Microsoft.ML.Transforms.Onnx;

/// <summary>Walks the fields of one protobuf message in a seekable stream; what is not asked for is skipped, unread.</summary>
internal sealed class ProtobufFields(Stream stream, long end)
{
    private const int Varint = 0, Fixed64 = 1, Delimited = 2, Fixed32 = 5;
    private long _next = stream.Position;
    private long _length;
    private ulong _value;

    internal int Number { get; private set; }

    internal bool Next()
    {
        if (_next >= end)
            return false;
        stream.Position = _next;
        ulong tag = ReadVarint();
        Number = (int)(tag >> 3);
        int wireType = (int)(tag & 7);
        if (wireType is Varint or Delimited)
            _value = ReadVarint();
        _length = wireType switch
        {
            Varint => 0,
            Fixed64 => 8,
            Delimited => (long)_value,
            Fixed32 => 4,
            _ => throw new InvalidDataException($"Not a protobuf message: wire type {wireType}"),
        };
        _next = stream.Position + _length;
        return true;
    }

    internal long Integer() => (long)_value;

    internal ProtobufFields Message() => new(stream, _next);

    internal string Text()
    {
        var bytes = new byte[_length];
        stream.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            int read = stream.ReadByte();
            if (read < 0)
                throw new EndOfStreamException();
            value |= (ulong)(read & 0x7f) << shift;
            if (read < 0x80)
                return value;
        }

        throw new InvalidDataException("Not a protobuf message: a number of more than 10 bytes");
    }
}
