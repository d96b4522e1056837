using System.Runtime.ExceptionServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.MLNet.Scoring;

/// <summary>
/// Walks the rows in their order, a block behind its reader: while rows of one block are served, the blocks behind it are scored on
/// other threads. Blocks, and the number of them under way, grow from one, so that the first rows come soon.
/// </summary>
internal sealed class BatchScoredCursor(DataViewSchema schema, ActiveColumns columns, RowReader reader, BatchScorer scorer, int blocksAtOnce)
    : DataViewRowCursor
{
    private readonly int _largestBlock = scorer.RowsPerBlock(columns.Outputs);
    private readonly string[] _outputNames = [.. columns.Outputs.Select(output => output.Name)];
    private readonly RunOptions _runOptions = new();
    private readonly Queue<RowBlock> _underWay = new();
    private int _nextRows = 1;
    private int _nextBlocks = 1;
    private RowBlock _block = RowBlock.Empty;
    private int _row = -1;
    private long _position = -1;
    private ExceptionDispatchInfo? _failure;
    private bool _isDisposed;

    public override DataViewSchema Schema => schema;

    public override long Position => _position;

    public override long Batch => _row >= 0 && _row < _block.Count ? _block.Batches[_row] : -1;

    public override bool MoveNext()
    {
        if (_isDisposed) return false;
        scorer.ThrowIfDisposed();
        _failure?.Throw();
        if (++_row >= _block.Count && !MoveToNextBlock())
        {
            Dispose();
            return false;
        }
        _position++;
        return true;
    }

    public override bool IsColumnActive(DataViewSchema.Column column) => columns.Places[column.Index] is not null;

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = GetPlace(out int row).Ids[row];

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (columns.Places[column.Index] is not { } place)
            throw new ArgumentOutOfRangeException(nameof(column), $"Column '{column.Name}' was not asked for when the cursor was opened.");
        Delegate getter = reader.CreateGetter(this, place);
        return getter as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"Column '{column.Name}' gives values of type {getter.GetType().GetGenericArguments()[0]}, not {typeof(TValue)}.");
    }

    /// <summary>The block and the row in it where the cursor stands.</summary>
    internal RowBlock GetPlace(out int row)
    {
        row = _row;
        return (uint)row < (uint)_block.Count
            ? _block
            : throw new InvalidOperationException("The cursor stands on no row; values can be read after MoveNext has returned true.");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _position = -1;
            _block = RowBlock.Empty;
            _runOptions.Terminate = true;
            foreach (RowBlock block in _underWay) Abandon(block);
            _runOptions.Dispose();
            reader.Dispose();
        }
        base.Dispose(disposing);
    }

    private bool MoveToNextBlock()
    {
        if (_block != RowBlock.Empty) reader.Return(_block);
        _block = RowBlock.Empty;
        while (_underWay.Count < _nextBlocks && reader.Read(_nextRows) is { } block)
        {
            if (blocksAtOnce > 1) block.Scoring = Task.Run(() => Score(block));
            _underWay.Enqueue(block);
            _nextRows = Math.Min(_nextRows * 4, _largestBlock);
        }
        _nextBlocks = Math.Min(_nextBlocks + 1, blocksAtOnce);
        if (_underWay.TryDequeue(out RowBlock? next)) Finish(next);
        else (_failure = reader.Failure)?.Throw();
        (_block, _row) = (next ?? RowBlock.Empty, 0);
        return next is not null;
    }

    private void Finish(RowBlock block)
    {
        try
        {
            if (block.Scoring is { } scoring) scoring.GetAwaiter().GetResult(); // runs it here and now where no other thread has begun it
            else Score(block);
        }
        catch (Exception e)
        {
            (_failure = ExceptionDispatchInfo.Capture(e)).Throw(); // and again, should anyone try to go on: no row is left out
        }
    }

    private void Score(RowBlock block) => scorer.Score(block, _outputNames, _runOptions);

    private static void Abandon(RowBlock block)
    {
        try
        {
            block.Scoring?.GetAwaiter().GetResult();
        }
        catch (Exception)
        {
            // Nobody will read these rows.
        }
    }
}
