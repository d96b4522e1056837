using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace AdaBN.TestSupport;

/// <summary>Reads and writes whole NumPy files, independently of the library's own reader.</summary>
internal static partial class Npy
{
    public static (T[] Data, int[] Shape) Read<T>(string path) where T : struct => Read<T>(File.ReadAllBytes(path));

    public static (T[] Data, int[] Shape) Read<T>(byte[] bytes) where T : struct
    {
        int headerLength = BitConverter.ToUInt16(bytes, 8);
        string header = Encoding.ASCII.GetString(bytes, 10, headerLength);
        int[] shape = [.. ShapePattern().Match(header).Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        return (MemoryMarshal.Cast<byte, T>(bytes.AsSpan(10 + headerLength)).ToArray(), shape);
    }

    public static void Write(string path, ReadOnlySpan<float> data, params int[] shape)
    {
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({string.Join(", ", shape)}{(shape.Length == 1 ? "," : "")}), }}";
        header = header.PadRight((((10 + header.Length) / 64) + 1) * 64 - 11) + "\n";
        using FileStream stream = File.Create(path);
        stream.Write([0x93, .. "NUMPY"u8, 1, 0]);
        stream.Write(BitConverter.GetBytes((ushort)header.Length));
        stream.Write(Encoding.ASCII.GetBytes(header));
        stream.Write(MemoryMarshal.AsBytes(data));
    }

    [GeneratedRegex(@"'shape':\s*\(([^)]*)\)")]
    private static partial Regex ShapePattern();
}
