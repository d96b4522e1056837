namespace Microsoft.ML.Data;

/// <summary>A cursor whose rows come, in ML.NET, from a worker thread: a fault there arrives wrapped in another.</summary>
internal sealed class RelayedCursor(DataViewRowCursor input) : DataViewRowCursor
{
    public override long Position => input.Position;

    public override long Batch => input.Batch;

    public override DataViewSchema Schema => input.Schema;

    public override bool MoveNext()
    {
        try
        {
            return input.MoveNext();
        }
        catch (Exception fault)
        {
            throw Wrapped(fault);
        }
    }

    public override bool IsColumnActive(DataViewSchema.Column column) => input.IsColumnActive(column);

    public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        Check.Parameter(IsColumnActive(column), nameof(column), "requested column not active");
        var get = input.GetGetter<TValue>(column);
        return (ref TValue value) =>
        {
            try
            {
                get(ref value);
            }
            catch (Exception fault)
            {
                throw Wrapped(fault);
            }
        };
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            input.Dispose();
    }

    private static InvalidOperationException Wrapped(Exception fault) =>
        new("Reading rows failed; the inner exception says why.", fault);
}
