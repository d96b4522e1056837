using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>One thread of a stage: the tensors of its present batch, and memory that it uses again for the next.</summary>
internal sealed class Worker(StageRunner runner, Stage stage)
{
    private readonly Dictionary<Value, Slot> _own = [];
    private readonly Dictionary<Value, BoundTensor> _tensors = [];
    private readonly Slot[] _unused = new Slot[runner.Binding.Sources.Length];

    /// <summary>A tensor computed in the present batch.</summary>
    public BoundTensor this[Value value] => _tensors[value];

    /// <summary>Reads the next batch of samples; null at the end.</summary>
    public Batch? Read(int rows)
    {
        var slots = new Slot[_unused.Length];
        var buffers = new Memory<float>[slots.Length];
        for (int i = 0; i < slots.Length; i++)
        {
            BoundInput source = runner.Binding.Sources[i];
            int length = checked(rows * source.Input.Length);
            slots[i] = source.Target is null
                ? _unused[i] = _unused[i].Length > 0 ? _unused[i] : runner.Allocator.Rent((long)length * sizeof(float))
                : Place(source.Target, new TensorForm(ElementType.Float, 1, [.. source.Shape]), [rows, .. source.Shape]);
            buffers[i] = slots[i].FloatMemory(length);
        }
        if (runner.Reader.TryRead(buffers, rows) is { } batch)
        {
            foreach (BoundInput source in runner.Binding.Sources)
                if (source.Target is { } target) _tensors[target] = _tensors[target] with { Shape = [batch.Rows, .. source.Shape] };
            return batch;
        }
        foreach (BoundInput source in runner.Binding.Sources)
            if (source.Target is { } target && stage.Kept.Contains(target)) runner.Allocator.Return(_tensors[target].Slot);
        return null;
    }

    /// <summary>Gives a value of the present batch its place: one of its own where it is kept, else the worker's.</summary>
    public Slot Place(Value value, TensorForm form, long[] shape)
    {
        runner.Forms.TryAdd(value, form);
        long bytes = BoundTensor.ByteLength(form.ElementType, shape);
        Slot slot = stage.Kept.Contains(value) ? runner.Allocator.Rent(bytes) : Own(value, bytes);
        _tensors[value] = new BoundTensor(slot, form.ElementType, shape);
        return slot;
    }

    /// <summary>A tensor for the piece: computed in this batch, stored as one, or gathered from several stored batches.</summary>
    public BoundTensor Bind(Value value, Batch batch)
    {
        if (_tensors.TryGetValue(value, out BoundTensor present)) return present;
        StoredBatch stored = runner.Store.Find(value, batch.First);
        TensorForm form = runner.Forms[value];
        if (!runner.Plan.CanRegroup || (stored.First == batch.First && stored.Rows == batch.Rows)) return new BoundTensor(stored.Slot, form.ElementType, stored.Shape);

        long[] shape = form.Shape(batch.Rows);
        int sampleBytes = checked((int)form.SampleLength * BoundTensor.SizeOf(form.ElementType));
        Slot gathered = Own(value, BoundTensor.ByteLength(form.ElementType, shape));
        for (int row = 0; row < batch.Rows; row++)
        {
            stored = runner.Store.Find(value, batch.First + row);
            stored.Slot.Bytes(checked((int)(stored.Rows * (long)sampleBytes))).Slice((int)(batch.First + row - stored.First) * sampleBytes, sampleBytes)
                .CopyTo(gathered.Bytes(checked(batch.Rows * sampleBytes))[(row * sampleBytes)..]);
        }
        return new BoundTensor(gathered, form.ElementType, shape);
    }

    public long[] ShapeOf(Value value, Batch batch) => runner.Store.Find(value, batch.First).Shape;

    /// <summary>Addresses of a stored value's rows in a batch.</summary>
    public nint[] Rows(Value value, Batch batch)
    {
        TensorForm form = runner.Forms[value];
        if (!runner.Plan.CanRegroup)
        {
            StoredBatch whole = runner.Store.Find(value, batch.First);
            nint rowBytes = (nint)(BoundTensor.ByteLength(form.ElementType, whole.Shape) / whole.Shape[0]);
            return [.. Enumerable.Range(0, checked((int)whole.Shape[0])).Select(row => whole.Slot.Address + (row * rowBytes))];
        }
        var rows = new nint[batch.Rows * form.RowsPerSample];
        nint length = (nint)(form.SampleLength * sizeof(float) / form.RowsPerSample);
        StoredBatch stored = runner.Store.Find(value, batch.First);
        for (int row = 0; row < rows.Length; row++)
        {
            long sample = batch.First + (row / form.RowsPerSample);
            if (sample >= stored.First + stored.Rows) stored = runner.Store.Find(value, sample);
            rows[row] = stored.Slot.Address + ((nint)(((sample - stored.First) * form.RowsPerSample) + (row % form.RowsPerSample)) * length);
        }
        return rows;
    }

    public void ReturnSlots()
    {
        foreach (Slot slot in _own.Values.Concat(_unused).Where(slot => slot.Length > 0)) runner.Allocator.Return(slot);
    }

    private Slot Own(Value value, long bytes)
    {
        if (_own.TryGetValue(value, out Slot slot))
        {
            if (slot.Length >= bytes) return slot;
            runner.Allocator.Return(slot);
        }
        return _own[value] = runner.Allocator.Rent(bytes);
    }
}
