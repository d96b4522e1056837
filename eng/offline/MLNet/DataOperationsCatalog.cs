using Microsoft.ML.Data;

namespace Microsoft.ML;

public sealed class DataOperationsCatalog
{
    internal DataOperationsCatalog()
    {
    }

    public IDataView LoadFromEnumerable<TRow>(IEnumerable<TRow> data, SchemaDefinition schemaDefinition = null)
        where TRow : class =>
        new EnumerableDataView<TRow>(Check.Value(data, nameof(data)), schemaDefinition);

    public IEnumerable<TRow> CreateEnumerable<TRow>(
        IDataView data,
        bool reuseRowObject,
        bool ignoreMissingColumns = false,
        SchemaDefinition schemaDefinition = null)
        where TRow : class, new()
    {
        Check.Value(data, nameof(data));
        return Read(data, new ObjectReader<TRow>(data.Schema, ignoreMissingColumns, schemaDefinition), reuseRowObject);
    }

    public IDataView SkipRows(IDataView input, long count)
    {
        Check.Parameter(count > 0, nameof(count), "Must be greater than zero.");
        return new SkipTakeDataView(Check.Value(input, nameof(input)), count, long.MaxValue);
    }

    public IDataView TakeRows(IDataView input, long count)
    {
        Check.Parameter(count > 0, nameof(count), "Must be greater than zero.");
        return new SkipTakeDataView(Check.Value(input, nameof(input)), 0, count);
    }

    private static IEnumerable<TRow> Read<TRow>(IDataView data, ObjectReader<TRow> reader, bool reuseRowObject)
        where TRow : class, new()
    {
        using var cursor = data.GetRowCursor(reader.Columns);
        var fill = reader.Bind(cursor);
        TRow row = null;
        while (cursor.MoveNext())
        {
            if (row == null || !reuseRowObject)
                row = new TRow();
            fill(row);
            yield return row;
        }
    }
}
