using System.Collections;

namespace Microsoft.ML.Data;

[Flags]
public enum TransformerScope
{
    None = 0,
    Training = 1,
    Testing = 2,
    Scoring = 4,
    TrainTest = Training | Testing,
    Everything = Training | Testing | Scoring,
}

/// <summary>Transformers one after another. Transforming uses the steps in scope for scoring; saving keeps all, step by step.</summary>
public sealed class TransformerChain<TLastTransformer> : ITransformer, IEnumerable<ITransformer>, IDisposable
    where TLastTransformer : class, ITransformer
{
    private readonly ITransformer[] _transformers;
    private readonly TransformerScope[] _scopes;
    private bool _disposed;

    public readonly TLastTransformer LastTransformer;

    public TransformerChain(params ITransformer[] transformers)
        : this(transformers ?? [], Enumerable.Repeat(TransformerScope.Everything, transformers?.Length ?? 0))
    {
    }

    public TransformerChain(IEnumerable<ITransformer> transformers, IEnumerable<TransformerScope> scopes)
    {
        _transformers = [.. transformers ?? []];
        _scopes = [.. scopes ?? []];
        LastTransformer = _transformers.LastOrDefault() as TLastTransformer;
        Check.State(LastTransformer != null || _transformers.Length == 0, $"The last step is no {typeof(TLastTransformer)}");
        Check.State(_transformers.Length == _scopes.Length, "Each step needs one scope");
    }

    bool ITransformer.IsRowToRowMapper => _transformers.All(transformer => transformer.IsRowToRowMapper);

    private IEnumerable<ITransformer> ForScoring =>
        _transformers.Where((_, index) => _scopes[index].HasFlag(TransformerScope.Scoring));

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => ForScoring.Aggregate(
        Check.Value(inputSchema, nameof(inputSchema)),
        (schema, transformer) => transformer.GetOutputSchema(schema));

    public IDataView Transform(IDataView input)
    {
        GetOutputSchema(Check.Value(input, nameof(input)).Schema);
        return ForScoring.Aggregate(input, (data, transformer) => transformer.Transform(data));
    }

    public TransformerChain<TNewLast> Append<TNewLast>(TNewLast transformer, TransformerScope scope = TransformerScope.Everything)
        where TNewLast : class, ITransformer =>
        new([.. _transformers, Check.Value(transformer, nameof(transformer))], [.. _scopes, scope]);

    public TransformerChain<ITransformer> GetModelFor(TransformerScope scopeFilter)
    {
        int[] taken = [.. Enumerable.Range(0, _transformers.Length).Where(index => (_scopes[index] & scopeFilter) != TransformerScope.None)];
        return new(taken.Select(index => _transformers[index]), taken.Select(index => _scopes[index]));
    }

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema)
    {
        Check.Value(inputSchema, nameof(inputSchema));
        Check.State(((ITransformer)this).IsRowToRowMapper, "Not every step maps row to row.");
        var mappers = new List<IRowToRowMapper>();
        var schema = inputSchema;
        foreach (var transformer in _transformers)
        {
            mappers.Add(transformer.GetRowToRowMapper(schema));
            schema = mappers[^1].OutputSchema;
        }

        return new ComposedRowMapper(inputSchema, mappers);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        ctx.Begin(TransformerChainLoader.Signature);
        ctx.Writer.Write(_transformers.Length);
        for (int i = 0; i < _transformers.Length; i++)
        {
            ctx.Writer.Write((int)_scopes[i]);
            ctx.SaveInner(_transformers[i], TransformerChainLoader.StepFolder(i));
        }
    }

    public IEnumerator<ITransformer> GetEnumerator() => ((IEnumerable<ITransformer>)_transformers).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        foreach (var transformer in _transformers.OfType<IDisposable>())
            transformer.Dispose();
    }
}

internal static class TransformerChainLoader
{
    internal const string Signature = "TransformerChain";

    internal static string StepFolder(int index) => $"Transform_{index:000}";

    internal static ITransformer Load(ModelLoadContext context)
    {
        var steps = new ITransformer[context.Reader.ReadInt32()];
        var scopes = new TransformerScope[steps.Length];
        for (int i = 0; i < steps.Length; i++)
        {
            scopes[i] = (TransformerScope)context.Reader.ReadInt32();
            steps[i] = context.LoadInner(StepFolder(i));
        }

        return new TransformerChain<ITransformer>(steps, scopes);
    }
}
