using System.Buffers.Binary;
using System.Security.Cryptography;
using AdaBN;
using AdaBN.Images;
using AdaBN.Onnx;
using AdaBN.TestSupport;
using Microsoft.ML.OnnxRuntime;

namespace ScoringService.Tests;

/// <summary>The shipped digits as image files, and what the service has to make of them, computed without it.</summary>
internal static class Digits
{
    private const int Side = 28;

    public static OnnxModel Source { get; } = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));

    public static byte[] SourceBytes { get; } = File.ReadAllBytes(Repository.Model("digits-cnn.onnx"));

    /// <summary>The bytes of a digit's pixels, 0 to 255.</summary>
    public static byte[] PixelsOf(float[] digit) => [.. digit.Select(pixel => (byte)Math.Round(pixel * byte.MaxValue))];

    /// <summary>A BMP of 24 bits, rows from bottom to top.</summary>
    public static byte[] Bitmap(float[] digit)
    {
        const int header = 54, row = Side * 3; // 84 bytes, a multiple of four
        var file = new byte[header + (row * Side)];
        "BM"u8.CopyTo(file);
        foreach ((int at, int value) in ((int, int)[])[(2, file.Length), (10, header), (14, 40), (18, Side), (22, Side), (34, row * Side)]) BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at), value);
        (file[26], file[28]) = (1, 24);
        byte[] pixels = PixelsOf(digit);
        for (int i = 0; i < pixels.Length; i++) file.AsSpan(header + ((Side - 1 - (i / Side)) * row) + (i % Side * 3), 3).Fill(pixels[i]);
        return file;
    }

    public static string VersionOf(byte[] model) => Convert.ToHexStringLower(SHA256.HashData(model));

    /// <summary>The tensor of such an image: byte / 255.</summary>
    public static float[] TensorOf(float[] digit) => [.. PixelsOf(digit).Select(pixel => pixel / 255f)];

    /// <summary>The adaptation that the service has to come to: over the same files, with the engine's defaults.</summary>
    public static AdaptationResult Adapt(IEnumerable<byte[]> images)
    {
        using var folder = new TemporaryFolder();
        foreach (byte[] image in images) File.WriteAllBytes(folder.File($"{VersionOf(image)}.bmp"), image);
        return BatchNormAdapter.Adapt(Source, new ImageSamples(ImageFiles.InFolder(folder.Path), new Preprocessing { StandardDeviation = [255] }.For(Source)));
    }

    /// <summary>A model's scores by plain ONNX Runtime, an image at a time, on one thread.</summary>
    public static float[][] ScoresOf(byte[] model, IEnumerable<float[]> tensors)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        using var session = new InferenceSession(model, options);
        using var run = new RunOptions();
        return [.. tensors.Select(tensor =>
        {
            using OrtValue input = OrtValue.CreateTensorValueFromMemory(tensor, [1, 1, Side, Side]);
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, ["image"], [input], ["logits"]);
            return outputs[0].GetTensorDataAsSpan<float>().ToArray();
        })];
    }
}
