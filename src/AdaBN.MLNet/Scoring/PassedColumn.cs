using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Scoring;

/// <summary>A column of the input that is passed on: its values are read into a block, and served from there when their row comes.</summary>
internal abstract class PassedColumn
{
    /// <summary>
    /// Whether values of a type may be kept while the input moves on. Others, such as images, may share or dispose what they hold;
    /// ML.NET's own read-ahead draws the line at the same place.
    /// </summary>
    public static bool CanKeep(DataViewType type) => type is PrimitiveDataViewType or VectorDataViewType;

    public static PassedColumn Create(DataViewRow input, DataViewSchema.Column column)
    {
        Type type = column.Type is VectorDataViewType vector
            ? typeof(PassedVector<>).MakeGenericType(vector.ItemType.RawType)
            : typeof(PassedValue<>).MakeGenericType(column.Type.RawType);
        const BindingFlags Public = BindingFlags.Instance | BindingFlags.Public | BindingFlags.DoNotWrapExceptions;
        return (PassedColumn)Activator.CreateInstance(type, Public, binder: null, [input, column], culture: null)!;
    }

    public abstract Array CreateBuffer(int rows);

    /// <summary>Reads the value of the input's present row.</summary>
    public abstract void Read(Array buffer, int row);

    /// <summary>A getter of the value in the cursor's present row.</summary>
    public abstract Delegate CreateGetter(BatchScoredCursor cursor, int index);
}

/// <summary>A column of plain values.</summary>
internal sealed class PassedValue<T>(DataViewRow input, DataViewSchema.Column column) : PassedColumn
{
    private readonly ValueGetter<T> _get = input.GetGetter<T>(column);

    public override Array CreateBuffer(int rows) => new T[rows];

    public override void Read(Array buffer, int row) => _get(ref ((T[])buffer)[row]);

    public override Delegate CreateGetter(BatchScoredCursor cursor, int index) =>
        (ValueGetter<T>)((ref T value) => value = ((T[])cursor.GetPlace(out int row).Passed[index])[row]);
}

/// <summary>A column of vectors: the buffer's arrays are the block's, the caller gets a copy.</summary>
internal sealed class PassedVector<T>(DataViewRow input, DataViewSchema.Column column) : PassedColumn
{
    private readonly ValueGetter<VBuffer<T>> _get = input.GetGetter<VBuffer<T>>(column);

    public override Array CreateBuffer(int rows) => new VBuffer<T>[rows];

    public override void Read(Array buffer, int row) => _get(ref ((VBuffer<T>[])buffer)[row]);

    public override Delegate CreateGetter(BatchScoredCursor cursor, int index) =>
        (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) => ((VBuffer<T>[])cursor.GetPlace(out int row).Passed[index])[row].CopyTo(ref value));
}
