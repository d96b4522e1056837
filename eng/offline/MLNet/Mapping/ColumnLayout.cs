namespace Microsoft.ML.Data;

/// <summary>A column that a step adds.</summary>
internal readonly record struct AddedColumn(string Name, DataViewType Type, DataViewSchema.Annotations Annotations = null);

/// <summary>
/// Where the columns of a step's output come from. A new name goes to the end; a name already there goes right behind the column it hides.
/// </summary>
internal sealed class ColumnLayout
{
    private readonly List<(bool IsAdded, int Index)> _origins;

    internal ColumnLayout(DataViewSchema input, IReadOnlyList<AddedColumn> added)
    {
        _origins = [.. input.Select(column => (false, column.Index))];
        for (int i = 0; i < added.Count; i++)
        {
            string name = added[i].Name;
            int hidden = _origins.FindLastIndex(origin => name == (origin.IsAdded ? added[origin.Index].Name : input[origin.Index].Name));
            _origins.Insert(hidden < 0 ? _origins.Count : hidden + 1, (true, i));
        }

        var schema = new DataViewSchema.Builder();
        foreach (var (isAdded, index) in _origins)
        {
            if (isAdded)
                schema.AddColumn(added[index].Name, added[index].Type, added[index].Annotations);
            else
                schema.AddColumns([input[index]]);
        }

        Schema = schema.ToSchema();
    }

    internal DataViewSchema Schema { get; }

    internal (bool IsAdded, int Index) this[int column] => _origins[column];

    /// <summary>Splits wanted output columns into the input's own and those the step adds.</summary>
    internal (HashSet<int> Input, HashSet<int> Added) Split(IEnumerable<DataViewSchema.Column> wanted)
    {
        var split = (Input: new HashSet<int>(), Added: new HashSet<int>());
        foreach (var column in wanted)
        {
            var (isAdded, index) = _origins[column.Index];
            (isAdded ? split.Added : split.Input).Add(index);
        }

        return split;
    }
}
