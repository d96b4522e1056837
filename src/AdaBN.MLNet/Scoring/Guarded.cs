using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Scoring;

/// <summary>Rows that ML.NET's own step scores, read only while the step lives: it would fail without a word of why.</summary>
internal sealed class GuardedView(IDataView inner, Action throwIfDisposed) : IDataView
{
    public bool CanShuffle => inner.CanShuffle;

    public DataViewSchema Schema => inner.Schema;

    public long? GetRowCount() => inner.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        throwIfDisposed();
        return inner.GetRowCursor(columnsNeeded, rand);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        throwIfDisposed();
        return inner.GetRowCursorSet(columnsNeeded, n, rand);
    }
}

/// <summary>The same for a row at a time, as prediction engines ask for them.</summary>
internal sealed class GuardedMapper(IRowToRowMapper inner, Action throwIfDisposed) : IRowToRowMapper
{
    public DataViewSchema InputSchema => inner.InputSchema;

    public DataViewSchema OutputSchema => inner.OutputSchema;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) => inner.GetDependencies(dependingColumns);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        throwIfDisposed();
        return new Row(inner.GetRow(input, activeColumns), throwIfDisposed);
    }

    private sealed class Row(DataViewRow inner, Action throwIfDisposed) : DataViewRow
    {
        public override long Position => inner.Position;

        public override long Batch => inner.Batch;

        public override DataViewSchema Schema => inner.Schema;

        public override ValueGetter<DataViewRowId> GetIdGetter() => inner.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => inner.IsColumnActive(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            ValueGetter<TValue> get = inner.GetGetter<TValue>(column);
            return (ref TValue value) =>
            {
                throwIfDisposed();
                get(ref value);
            };
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
