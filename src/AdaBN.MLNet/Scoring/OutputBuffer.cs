using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.MLNet.Scoring;

/// <summary>One output of the model for the rows of a block: values row behind row, each row of its own length.</summary>
internal abstract class OutputBuffer
{
    /// <summary>A buffer for outputs of one element type, which ML.NET and ONNX Runtime represent alike.</summary>
    public static OutputBuffer Create(Type elementType) => (OutputBuffer)Activator.CreateInstance(typeof(OutputBuffer<>).MakeGenericType(elementType))!;

    public abstract OutputBuffer CreateAnother();

    public abstract void Clear();

    /// <summary>Appends what one run over the given number of rows put out.</summary>
    /// <returns>False where the output's first axis is not that of the rows: then nobody can say which part belongs to which row.</returns>
    public abstract bool TryAppend(OrtValue output, int rows);

    /// <summary>Whether another buffer holds the same values, but for the rounding of floating-point kernels.</summary>
    public abstract bool Agrees(OutputBuffer other);

    /// <summary>A getter of the values in the cursor's present row.</summary>
    public abstract Delegate CreateGetter(BatchScoredCursor cursor, int index);
}

/// <inheritdoc/>
internal sealed class OutputBuffer<T> : OutputBuffer where T : unmanaged
{
    // Of the largest value. Kernels for many rows may add in another order than those for one; what that changes stays far below this,
    // and what rows of a batch do to each other stands far above it.
    private const double Rounding = 1e-4;

    private readonly List<int> _ends = [];
    private T[] _values = [];

    private ReadOnlySpan<T> this[int row] => _values.AsSpan(Start(row), _ends[row] - Start(row));

    public override OutputBuffer CreateAnother() => new OutputBuffer<T>();

    public override void Clear() => _ends.Clear();

    public override bool TryAppend(OrtValue output, int rows)
    {
        // A single row may have any shape, as in stock scoring: all there is belongs to it.
        if (rows > 1 && (output.GetTensorTypeAndShape().Shape is not [var first, ..] || first != rows)) return false;
        ReadOnlySpan<T> values = output.GetTensorDataAsSpan<T>();
        int start = Start(_ends.Count), length = values.Length / rows;
        if (start + values.Length > _values.Length) Array.Resize(ref _values, Math.Max(start + values.Length, 2 * start));
        values.CopyTo(_values.AsSpan(start));
        for (int row = 1; row <= rows; row++) _ends.Add(start + (row * length));
        return true;
    }

    public override bool Agrees(OutputBuffer other)
    {
        var expected = (OutputBuffer<T>)other;
        return _ends.SequenceEqual(expected._ends) && Agrees(_values.AsSpan(0, Start(_ends.Count)), expected._values.AsSpan(0, Start(_ends.Count)));
    }

    public override Delegate CreateGetter(BatchScoredCursor cursor, int index) => (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) =>
    {
        RowBlock block = cursor.GetPlace(out int row);
        ReadOnlySpan<T> values = ((OutputBuffer<T>)block.Outputs[index])[row];
        VBufferEditor<T> editor = VBufferEditor.Create(ref value, values.Length);
        values.CopyTo(editor.Values);
        value = editor.Commit();
    });

    private static bool Agrees(ReadOnlySpan<T> actual, ReadOnlySpan<T> expected) =>
        typeof(T) == typeof(float) ? Agrees(Widen(MemoryMarshal.Cast<T, float>(actual)), Widen(MemoryMarshal.Cast<T, float>(expected)))
        : typeof(T) == typeof(double) ? Agrees(MemoryMarshal.Cast<T, double>(actual).ToArray(), MemoryMarshal.Cast<T, double>(expected).ToArray())
        : MemoryMarshal.AsBytes(actual).SequenceEqual(MemoryMarshal.AsBytes(expected));

    private static bool Agrees(double[] actual, double[] expected)
    {
        double scale = expected.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
        return actual.Zip(expected).All(pair => pair.First.Equals(pair.Second) || Math.Abs(pair.First - pair.Second) <= Rounding * scale);
    }

    private static double[] Widen(ReadOnlySpan<float> values) => Array.ConvertAll(values.ToArray(), value => (double)value);

    private int Start(int row) => row == 0 ? 0 : _ends[row - 1];
}
