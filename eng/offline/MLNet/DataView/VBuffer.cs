using System.Collections;

namespace Microsoft.ML.Data;

/// <summary>
/// A vector value, dense or sparse. Sparse when fewer values than <see cref="Length"/> are stored; then indices say where they
/// stand, rising, and the rest are defaults. Its arrays are meant to be reused from row to row, through <see cref="VBufferEditor"/>.
/// </summary>
public readonly struct VBuffer<T> : IEnumerable
{
    private readonly T[] _values;
    private readonly int[] _indices;
    private readonly int _stored;

    public readonly int Length;

    public VBuffer(int length, T[] values, int[] indices = null)
        : this(length, length, values, indices)
    {
    }

    public VBuffer(int length, int count, T[] values, int[] indices)
    {
        Check.Parameter(length >= 0, nameof(length));
        Check.Parameter(count >= 0 && count <= length, nameof(count));
        Check.Parameter((values?.Length ?? 0) >= count, nameof(values));
        Check.Parameter(count == length || (indices?.Length ?? 0) >= count, nameof(indices));
        Length = length;
        _stored = count;
        _values = values;
        _indices = indices;
    }

    public bool IsDense => _stored == Length;

    public ReadOnlySpan<T> GetValues() => _values.AsSpan(0, _stored);

    public ReadOnlySpan<int> GetIndices() => IsDense ? default : _indices.AsSpan(0, _stored);

    public IEnumerable<T> DenseValues() => ToDenseArray();

    public void CopyTo(Span<T> destination)
    {
        Check.Parameter(destination.Length >= Length, nameof(destination), "Too short for this vector.");
        var stored = GetValues();
        if (IsDense)
        {
            stored.CopyTo(destination);
            return;
        }

        destination[..Length].Clear();
        var at = GetIndices();
        for (int i = 0; i < stored.Length; i++)
            destination[at[i]] = stored[i];
    }

    public void CopyTo(ref VBuffer<T> destination)
    {
        var editor = VBufferEditor.Create(ref destination, Length, _stored);
        GetValues().CopyTo(editor.Values);
        GetIndices().CopyTo(editor.Indices);
        destination = editor.Commit();
    }

    public void CopyToDense(ref VBuffer<T> destination)
    {
        var editor = VBufferEditor.Create(ref destination, Length);
        CopyTo(editor.Values);
        destination = editor.Commit();
    }

    public IEnumerator GetEnumerator() => _values.GetEnumerator();

    public override string ToString() =>
        IsDense ? $"Dense vector of size {Length}" : $"Sparse vector of size {Length}, {_stored} explicit values";

    internal T[] ToDenseArray()
    {
        var dense = new T[Length];
        CopyTo(dense);
        return dense;
    }

    internal VBufferEditor<T> Edit(int length, int stored)
    {
        bool dense = length == stored;
        var values = _values?.Length >= stored ? _values : new T[stored];
        var indices = dense || _indices?.Length >= stored ? _indices : new int[stored];
        return new VBufferEditor<T>(length, stored, values, indices);
    }
}

public static class VBufferEditor
{
    /// <summary>Room for a new value, in the arrays of <paramref name="destination"/> where they suffice. What they held is lost.</summary>
    public static VBufferEditor<T> Create<T>(scoped ref VBuffer<T> destination, int newLogicalLength, int? valuesCount = null)
    {
        Check.Parameter(newLogicalLength >= 0, nameof(newLogicalLength), "Must be non-negative.");
        int stored = valuesCount ?? newLogicalLength;
        Check.Parameter(stored >= 0 && stored <= newLogicalLength, nameof(valuesCount), "Must be between 0 and the length.");
        return destination.Edit(newLogicalLength, stored);
    }
}

public readonly ref struct VBufferEditor<T>
{
    private readonly int _length;
    private readonly T[] _values;
    private readonly int[] _indices;

    public readonly Span<T> Values;
    public readonly Span<int> Indices;

    internal VBufferEditor(int length, int stored, T[] values, int[] indices)
    {
        _length = length;
        _values = values;
        _indices = indices;
        Values = values.AsSpan(0, stored);
        Indices = stored == length ? default : indices.AsSpan(0, stored);
    }

    public VBuffer<T> Commit() => new(_length, Values.Length, _values, _indices);
}
