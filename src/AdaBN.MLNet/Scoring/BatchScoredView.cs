using Microsoft.ML;

namespace AdaBN.MLNet.Scoring;

/// <summary>
/// The rows of a view with the model's outputs added, as stock scoring adds them, but computed for blocks of rows. Where blocks are no
/// help or no option, a pass is left to the stock view.
/// </summary>
internal sealed class BatchScoredView : IDataView
{
    private readonly BatchScorer _scorer;
    private readonly ColumnMap _map;
    private readonly IDataView _input;
    private readonly IDataView _stock;

    private BatchScoredView(BatchScorer scorer, ColumnMap map, IDataView input, IDataView stock) =>
        (_scorer, _map, _input, _stock) = (scorer, map, input, stock);

    /// <summary>Scores a view in blocks.</summary>
    /// <param name="scorer">The model.</param>
    /// <param name="input">The rows.</param>
    /// <param name="stock">The same rows, scored by ML.NET's own step.</param>
    /// <returns>Null where the rows do not fit blocks.</returns>
    public static BatchScoredView? TryCreate(BatchScorer scorer, IDataView input, IDataView stock) =>
        ColumnMap.TryCreate(scorer, input.Schema, stock.Schema) is { } map ? new BatchScoredView(scorer, map, input, stock) : null;

    public bool CanShuffle => _stock.CanShuffle;

    public DataViewSchema Schema => _stock.Schema;

    public long? GetRowCount() => _stock.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        _scorer.ThrowIfDisposed();
        return _map.TryActivate(needed) is { } columns
            ? Wrap([_input.GetRowCursor(Sources(columns), CanShuffle ? rand : null)], columns)[0]
            : _stock.GetRowCursor(needed, rand);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        _scorer.ThrowIfDisposed();
        return _map.TryActivate(needed) is { } columns
            ? Wrap(_input.GetRowCursorSet(Sources(columns), n, CanShuffle ? rand : null), columns)
            : _stock.GetRowCursorSet(needed, n, rand);
    }

    private static IEnumerable<DataViewSchema.Column> Sources(ActiveColumns columns) =>
        columns.Passed.Concat(columns.Inputs.Where(input => input.Passed is null).Select(input => input.Column));

    private DataViewRowCursor[] Wrap(DataViewRowCursor[] inputs, ActiveColumns columns)
    {
        // The cursors of a set run side by side, each on a thread of its consumer; together they get the processors, no more. One that has
        // several keeps a block more under way, so that none of them waits while it reads.
        int processors = _scorer.Threads / inputs.Length, blocksAtOnce = processors > 1 ? processors + 1 : 1;
        try
        {
            return [.. inputs.Select(input => new BatchScoredCursor(Schema, columns, new RowReader(input, columns), _scorer, blocksAtOnce))];
        }
        catch
        {
            foreach (DataViewRowCursor input in inputs) input.Dispose();
            throw;
        }
    }
}
