using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.Transforms.Onnx;

/// <summary>Turns a column's value in the current row into a tensor for ONNX Runtime.</summary>
internal static class OnnxInput
{
    internal static Func<NamedOnnxValue> Reader(DataViewRow row, DataViewSchema.Column column, int[] shape)
    {
        string method = column.Type is VectorDataViewType ? nameof(VectorReader) : nameof(ScalarReader);
        var item = DataViewTypeFacts.ItemTypeOf(column.Type).RawType;
        return (Func<NamedOnnxValue>)Generic.Call(null, typeof(OnnxInput), method, [item], row, column, shape);
    }

    private static Func<NamedOnnxValue> ScalarReader<T>(DataViewRow row, DataViewSchema.Column column, int[] shape)
    {
        var get = row.GetGetter<T>(column);
        return () =>
        {
            T value = default;
            get(ref value);
            return Tensor(column.Name, [value], [1, 1]);
        };
    }

    private static Func<NamedOnnxValue> VectorReader<T>(DataViewRow row, DataViewSchema.Column column, int[] shape)
    {
        var get = row.GetGetter<VBuffer<T>>(column);
        bool knownSize = ((VectorDataViewType)column.Type).IsKnownSize;
        int unknownAxis = Array.IndexOf(shape, 0);
        int knownCount = shape.Where(length => length > 0).Aggregate((product, length) => product * length);
        VBuffer<T> value = default;
        return () =>
        {
            get(ref value);
            var lengths = shape.ToList();
            // A vector of unknown size fills the model's one unknown dimension. Where there is none, this fails, as in ML.NET.
            if (!knownSize)
                lengths[unknownAxis] = value.Length / knownCount;
            return Tensor(column.Name, value.ToDenseArray(), [.. lengths]);
        };
    }

    private static NamedOnnxValue Tensor<T>(string name, T[] values, int[] shape) => values is ReadOnlyMemory<char>[] text
        ? NamedOnnxValue.CreateFromTensor(name, new DenseTensor<string>(Array.ConvertAll(text, item => item.ToString()), shape))
        : NamedOnnxValue.CreateFromTensor(name, new DenseTensor<T>(values, shape));
}
