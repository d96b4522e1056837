namespace Microsoft.ML.Data;

/// <summary>A step bound to an input schema: what it adds to a row, from which columns, and how.</summary>
internal abstract class BoundMapper(DataViewSchema inputSchema)
{
    internal DataViewSchema InputSchema { get; } = inputSchema;

    internal ColumnLayout Layout => field ??= new ColumnLayout(InputSchema, Added());

    internal abstract IReadOnlyList<AddedColumn> Added();

    /// <summary>The input columns that the given added columns are computed from.</summary>
    internal abstract IEnumerable<int> InputsOf(IReadOnlySet<int> added);

    /// <summary>A getter for each of the given added columns, at its index; null elsewhere.</summary>
    internal abstract Delegate[] CreateGetters(DataViewRow input, IReadOnlySet<int> added, out Action disposer);

    internal IEnumerable<DataViewSchema.Column> Dependencies(IEnumerable<DataViewSchema.Column> wanted)
    {
        var (needed, added) = Layout.Split(wanted);
        if (added.Count > 0)
            needed.UnionWith(InputsOf(added));
        return InputSchema.Where(column => needed.Contains(column.Index));
    }
}
