using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet;

/// <summary>The rows of a data view as samples: only the given columns, read in one cursor pass.</summary>
internal sealed class DataViewSampleSource : ISampleSource, IDomainSampleSource
{
    private readonly IDataView _view;
    private readonly DataViewSchema.Column[] _columns;
    private readonly DataViewSchema.Column? _domain;
    private readonly Lazy<long?> _count;

    /// <param name="view">The rows.</param>
    /// <param name="columns">Names of the columns to read.</param>
    /// <param name="shapes">Shapes for those that are not flat, batch axis included.</param>
    /// <param name="domainColumn">The column that says whose each row is; null where all are of one domain.</param>
    /// <param name="mustCount">Whether to go through the rows, reading no column, where the view does not know their number.</param>
    public DataViewSampleSource(IDataView view, IReadOnlyList<string> columns, IReadOnlyDictionary<string, int[]>? shapes, DomainColumn? domainColumn = null, bool mustCount = false)
    {
        _view = view;
        _columns = [.. columns.Select(name => view.Schema[name])];
        _domain = domainColumn?.FindIn(view.Schema);
        _count = new Lazy<long?>(() => view.GetRowCount() ?? (mustCount ? CountRows(view) : null));
        Inputs = [.. _columns.Select(column => Describe(column, shapes))];
    }

    public IReadOnlyList<SampleInput> Inputs { get; }

    public long? Count => _count.Value;

    public ISampleReader OpenReader() => new Reader(_view.GetRowCursor(_columns), _columns, Inputs, null);

    IDomainSampleReader IDomainSampleSource.OpenReader() => new Reader(_view.GetRowCursor([.. _columns, _domain!.Value]), _columns, Inputs, _domain);

    private static long CountRows(IDataView view)
    {
        using DataViewRowCursor cursor = view.GetRowCursor([]);
        long count = 0;
        while (cursor.MoveNext()) count++;
        return count;
    }

    private static SampleInput Describe(DataViewSchema.Column column, IReadOnlyDictionary<string, int[]>? shapes)
    {
        if (column.Type is not VectorDataViewType { IsKnownSize: true, ItemType: NumberDataViewType { RawType: var item } } vector || item != typeof(float))
        {
            throw new AdaptationException(AdaptationError.InputMismatch,
                $"Column '{column.Name}' is {column.Type}, expected a vector of Single of known size. Declare its length ([VectorType(n)] on a class, or the loader's column range) and convert it with Conversion.ConvertType.");
        }
        int[]? shape = shapes?.GetValueOrDefault(column.Name);
        return new SampleInput(column.Name, shape is { Length: > 1 } ? [.. shape[1..]] : [vector.Size]);
    }

    private sealed class Reader : IDomainSampleReader
    {
        private readonly DataViewRowCursor _cursor;
        private readonly IReadOnlyList<SampleInput> _inputs;
        private readonly ValueGetter<VBuffer<float>>[] _getters;
        private readonly VBuffer<float>[] _buffers;
        private readonly ValueGetter<long>? _getDomain;
        private long _domain;

        public Reader(DataViewRowCursor cursor, DataViewSchema.Column[] columns, IReadOnlyList<SampleInput> inputs, DataViewSchema.Column? domain)
        {
            _cursor = cursor;
            _inputs = inputs;
            _getters = [.. columns.Select(column => cursor.GetGetter<VBuffer<float>>(cursor.Schema[column.Index]))];
            _buffers = new VBuffer<float>[columns.Length];
            if (domain is { } column) _getDomain = cursor.GetGetter<long>(cursor.Schema[column.Index]);
        }

        public long Domain => _domain;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (!_cursor.MoveNext()) return false;
            for (int i = 0; i < _getters.Length; i++)
            {
                _getters[i](ref _buffers[i]);
                RowVector.CopyTo(_buffers[i], destination[i].Span, _inputs[i].Name!, _cursor.Position);
            }
            _getDomain?.Invoke(ref _domain);
            return true;
        }

        public void Dispose() => _cursor.Dispose();
    }
}
