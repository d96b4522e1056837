using Microsoft.ML.Data;

namespace Microsoft.ML;

public abstract class PredictionEngineBase<TSrc, TDst> : IDisposable
    where TSrc : class
    where TDst : class, new()
{
    private readonly ITransformer _transformer;
    private bool _disposed;

    private protected PredictionEngineBase(ITransformer transformer, DataViewSchema inputSchema)
    {
        _transformer = Check.Value(transformer, nameof(transformer));
        Check.Parameter(transformer.IsRowToRowMapper, nameof(transformer), "Only a transformer that maps row to row can do this.");
        OutputSchema = transformer.GetOutputSchema(inputSchema);
    }

    public DataViewSchema OutputSchema { get; }

    public TDst Predict(TSrc example)
    {
        var prediction = new TDst();
        Predict(example, ref prediction);
        return prediction;
    }

    public abstract void Predict(TSrc example, ref TDst prediction);

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        (_transformer as IDisposable)?.Dispose();
    }
}

/// <summary>One object in, one out.</summary>
public sealed class PredictionEngine<TSrc, TDst> : PredictionEngineBase<TSrc, TDst>
    where TSrc : class
    where TDst : class, new()
{
    private readonly ObjectRow<TSrc> _input;
    private readonly Action<TDst> _fill;

    internal PredictionEngine(ITransformer transformer, bool ignoreMissingColumns, SchemaDefinition input, SchemaDefinition output)
        : this(transformer, MemberColumn.Of(typeof(TSrc), input, SchemaDefinition.Direction.Read), ignoreMissingColumns, output)
    {
    }

    private PredictionEngine(ITransformer transformer, MemberColumn[] members, bool ignoreMissingColumns, SchemaDefinition output)
        : this(transformer, new ObjectRow<TSrc>(MemberColumn.SchemaOf(members), members, _ => true), ignoreMissingColumns, output)
    {
    }

    private PredictionEngine(ITransformer transformer, ObjectRow<TSrc> input, bool ignoreMissingColumns, SchemaDefinition output)
        : base(transformer, input.Schema)
    {
        _input = input;
        var mapper = transformer.GetRowToRowMapper(input.Schema);
        var reader = new ObjectReader<TDst>(mapper.OutputSchema, ignoreMissingColumns, output);
        _fill = reader.Bind(mapper.GetRow(input, mapper.OutputSchema));
    }

    public override void Predict(TSrc example, ref TDst prediction)
    {
        _input.MoveTo(Check.Value(example, nameof(example)));
        _fill(prediction ??= new TDst());
    }
}
