namespace Microsoft.ML.Data;

/// <summary>Fills the members of an object from the columns of a row.</summary>
internal sealed class ObjectReader<TRow> where TRow : class
{
    private readonly List<(MemberColumn Member, DataViewSchema.Column Column)> _bound = [];

    internal ObjectReader(DataViewSchema schema, bool ignoreMissingColumns, SchemaDefinition definition)
    {
        foreach (var member in MemberColumn.Of(typeof(TRow), definition, SchemaDefinition.Direction.Write))
        {
            var column = schema.GetColumnOrNull(member.ColumnName);
            if (column == null && ignoreMissingColumns)
                continue;
            if (column == null)
                throw Check.MissingColumn(nameof(schema), member.ColumnName);
            bool fits = column.Value.Type is VectorDataViewType == member.Value.IsVector
                && DataViewTypeFacts.ItemTypeOf(column.Value.Type).RawType == member.Value.ItemType.RawType;
            Check.State(fits, $"Member '{member.MemberName}' of type {member.Value.MemberType} cannot hold " +
                $"column '{member.ColumnName}' of type {column.Value.Type}.");
            _bound.Add((member, column.Value));
        }
    }

    internal IEnumerable<DataViewSchema.Column> Columns => _bound.Select(pair => pair.Column);

    internal Action<TRow> Bind(DataViewRow row)
    {
        Action<TRow>[] setters = [.. _bound.Select(pair => MakeSetter(row, pair.Column, pair.Member))];
        return target =>
        {
            foreach (var set in setters)
                set(target);
        };
    }

    private static Action<TRow> MakeSetter(DataViewRow row, DataViewSchema.Column column, MemberColumn member)
    {
        var (type, item, isVector) = member.Value;
        if (type == typeof(string))
        {
            var text = row.GetGetter<ReadOnlyMemory<char>>(column);
            var write = member.Writer<TRow, string>();
            ReadOnlyMemory<char> value = default;
            return target =>
            {
                text(ref value);
                write(target, value.ToString());
            };
        }

        string method = !isVector ? nameof(ScalarSetter) : type.IsArray ? nameof(ArraySetter) : nameof(VBufferSetter);
        return (Action<TRow>)Generic.Call(null, typeof(ObjectReader<TRow>), method, [item.RawType], row, column, member);
    }

    private static Action<TRow> ScalarSetter<T>(DataViewRow row, DataViewSchema.Column column, MemberColumn member)
    {
        var get = row.GetGetter<T>(column);
        var write = member.Writer<TRow, T>();
        T value = default;
        return target =>
        {
            get(ref value);
            write(target, value);
        };
    }

    /// <summary>Writes into the array that the object already has where its length fits, as ML.NET does.</summary>
    private static Action<TRow> ArraySetter<T>(DataViewRow row, DataViewSchema.Column column, MemberColumn member)
    {
        var get = row.GetGetter<VBuffer<T>>(column);
        var read = member.Reader<TRow, T[]>();
        var write = member.Writer<TRow, T[]>();
        VBuffer<T> value = default;
        return target =>
        {
            get(ref value);
            var array = read(target);
            if (array?.Length != value.Length || !value.IsDense)
                array = new T[value.Length];
            value.CopyTo(array);
            write(target, array);
        };
    }

    private static Action<TRow> VBufferSetter<T>(DataViewRow row, DataViewSchema.Column column, MemberColumn member)
    {
        var get = row.GetGetter<VBuffer<T>>(column);
        var read = member.Reader<TRow, VBuffer<T>>();
        var write = member.Writer<TRow, VBuffer<T>>();
        return target =>
        {
            var value = read(target);
            get(ref value);
            write(target, value);
        };
    }
}
