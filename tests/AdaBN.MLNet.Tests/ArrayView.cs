using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Tests;

/// <summary>
/// Rows computed from their number, with columns of any type. Gives as many cursors as are asked for, in batches of five rows, notes
/// what is read, and fails where told to.
/// </summary>
internal sealed class ArrayView(int rows) : IDataView
{
    private const int RowsPerBatch = 5;

    private readonly List<Func<Cursor, Delegate>> _columns = [];
    private readonly DataViewSchema.Builder _schema = new();
    private DataViewSchema? _built;
    private int _rowsRead;
    private int _valuesRead;
    private int _open;

    public bool CanShuffle { get; init; }

    /// <summary>The row that cannot be read, with what then happens.</summary>
    public (int Row, Exception Failure)? Fault { get; init; }

    public int RowsRead => _rowsRead;

    public int ValuesRead => _valuesRead;

    /// <summary>Cursors given out and not yet disposed.</summary>
    public int Open => _open;

    /// <summary>The source of chance that came with each pass.</summary>
    public List<Random?> Chance { get; } = [];

    public DataViewSchema Schema => _built ??= _schema.ToSchema();

    public ArrayView Add<T>(string name, DataViewType type, Func<int, T> value) => Add<T>(name, type, (int row, ref T result) => result = value(row));

    public ArrayView AddVector<T>(string name, PrimitiveDataViewType item, int size, Func<int, VBuffer<T>> value) =>
        Add(name, new VectorDataViewType(item, size), (int row, ref VBuffer<T> result) => value(row).CopyTo(ref result));

    public long? GetRowCount() => rows;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => GetRowCursorSet(columnsNeeded, 1, rand)[0];

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        HashSet<int> active = [.. columnsNeeded.Select(column => column.Index)];
        Chance.Add(rand);
        return [.. Enumerable.Range(0, Math.Max(1, n)).Select(i => new Cursor(this, active, i, Math.Max(1, n)))];
    }

    private ArrayView Add<T>(string name, DataViewType type, Fill<T> fill)
    {
        _schema.AddColumn(name, type);
        _columns.Add(cursor => (ValueGetter<T>)((ref T value) =>
        {
            Interlocked.Increment(ref _valuesRead);
            fill(cursor.Row, ref value);
        }));
        return this;
    }

    private delegate void Fill<T>(int row, ref T value);

    /// <summary>Walks every <paramref name="stride"/>-th batch.</summary>
    private sealed class Cursor : DataViewRowCursor
    {
        private readonly ArrayView _view;
        private readonly HashSet<int> _active;
        private readonly int _stride;
        private long _position = -1;
        private bool _isDisposed;

        public Cursor(ArrayView view, HashSet<int> active, int first, int stride)
        {
            (_view, _active, _stride) = (view, active, stride);
            Row = (first * RowsPerBatch) - 1;
            Interlocked.Increment(ref view._open);
        }

        public int Row { get; private set; }

        public override DataViewSchema Schema => _view.Schema;

        public override long Position => _position;

        public override long Batch => Row / RowsPerBatch;

        private int RowCount => (int)_view.GetRowCount()!.Value;

        public override bool MoveNext()
        {
            if (_isDisposed) throw new AssertFailedException("the cursor was disposed and is still used");
            Row++;
            if (_position >= 0 && Row % RowsPerBatch == 0) Row += (_stride - 1) * RowsPerBatch;
            if (_view.Fault is { } fault && fault.Row == Row) throw fault.Failure;
            if (Row >= RowCount) return false;
            Interlocked.Increment(ref _view._rowsRead);
            _position++;
            return true;
        }

        public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = new DataViewRowId((ulong)Row, 77);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            _active.Contains(column.Index) ? (ValueGetter<TValue>)_view._columns[column.Index](this) : throw new AssertFailedException($"'{column.Name}' was not asked for");

        protected override void Dispose(bool disposing)
        {
            if (!_isDisposed) Interlocked.Decrement(ref _view._open);
            _isDisposed = true;
            base.Dispose(disposing);
        }
    }
}
