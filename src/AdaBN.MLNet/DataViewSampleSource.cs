using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet;

/// <summary>The rows of a data view as samples: only the given columns, read in one cursor pass.</summary>
internal sealed class DataViewSampleSource : ISampleSource
{
    private readonly IDataView _view;
    private readonly DataViewSchema.Column[] _columns;

    public DataViewSampleSource(IDataView view, IReadOnlyList<string> columns, IReadOnlyDictionary<string, int[]>? shapes)
    {
        _view = view;
        _columns = [.. columns.Select(name => view.Schema[name])];
        Inputs = [.. _columns.Select(column => Describe(column, shapes))];
    }

    public IReadOnlyList<SampleInput> Inputs { get; }

    public long? Count => _view.GetRowCount();

    public ISampleReader OpenReader() => new Reader(_view.GetRowCursor(_columns), _columns, Inputs);

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

    private sealed class Reader : ISampleReader
    {
        private readonly DataViewRowCursor _cursor;
        private readonly IReadOnlyList<SampleInput> _inputs;
        private readonly ValueGetter<VBuffer<float>>[] _getters;
        private readonly VBuffer<float>[] _buffers;

        public Reader(DataViewRowCursor cursor, DataViewSchema.Column[] columns, IReadOnlyList<SampleInput> inputs)
        {
            _cursor = cursor;
            _inputs = inputs;
            _getters = [.. columns.Select(column => cursor.GetGetter<VBuffer<float>>(cursor.Schema[column.Index]))];
            _buffers = new VBuffer<float>[columns.Length];
        }

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (!_cursor.MoveNext()) return false;
            for (int i = 0; i < _getters.Length; i++)
            {
                _getters[i](ref _buffers[i]);
                RowVector.CopyTo(_buffers[i], destination[i].Span, _inputs[i].Name!, _cursor.Position);
            }
            return true;
        }

        public void Dispose() => _cursor.Dispose();
    }
}
