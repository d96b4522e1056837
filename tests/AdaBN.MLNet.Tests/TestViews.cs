using Microsoft.ML;

namespace AdaBN.MLNet.Tests;

/// <summary>Passes a view on and notes which columns each pass reads.</summary>
internal sealed class WatchedView(IDataView inner) : IDataView
{
    public List<string[]> Passes { get; } = [];

    public bool CanShuffle => inner.CanShuffle;

    public DataViewSchema Schema => inner.Schema;

    public long? GetRowCount() => inner.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        Passes.Add([.. columnsNeeded.Select(column => column.Name)]);
        return inner.GetRowCursor(columnsNeeded, rand);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        Passes.Add([.. columnsNeeded.Select(column => column.Name)]);
        return inner.GetRowCursorSet(columnsNeeded, n, rand);
    }
}

/// <summary>Passes everything on to a step and notes the schema it promises; ML.NET gives outsiders no other way to a SchemaShape.</summary>
internal sealed class SchemaSpy(OnnxAdaptationEstimator inner) : IEstimator<OnnxAdaptationTransformer>
{
    public SchemaShape? Promised { get; private set; }

    public OnnxAdaptationTransformer Fit(IDataView input) => inner.Fit(input);

    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => Promised = inner.GetOutputSchema(inputSchema);
}
