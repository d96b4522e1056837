using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.Transforms.Onnx;

/// <summary>A model bound to a schema. Runs the session once a row, when the first of its outputs is asked for.</summary>
internal sealed class OnnxMapper : BoundMapper
{
    private const string OutputSuffix = ".output";
    private readonly OnnxTransformer _parent;
    private readonly (DataViewSchema.Column Column, int[] Shape)[] _inputs;

    internal OnnxMapper(OnnxTransformer parent, DataViewSchema inputSchema) : base(inputSchema)
    {
        _parent = parent;
        _inputs = [.. parent.Inputs.Select(Bind)];
    }

    /// <summary>A column goes without the suffix that some exporters put behind an output's name.</summary>
    internal override IReadOnlyList<AddedColumn> Added() => [.. _parent.Outputs.Select(output => new AddedColumn(
        output.Name.EndsWith(OutputSuffix, StringComparison.Ordinal) ? output.Name.Replace(OutputSuffix, "") : output.Name,
        output.ColumnType))];

    internal override IEnumerable<int> InputsOf(IReadOnlySet<int> added) => _inputs.Select(input => input.Column.Index);

    internal override Delegate[] CreateGetters(DataViewRow input, IReadOnlySet<int> added, out Action disposer)
    {
        var getters = new Delegate[_parent.Outputs.Length];
        string[] wanted = [.. _parent.Outputs.Where((_, index) => added.Contains(index)).Select(output => output.Name)];
        var readers = added.Count == 0 ? [] : _inputs.Select(bound => OnnxInput.Reader(input, bound.Column, bound.Shape)).ToArray();
        var scored = new ScoredRow(_parent.Model, input, readers, wanted);
        foreach (int index in added)
        {
            var (name, _, type) = _parent.Outputs[index];
            string method = type is not VectorDataViewType ? nameof(ScalarGetter)
                : DataViewTypeFacts.ItemTypeOf(type) is TextDataViewType ? nameof(TextGetter) : nameof(VectorGetter);
            var item = DataViewTypeFacts.ItemTypeOf(type).RawType;
            getters[index] = (Delegate)Generic.Call(null, typeof(OnnxMapper), method, [item], scored, name);
        }

        disposer = scored.Dispose;
        return getters;
    }

    private (DataViewSchema.Column Column, int[] Shape) Bind(string name)
    {
        var value = _parent.Model.Input(name);
        // Rows go one by one, so a batch of any size is a batch of 1, and a scalar a vector of 1.
        int[] shape = value.Shape.Count == 0 ? [1] : [.. value.Shape.Select((length, axis) => length >= 0 ? length : axis == 0 ? 1 : 0)];
        if (shape.Count(length => length == 0) > 1)
            throw new ArgumentOutOfRangeException(name, "More than one dimension of this input is unknown, besides the batch.");
        var column = InputSchema.GetColumnOrNull(name) ?? throw Check.MissingColumn("inputSchema", name);
        var expected = DataViewTypeFacts.ItemTypeOf(value.ColumnType);
        if (DataViewTypeFacts.ItemTypeOf(column.Type) != expected)
            throw Check.WrongColumnType("inputSchema", name, expected, column.Type);
        if (!shape.Contains(0))
        {
            int found = DataViewTypeFacts.ValueCountOf(column.Type);
            Check.State(found % shape.Aggregate((product, length) => product * length) == 0,
                $"Column '{name}' has {found} values, which do not fill the model's shape {string.Join(",", shape)}.");
        }

        return (column, shape);
    }

    private static ValueGetter<VBuffer<T>> VectorGetter<T>(ScoredRow scored, string name) => (ref VBuffer<T> value) =>
    {
        var tensor = scored.Value<T>(name);
        var editor = VBufferEditor.Create(ref value, (int)tensor.Length);
        tensor.Buffer.Span.CopyTo(editor.Values);
        value = editor.Commit();
    };

    private static ValueGetter<VBuffer<T>> TextGetter<T>(ScoredRow scored, string name) => (ref VBuffer<T> value) =>
    {
        var tensor = scored.Value<string>(name);
        var editor = VBufferEditor.Create(ref value, (int)tensor.Length);
        for (int i = 0; i < editor.Values.Length; i++)
            editor.Values[i] = (T)(object)tensor.GetValue(i).AsMemory();
        value = editor.Commit();
    };

    private static ValueGetter<T> ScalarGetter<T>(ScoredRow scored, string name) => (ref T value) =>
        throw new ArgumentNullException(name, "ML.NET takes an output that is no vector for a sequence of maps, and finds none.");

    private sealed class ScoredRow(OnnxModel model, DataViewRow input, Func<NamedOnnxValue>[] readers, string[] wanted) : IDisposable
    {
        private IDisposableReadOnlyCollection<DisposableNamedOnnxValue> _values;
        private long _position = -1;

        public void Dispose() => _values?.Dispose();

        internal DenseTensor<T> Value<T>(string name)
        {
            if (_position != input.Position)
            {
                var inputs = readers.Select(read => read()).ToList();
                _values?.Dispose();
                _values = model.Run(inputs, wanted);
                _position = input.Position;
            }

            return _values.First(value => value.Name == name).AsTensor<T>() as DenseTensor<T>
                ?? throw new InvalidOperationException($"Output '{name}' is no tensor of {typeof(T)}");
        }
    }
}
