namespace Microsoft.ML.Data;

public static class ColumnCursorExtensions
{
    /// <summary>
    /// The values of one column in order. A <see cref="VBuffer{T}"/> shares its arrays from row to row; arrays are fresh.
    /// </summary>
    public static IEnumerable<T> GetColumn<T>(this IDataView data, string columnName)
    {
        var column = Check.Value(data, nameof(data)).Schema[columnName];
        if (column.Type.RawType == typeof(T))
            return Read<T, T>(data, column, value => value);
        if (typeof(T) == typeof(string) && column.Type is TextDataViewType)
            return (IEnumerable<T>)Read<ReadOnlyMemory<char>, string>(data, column, text => text.ToString());
        bool fits = typeof(T).IsArray && column.Type is VectorDataViewType vector && vector.ItemType.RawType == typeof(T).GetElementType();
        Check.Parameter(fits, nameof(column), $"Column '{column.Name}' of type {column.Type} cannot be read as {typeof(T)}.");
        Type[] item = [typeof(T).GetElementType()];
        return (IEnumerable<T>)Generic.Call(null, typeof(ColumnCursorExtensions), nameof(ReadArrays), item, data, column);
    }

    private static IEnumerable<T[]> ReadArrays<T>(IDataView data, DataViewSchema.Column column) =>
        Read<VBuffer<T>, T[]>(data, column, value => value.ToDenseArray());

    private static IEnumerable<TResult> Read<TValue, TResult>(IDataView data, DataViewSchema.Column column, Func<TValue, TResult> convert)
    {
        using var cursor = data.GetRowCursor([column]);
        var get = cursor.GetGetter<TValue>(column);
        TValue value = default;
        while (cursor.MoveNext())
        {
            get(ref value);
            yield return convert(value);
        }
    }
}
