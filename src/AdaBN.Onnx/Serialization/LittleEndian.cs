using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace AdaBN.Onnx.Serialization;

/// <summary>Raw tensor data: fixed-width, little-endian on every machine (onnx.proto, TensorProto.raw_data).</summary>
internal static class LittleEndian
{
    public static float[] ToFloats(ReadOnlySpan<byte> bytes)
    {
        float[] floats = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        Swap(floats);
        return floats;
    }

    public static byte[] ToBytes(ReadOnlySpan<float> floats)
    {
        var bytes = new byte[floats.Length * sizeof(float)];
        Span<float> copy = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
        floats.CopyTo(copy);
        Swap(copy);
        return bytes;
    }

    private static void Swap(Span<float> floats)
    {
        if (BitConverter.IsLittleEndian) return;
        Span<int> words = MemoryMarshal.Cast<float, int>(floats);
        BinaryPrimitives.ReverseEndianness(words, words);
    }
}
