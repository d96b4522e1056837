using System.Collections.Concurrent;
using AdaBN.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Measurement;

/// <summary>
/// Tensors between stages, one for each value and chunk. A chunk holds the same samples in every stage, so that values of any shape,
/// those derived from the batch's own shape included, can be kept. Owns what is put into it.
/// </summary>
internal sealed class ActivationStore : IDisposable
{
    private readonly ConcurrentDictionary<(Value Value, int Chunk), OrtValue> _tensors = new();

    public OrtValue Get(Value value, int chunk) => _tensors[(value, chunk)];

    public void Put(Value value, int chunk, OrtValue tensor) => _tensors[(value, chunk)] = tensor;

    public void Release(Value value)
    {
        foreach ((Value Value, int Chunk) key in _tensors.Keys.Where(key => key.Value == value))
            if (_tensors.TryRemove(key, out OrtValue? tensor)) tensor.Dispose();
    }

    /// <summary>A value's type as all its chunks have it: axes that differ from chunk to chunk are left open.</summary>
    public TensorType TypeOf(Value value, int chunks)
    {
        OrtTensorTypeAndShapeInfo first = Get(value, 0).GetTensorTypeAndShape();
        Dimension[] shape = [.. first.Shape.Select(length => new Dimension(length))];
        for (int chunk = 1; chunk < chunks; chunk++)
        {
            long[] other = Get(value, chunk).GetTensorTypeAndShape().Shape;
            for (int axis = 0; axis < shape.Length; axis++)
                if (other[axis] != shape[axis].Length) shape[axis] = default;
        }
        return new TensorType((ElementType)first.ElementDataType, [.. shape]);
    }

    public void Dispose()
    {
        foreach (OrtValue tensor in _tensors.Values) tensor.Dispose();
        _tensors.Clear();
    }
}
