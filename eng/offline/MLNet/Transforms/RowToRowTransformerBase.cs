namespace Microsoft.ML.Data;

/// <summary>A transformer that only adds columns computed from the same row.</summary>
public abstract class RowToRowTransformerBase : ITransformer
{
    private protected RowToRowTransformerBase()
    {
    }

    bool ITransformer.IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(Check.Value(inputSchema, nameof(inputSchema))).Layout.Schema;

    public IDataView Transform(IDataView input) => new MappedDataView(Check.Value(input, nameof(input)), Bind(input.Schema));

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) =>
        new BoundRowMapper(Bind(Check.Value(inputSchema, nameof(inputSchema))));

    void ICanSaveModel.Save(ModelSaveContext ctx) => SaveModel(Check.Value(ctx, nameof(ctx)));

    private protected abstract void SaveModel(ModelSaveContext ctx);

    private protected abstract BoundMapper Bind(DataViewSchema inputSchema);
}

/// <summary>An estimator with nothing to learn: fitting checks the schema and gives back the transformer made beforehand.</summary>
public abstract class TrivialEstimator<TTransformer> : IEstimator<TTransformer> where TTransformer : class, ITransformer
{
    private protected TrivialEstimator(TTransformer transformer) => Transformer = transformer;

    private protected TTransformer Transformer { get; }

    public TTransformer Fit(IDataView input)
    {
        Transformer.GetOutputSchema(Check.Value(input, nameof(input)).Schema);
        return Transformer;
    }

    public abstract SchemaShape GetOutputSchema(SchemaShape inputSchema);
}
