namespace Microsoft.ML.Data;

/// <summary>A single step as a mapper of rows.</summary>
internal sealed class BoundRowMapper(BoundMapper mapper) : IRowToRowMapper
{
    public DataViewSchema InputSchema => mapper.InputSchema;

    public DataViewSchema OutputSchema => mapper.Layout.Schema;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        mapper.Dependencies(dependingColumns);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        Check.State(Check.Value(input, nameof(input)).Schema == InputSchema,
            "The row has another schema than the one that this mapper is bound to.");
        return new MappedRow(input, mapper, Check.Value(activeColumns, nameof(activeColumns)));
    }
}

/// <summary>Mappers one after another, each asked only for what the next needs.</summary>
internal sealed class ComposedRowMapper(DataViewSchema inputSchema, IReadOnlyList<IRowToRowMapper> mappers) : IRowToRowMapper
{
    public DataViewSchema InputSchema => inputSchema;

    public DataViewSchema OutputSchema => mappers.Count == 0 ? inputSchema : mappers[^1].OutputSchema;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        mappers.Reverse().Aggregate(dependingColumns, (columns, mapper) => mapper.GetDependencies(columns));

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        bool fits = Check.Value(input, nameof(input)).Schema == inputSchema;
        Check.Parameter(fits, nameof(input), "The row has another schema than the one that this mapper is bound to.");
        var wanted = new Stack<IEnumerable<DataViewSchema.Column>>();
        var columns = activeColumns;
        foreach (var mapper in mappers.Reverse())
        {
            wanted.Push(columns);
            columns = mapper.GetDependencies(columns);
        }

        return mappers.Aggregate(input, (row, mapper) => mapper.GetRow(row, wanted.Pop()));
    }
}
