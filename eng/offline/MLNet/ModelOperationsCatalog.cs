using Microsoft.ML.Data;

namespace Microsoft.ML;

public sealed class ModelOperationsCatalog
{
    private readonly LocalEnvironment _environment;

    internal ModelOperationsCatalog(LocalEnvironment environment) => _environment = environment;

    public void Save(ITransformer model, DataViewSchema inputSchema, Stream stream) =>
        ModelArchive.Save(model, inputSchema, Check.Value(stream, nameof(stream)));

    public void Save(ITransformer model, DataViewSchema inputSchema, string filePath)
    {
        using var stream = File.Create(Check.NonEmpty(filePath, nameof(filePath)));
        Save(model, inputSchema, stream);
    }

    public ITransformer Load(Stream stream, out DataViewSchema inputSchema) =>
        ModelArchive.Load(Check.Value(stream, nameof(stream)), _environment, out inputSchema);

    public ITransformer Load(string filePath, out DataViewSchema inputSchema)
    {
        using var stream = File.OpenRead(Check.NonEmpty(filePath, nameof(filePath)));
        return Load(stream, out inputSchema);
    }

    /// <summary>The engine owns the transformer: disposing the one disposes the other.</summary>
    public PredictionEngine<TSrc, TDst> CreatePredictionEngine<TSrc, TDst>(
        ITransformer transformer,
        bool ignoreMissingColumns = true,
        SchemaDefinition inputSchemaDefinition = null,
        SchemaDefinition outputSchemaDefinition = null)
        where TSrc : class
        where TDst : class, new() =>
        new(transformer, ignoreMissingColumns, inputSchemaDefinition, outputSchemaDefinition);
}
