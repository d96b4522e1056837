namespace Microsoft.ML.Data;

/// <summary>A view with a step's columns added as its rows are read.</summary>
internal sealed class MappedDataView(IDataView source, BoundMapper mapper) : IDataView
{
    public bool CanShuffle => source.CanShuffle;

    public DataViewSchema Schema => mapper.Layout.Schema;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        var (cursor, relayed) = Open(columnsNeeded, rand);
        return relayed ? new RelayedCursor(cursor) : cursor;
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    /// <summary>
    /// ML.NET hands rows to worker threads at the first step that has something to compute, and collects them again at the end of a
    /// run of steps. Only one effect of that is kept here: how a fault on the way is wrapped.
    /// </summary>
    private (DataViewRowCursor Cursor, bool Relayed) Open(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand)
    {
        DataViewSchema.Column[] wanted = [.. columnsNeeded];
        var needed = mapper.Dependencies(wanted);
        var (input, relayed) = source is MappedDataView inner ? inner.Open(needed, rand) : (source.GetRowCursor(needed, rand), false);
        if (!relayed && mapper.Layout.Split(wanted).Added.Count > 0)
            (input, relayed) = (new RelayedCursor(input), true);
        return (new Cursor(input, new MappedRow(input, mapper, wanted)), relayed);
    }

    private sealed class Cursor(DataViewRowCursor input, MappedRow row) : DataViewRowCursor
    {
        public override long Position => row.Position;

        public override long Batch => row.Batch;

        public override DataViewSchema Schema => row.Schema;

        public override bool MoveNext() => input.MoveNext();

        public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => row.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => row.GetGetter<TValue>(column);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                row.Dispose();
        }
    }
}

/// <summary>An input row with a step's columns added.</summary>
internal sealed class MappedRow : DataViewRow
{
    private readonly DataViewRow _input;
    private readonly ColumnLayout _layout;
    private readonly HashSet<int> _active;
    private readonly Delegate[] _getters;
    private readonly Action _disposer;
    private bool _disposed;

    internal MappedRow(DataViewRow input, BoundMapper mapper, IEnumerable<DataViewSchema.Column> wanted)
    {
        _input = input;
        _layout = mapper.Layout;
        _active = [.. wanted.Select(column => column.Index)];
        var added = _layout.Split(_layout.Schema.Where(column => _active.Contains(column.Index))).Added;
        _getters = mapper.CreateGetters(input, added, out _disposer);
    }

    public override DataViewSchema Schema => _layout.Schema;

    public override long Position => _input.Position;

    public override long Batch => _input.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        Check.State(IsColumnActive(column), $"Column '{column.Name}' is not active");
        var (isAdded, index) = _layout[column.Index];
        return isAdded ? Getters.Typed<TValue>(_getters[index], column.Name) : _input.GetGetter<TValue>(_input.Schema[index]);
    }

    protected override void Dispose(bool disposing)
    {
        if (_disposed || !disposing)
            return;
        _disposed = true;
        _disposer?.Invoke();
        _input.Dispose();
    }
}
