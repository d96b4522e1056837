using System.Runtime.ExceptionServices;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Scoring;

/// <summary>
/// Reads the input's rows into blocks, each value once. Whatever fails while reading a row is kept back until the rows before it have
/// been served.
/// </summary>
internal sealed class RowReader(DataViewRowCursor input, ActiveColumns columns) : IDisposable
{
    private readonly ValueGetter<DataViewRowId> _getId = input.GetIdGetter();
    private readonly PassedColumn[] _passed = [.. columns.Passed.Select(column => PassedColumn.Create(input, column))];
    private readonly InputColumn[] _inputs = [.. columns.Inputs.Select(column => column.Tensor.IsDomain ? (InputColumn)new IdColumn(input, column) : new TensorColumn(input, column))];
    private readonly OutputBuffer[] _outputs = [.. columns.Outputs.Select(output => OutputBuffer.Create(output.ElementType))];
    private readonly Stack<RowBlock> _spare = new();
    private bool _isAtEnd;

    /// <summary>What kept the row behind the last from being read, if anything did.</summary>
    public ExceptionDispatchInfo? Failure { get; private set; }

    /// <summary>Reads the next rows, fewer where the data ends or fails.</summary>
    /// <returns>Null where there are none.</returns>
    public RowBlock? Read(int rows)
    {
        if (_isAtEnd) return null;
        RowBlock block = TakeBlock(rows);
        try
        {
            while (block.Count < rows && !_isAtEnd)
            {
                if (input.MoveNext()) ReadRow(block);
                else _isAtEnd = true;
            }
        }
        catch (Exception e)
        {
            _isAtEnd = true;
            Failure = ExceptionDispatchInfo.Capture(e);
        }
        return block.Count > 0 ? block : null;
    }

    /// <summary>Takes a block back whose rows have been served.</summary>
    public void Return(RowBlock block) => _spare.Push(block);

    /// <summary>A getter of the values that a column has in the cursor's present row.</summary>
    /// <param name="cursor">The cursor.</param>
    /// <param name="place">The column's place as in <see cref="ActiveColumns.Places"/>.</param>
    public Delegate CreateGetter(BatchScoredCursor cursor, int place) =>
        place >= 0 ? _passed[place].CreateGetter(cursor, place) : _outputs[~place].CreateGetter(cursor, ~place);

    public void Dispose() => input.Dispose();

    private void ReadRow(RowBlock block)
    {
        int row = block.Count;
        block.Batches[row] = input.Batch;
        _getId(ref block.Ids[row]);
        for (int i = 0; i < _passed.Length; i++) _passed[i].Read(block.Passed[i], row);
        for (int i = 0; i < _inputs.Length; i++) _inputs[i].Read(block, i, row);
        block.Count = row + 1; // a row counts when all of it is there
    }

    private RowBlock TakeBlock(int rows)
    {
        while (_spare.TryPop(out RowBlock? spare))
        {
            if (spare.Capacity < rows) continue; // from the beginning, when blocks were smaller
            spare.Count = 0;
            return spare;
        }
        return new RowBlock(
            rows, [.. _passed.Select(column => column.CreateBuffer(rows))], [.. columns.Inputs.Select(column => column.Tensor.CreateBuffer(rows))],
            [.. _outputs.Select(output => output.CreateAnother())]);
    }

    /// <summary>An input of the model. Where its column is passed on as well, the value is there already.</summary>
    private abstract class InputColumn
    {
        public abstract void Read(RowBlock block, int input, int index);
    }

    private sealed class TensorColumn(DataViewRow row, BoundInput bound) : InputColumn
    {
        private readonly ValueGetter<VBuffer<float>>? _get = bound.Passed is null ? row.GetGetter<VBuffer<float>>(bound.Column) : null;
        private VBuffer<float> _value;

        public override void Read(RowBlock block, int input, int index)
        {
            _get?.Invoke(ref _value);
            ref readonly VBuffer<float> value = ref bound.Passed is { } passed ? ref ((VBuffer<float>[])block.Passed[passed])[index] : ref _value;
            int length = bound.Tensor.Length;
            RowVector.CopyTo(value, ((float[])block.Inputs[input]).AsSpan(index * length, length), bound.Column.Name, row.Position);
        }
    }

    private sealed class IdColumn(DataViewRow row, BoundInput bound) : InputColumn
    {
        private readonly ValueGetter<long>? _get = bound.Passed is null ? row.GetGetter<long>(bound.Column) : null;

        public override void Read(RowBlock block, int input, int index)
        {
            ref long place = ref ((long[])block.Inputs[input])[index];
            if (bound.Passed is { } passed) place = ((long[])block.Passed[passed])[index];
            else _get!(ref place);
        }
    }
}
