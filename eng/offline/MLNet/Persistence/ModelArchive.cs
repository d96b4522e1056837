using System.IO.Compression;
using System.Text;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>
/// The stand-in's model file: a zip laid out like ML.NET's, with a folder a step and raw ONNX bytes in entries named OnnxModel,
/// but with contents of its own. ML.NET reads none of these files, nor the stand-in ML.NET's.
/// </summary>
internal static class ModelArchive
{
    internal const string KeyEntry = "Model.key";
    internal const string TransformerFolder = "TransformerChain";
    private const string SchemaEntry = "Schema";

    internal static string PathOf(string folder, string name) => $"{folder}/{name}";

    internal static void Save(ITransformer model, DataViewSchema schema, Stream stream)
    {
        using var writer = new ModelArchiveWriter(stream);
        if (model != null)
            writer.Save(model, TransformerFolder);
        if (schema != null)
            writer.Add(SchemaEntry, SchemaBytes(schema));
    }

    internal static ITransformer Load(Stream stream, LocalEnvironment environment, out DataViewSchema schema)
    {
        using var archive = Open(stream);
        schema = archive.GetEntry(SchemaEntry) is { } entry ? ReadSchema(entry) : null;
        if (archive.GetEntry(PathOf(TransformerFolder, KeyEntry)) == null)
            throw new InvalidOperationException("The file holds no model.", new InvalidOperationException(TransformerFolder));
        return ModelLoadContext.Load(archive, TransformerFolder, environment);
    }

    private static ZipArchive Open(Stream stream)
    {
        try
        {
            return new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        }
        catch (Exception fault)
        {
            throw new FormatException("The file is no zip archive.", fault);
        }
    }

    private static MemoryStream SchemaBytes(DataViewSchema schema)
    {
        var body = new MemoryStream();
        using var writer = new BinaryWriter(body, Encoding.UTF8, leaveOpen: true);
        writer.Write(schema.Count);
        foreach (var column in schema)
        {
            writer.Write(column.Name);
            writer.Write(DataViewTypeFacts.ItemTypeOf(column.Type).ToString());
            var dimensions = column.Type is VectorDataViewType vector ? vector.Dimensions : [];
            writer.Write(dimensions.Length);
            foreach (int length in dimensions)
                writer.Write(length);
        }

        return body;
    }

    private static DataViewSchema ReadSchema(ZipArchiveEntry entry)
    {
        using var reader = new BinaryReader(entry.Open(), Encoding.UTF8);
        var schema = new DataViewSchema.Builder();
        for (int remaining = reader.ReadInt32(); remaining > 0; remaining--)
        {
            string name = reader.ReadString();
            var item = DataViewTypeFacts.PrimitiveNamed(reader.ReadString());
            var dimensions = new int[reader.ReadInt32()];
            for (int i = 0; i < dimensions.Length; i++)
                dimensions[i] = reader.ReadInt32();
            schema.AddColumn(name, dimensions.Length == 0 ? item : new VectorDataViewType(item, dimensions));
        }

        return schema.ToSchema();
    }
}

internal sealed class ModelArchiveWriter(Stream stream) : IDisposable
{
    private readonly ZipArchive _archive = new(stream, ZipArchiveMode.Create, leaveOpen: true);

    public void Dispose() => _archive.Dispose();

    internal void Save(ICanSaveModel model, string folder)
    {
        using var context = new ModelSaveContext(this, folder);
        model.Save(context);
        context.Writer.Flush();
        context.End();
    }

    internal void Add(string path, MemoryStream body)
    {
        using var entry = _archive.CreateEntry(path).Open();
        body.WriteTo(entry);
    }
}
