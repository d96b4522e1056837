namespace Microsoft.ML.Data;

/// <summary>A row whose values are the members of one object after another.</summary>
internal sealed class ObjectRow<TRow> : DataViewRow where TRow : class
{
    private readonly Delegate[] _getters;
    private TRow _current;
    private long _position = -1;

    internal ObjectRow(DataViewSchema schema, MemberColumn[] columns, Func<int, bool> active)
    {
        Schema = schema;
        _getters = new Delegate[columns.Length];
        for (int i = 0; i < columns.Length; i++)
        {
            if (active(i))
                _getters[i] = MakeGetter(columns[i]);
        }
    }

    public override DataViewSchema Schema { get; }

    public override long Position => _position;

    public override long Batch => 0;

    internal void MoveTo(TRow value)
    {
        _current = value;
        _position++;
    }

    internal void End() => _position = -1;

    public override bool IsColumnActive(DataViewSchema.Column column) => _getters[column.Index] != null;

    public override ValueGetter<DataViewRowId> GetIdGetter() =>
        (ref DataViewRowId value) => value = new DataViewRowId((ulong)_position, 0);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        Check.Parameter(column.Index < _getters.Length && IsColumnActive(column), nameof(column), "requested column not active");
        return Getters.Typed<TValue>(_getters[column.Index], column.Name);
    }

    private Delegate MakeGetter(MemberColumn column)
    {
        var (member, item, isVector) = column.Value;
        if (member == typeof(string))
        {
            var read = column.Reader<TRow, string>();
            return (ValueGetter<ReadOnlyMemory<char>>)((ref ReadOnlyMemory<char> value) => value = read(_current).AsMemory());
        }

        string method = !isVector ? nameof(ScalarGetter) : member.IsArray ? nameof(ArrayGetter) : nameof(VBufferGetter);
        return (Delegate)Generic.Call(this, typeof(ObjectRow<TRow>), method, [item.RawType], column);
    }

    private ValueGetter<T> ScalarGetter<T>(MemberColumn column)
    {
        var read = column.Reader<TRow, T>();
        return (ref T value) => value = read(_current);
    }

    private ValueGetter<VBuffer<T>> ArrayGetter<T>(MemberColumn column)
    {
        var read = column.Reader<TRow, T[]>();
        return (ref VBuffer<T> value) =>
        {
            var array = read(_current) ?? [];
            var editor = VBufferEditor.Create(ref value, array.Length);
            array.CopyTo(editor.Values);
            value = editor.Commit();
        };
    }

    private ValueGetter<VBuffer<T>> VBufferGetter<T>(MemberColumn column)
    {
        var read = column.Reader<TRow, VBuffer<T>>();
        return (ref VBuffer<T> value) => read(_current).CopyTo(ref value);
    }
}
