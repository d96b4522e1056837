namespace Microsoft.ML.Data;

/// <summary>Objects as rows. Each pass enumerates them anew.</summary>
internal sealed class EnumerableDataView<TRow> : IDataView where TRow : class
{
    private readonly IEnumerable<TRow> _rows;
    private readonly MemberColumn[] _columns;

    internal EnumerableDataView(IEnumerable<TRow> rows, SchemaDefinition definition)
    {
        _rows = rows;
        _columns = MemberColumn.Of(typeof(TRow), definition, SchemaDefinition.Direction.Read);
        Schema = MemberColumn.SchemaOf(_columns);
    }

    public bool CanShuffle => false;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => (_rows as ICollection<TRow>)?.Count;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        var active = columnsNeeded.Select(column => column.Index).ToHashSet();
        return new Cursor(_rows.GetEnumerator(), new ObjectRow<TRow>(Schema, _columns, active.Contains));
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor(IEnumerator<TRow> rows, ObjectRow<TRow> row) : DataViewRowCursor
    {
        private bool _disposed;

        public override long Position => row.Position;

        public override long Batch => row.Batch;

        public override DataViewSchema Schema => row.Schema;

        public override bool MoveNext()
        {
            if (_disposed)
                return false;
            if (!rows.MoveNext())
            {
                Dispose();
                return false;
            }

            Check.State(rows.Current != null, "A null among the objects cannot be a row.");
            row.MoveTo(rows.Current);
            return true;
        }

        public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => row.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => row.GetGetter<TValue>(column);

        protected override void Dispose(bool disposing)
        {
            if (_disposed)
                return;
            _disposed = true;
            row.End();
        }
    }
}
