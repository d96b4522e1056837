using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace AdaBN.TestSupport;

/// <summary>Zips laid out as ML.NET saves a pipeline of a step and an ONNX step.</summary>
internal static class PipelineZip
{
    public const string Step = "TransformerChain/Transform_001/";

    public static byte[] Header => Encoding.ASCII.GetBytes("ML\0MODEL…OnnxTransform\0…LEDOM\0LM");

    public static IEnumerable<(string Name, byte[] Content)> Entries(byte[] model)
    {
        byte[] entry = [0, 0, 0, 0, .. model];
        BinaryPrimitives.WriteInt32LittleEndian(entry, model.Length);
        return
        [
            ("TrainingInfo/Version.txt", "5.0.1"u8.ToArray()), ("TransformerChain/Transform_000/Model.key", [1, 2, 3]), (Step + "OnnxModel", entry), (Step + "Model.key", Header),
            ("Schema", [.. Enumerable.Range(0, 100).Select(i => (byte)i)]),
        ];
    }

    public static string Write(string file, IEnumerable<(string Name, byte[] Content)> entries)
    {
        using var zip = new ZipArchive(File.Create(file), ZipArchiveMode.Create);
        foreach ((string entry, byte[] content) in entries)
        {
            ZipArchiveEntry created = zip.CreateEntry(entry, CompressionLevel.Optimal);
            created.LastWriteTime = new DateTimeOffset(2020, 2, 2, 2, 2, 2, TimeSpan.Zero);
            using Stream stream = created.Open();
            stream.Write(content);
        }
        return file;
    }
}
