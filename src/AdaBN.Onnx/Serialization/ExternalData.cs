using System.Globalization;

namespace AdaBN.Onnx.Serialization;

/// <summary>Where a tensor's data lies in a file beside the model (https://github.com/onnx/onnx/blob/main/docs/ExternalData.md). A checksum, if any, is ignored.</summary>
/// <param name="Location">The file, relative to the model's folder, as stored.</param>
/// <param name="Offset">The data's first byte.</param>
/// <param name="Length">Its number of bytes.</param>
internal sealed record ExternalData(string Location, long Offset, long Length)
{
    private const int ExternalLocation = 1;

    public static bool IsIn(TensorProto tensor) => tensor.DataLocation == ExternalLocation;

    /// <exception cref="OnnxModelException">The reference is incomplete or contradicts the tensor's shape.</exception>
    public static ExternalData Of(TensorProto tensor)
    {
        string location = Entry(tensor, "location") ?? throw new OnnxModelException($"Tensor '{tensor.Name}' keeps its data outside the model but names no file. Export the model again.");
        long offset = Number(tensor, "offset") ?? 0;
        long? declared = Number(tensor, "length"), needed = TensorShape.ByteCount(tensor);
        long length = declared ?? needed ?? throw new OnnxModelException($"Tensor '{tensor.Name}' keeps data of a type this library cannot measure in '{location}' and gives no length. Export the model again.");
        if (needed is { } expected && length != expected)
        {
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture,
                $"Tensor '{tensor.Name}' of shape [{string.Join(", ", tensor.Dims)}] needs {expected} bytes, but its data in '{location}' is {length} bytes long. The file is damaged; export the model again."));
        }
        return new ExternalData(location, offset, length);
    }

    public static void Remove(TensorProto tensor)
    {
        tensor.ExternalData.Clear();
        tensor.ClearDataLocation();
    }

    private static string? Entry(TensorProto tensor, string key) => tensor.ExternalData.FirstOrDefault(entry => entry.Key == key)?.Value;

    private static long? Number(TensorProto tensor, string key)
    {
        if (Entry(tensor, key) is not { } text) return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number : throw new OnnxModelException($"Tensor '{tensor.Name}': the {key} of its data outside the model is '{text}', expected a number of bytes. Export the model again.");
    }
}
