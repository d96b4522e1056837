using System.IO.Compression;
using System.Reflection;
using System.Text;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using Microsoft.ML.Transforms.Onnx;

namespace Microsoft.ML;

internal sealed class ModelLoadContext
{
    private static readonly Dictionary<string, Func<ModelLoadContext, ITransformer>> Loaders = new()
    {
        [TransformerChainLoader.Signature] = TransformerChainLoader.Load,
        [ColumnConcatenatingTransformer.LoaderSignature] = ColumnConcatenatingTransformer.Load,
        [ColumnCopyingTransformer.LoaderSignature] = ColumnCopyingTransformer.Load,
        [CustomMappingLoader.Signature] = CustomMappingLoader.Load,
        [OnnxTransformer.LoaderSignature] = OnnxTransformer.Load,
    };

    private readonly ZipArchive _archive;
    private readonly string _folder;

    private ModelLoadContext(ZipArchive archive, string folder, LocalEnvironment environment, BinaryReader reader)
    {
        _archive = archive;
        _folder = folder;
        Environment = environment;
        Reader = reader;
    }

    internal LocalEnvironment Environment { get; }

    internal BinaryReader Reader { get; }

    internal static ITransformer Load(ZipArchive archive, string folder, LocalEnvironment environment)
    {
        var entry = archive.GetEntry(ModelArchive.PathOf(folder, ModelArchive.KeyEntry))
            ?? throw new FormatException($"'{folder}' holds nothing that can be loaded.");
        using var reader = new BinaryReader(entry.Open(), Encoding.UTF8);
        if (!Loaders.TryGetValue(reader.ReadString(), out var load))
            throw new FormatException($"'{folder}' holds nothing that can be loaded.");
        try
        {
            return load(new ModelLoadContext(archive, folder, environment, reader));
        }
        catch (Exception fault)
        {
            // ML.NET calls its loaders by reflection.
            throw new InvalidOperationException($"Loading '{folder}' failed.", new TargetInvocationException(fault));
        }
    }

    internal ITransformer LoadInner(string name) => Load(_archive, ModelArchive.PathOf(_folder, name), Environment);

    internal string[] ReadStrings()
    {
        var values = new string[Reader.ReadInt32()];
        for (int i = 0; i < values.Length; i++)
            values[i] = Reader.ReadString();
        return values;
    }

    internal byte[] LoadBytes(string name)
    {
        var entry = _archive.GetEntry(ModelArchive.PathOf(_folder, name)) ?? throw new FormatException();
        using var reader = new BinaryReader(entry.Open());
        return reader.ReadBytes(reader.ReadInt32());
    }
}
