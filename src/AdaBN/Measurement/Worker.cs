using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>One thread of a stage: the tensors of its present batch, and memory that it uses again for the next.</summary>
internal sealed class Worker(StageRunner runner, Stage stage)
{
    private readonly Dictionary<Value, Slot> _own = [];
    private readonly Dictionary<Value, Slot> _gathered = [];
    private readonly Dictionary<Value, Slot> _expanded = [];
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
            int length = (int)(BoundTensor.ByteLength(ElementType.Float, [rows, source.Input.Length]) / sizeof(float));
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
            if (source.Target is { } target && IsWrittenInPlace(target, ElementType.Float)) runner.Allocator.Return(_tensors[target].Slot);
        return null;
    }

    /// <summary>Gives a value of the present batch its place: one of its own where it is kept, else the worker's.</summary>
    public Slot Place(Value value, TensorForm form, long[] shape)
    {
        runner.Forms.TryAdd(value, form);
        long bytes = BoundTensor.ByteLength(form.ElementType, shape);
        Slot slot = IsWrittenInPlace(value, form.ElementType) ? runner.Allocator.Rent(bytes) : Own(_own, value, bytes);
        _tensors[value] = new BoundTensor(slot, form.ElementType, shape);
        return slot;
    }

    /// <summary>A value of the present batch as the store shall hold it.</summary>
    public StoredBatch Store(Value value, Batch batch)
    {
        BoundTensor tensor = _tensors[value];
        if (IsWrittenInPlace(value, tensor.ElementType)) return new StoredBatch(tensor.Slot, batch.First, batch.Rows, tensor.Shape);
        int length = checked((int)tensor.Shape.Aggregate(1L, (product, axis) => product * axis));
        Slot half = runner.Allocator.Rent((long)length * HalfPrecision.Size);
        HalfPrecision.Shrink(tensor.Slot.Floats(0, length), half, value.Name);
        return new StoredBatch(half, batch.First, batch.Rows, tensor.Shape, IsHalf: true);
    }

    /// <summary>A tensor for the piece: computed in this batch, stored as one, or gathered from stored batches and other layouts.</summary>
    public BoundTensor Bind(Value value, Batch batch, int block)
    {
        TensorForm form = runner.Forms[value];
        bool isPresent = _tensors.TryGetValue(value, out BoundTensor present) && stage.PieceInputs.Contains(value) && IsComputedHere(value);
        if (isPresent && form.Block == block) return present;
        if (!isPresent)
        {
            StoredBatch stored = runner.Store.Find(value, batch.First);
            bool isOne = !runner.Plan.CanRegroup || (stored.First == batch.First && stored.Rows == batch.Rows);
            if (stored.IsHalf && form.Block == block) return new BoundTensor(Expand(value, form, batch), form.ElementType, form.Shape(batch.Rows));
            if (isOne && form.Block == block) return new BoundTensor(stored.Slot, form.ElementType, stored.Shape);
        }

        TensorForm wanted = form with { Block = block };
        long[] shape = wanted.Shape(batch.Rows);
        Slot gathered = Own(_gathered, value, BoundTensor.ByteLength(form.ElementType, shape));
        RowSet rows = isPresent ? new RowSet(form, AddressesOf(present.Slot, form, batch.Rows)) : Rows(value, batch);
        LayoutCopy.Run(rows, wanted, gathered);
        return new BoundTensor(gathered, form.ElementType, shape);
    }

    public long[] ShapeOf(Value value, Batch batch) => runner.Store.Find(value, batch.First).Shape;

    /// <summary>A stored value's rows in a batch.</summary>
    public RowSet Rows(Value value, Batch batch)
    {
        TensorForm form = runner.Forms[value];
        StoredBatch stored = runner.Store.Find(value, batch.First);
        if (stored.IsHalf) return new RowSet(form, AddressesOf(Expand(value, form, batch), form, batch.Rows));
        if (!runner.Plan.CanRegroup)
        {
            if (stored.Shape.Length == 0 || stored.Shape[0] == 0 || !stored.Shape.AsSpan(1).SequenceEqual(form.Tail))
            {
                throw new AdaptationException(AdaptationError.UnsupportedForm,
                    $"'{value.Name}' has the shape [{string.Join(", ", stored.Shape)}] for {batch}, expected [N, {string.Join(", ", form.Tail)}] as for the first samples.");
            }
            nint rowBytes = (nint)(BoundTensor.ByteLength(form.ElementType, stored.Shape) / stored.Shape[0]);
            return new RowSet(form, [.. Enumerable.Range(0, checked((int)stored.Shape[0])).Select(row => stored.Slot.Address + (row * rowBytes))]);
        }
        var addresses = new nint[batch.Rows * form.RowsPerSample];
        nint sampleBytes = (nint)(form.SampleLength * BoundTensor.SizeOf(form.ElementType)), rowLength = sampleBytes / form.RowsPerSample;
        for (int row = 0; row < addresses.Length; row++)
        {
            long sample = batch.First + (row / form.RowsPerSample);
            if (sample >= stored.First + stored.Rows) stored = runner.Store.Find(value, sample);
            addresses[row] = stored.Slot.Address + ((nint)(sample - stored.First) * sampleBytes) + (row % form.RowsPerSample * rowLength);
        }
        return new RowSet(form, addresses);
    }

    public void ReturnSlots()
    {
        foreach (Slot slot in _own.Values.Concat(_gathered.Values).Concat(_expanded.Values).Concat(_unused).Where(slot => slot.Length > 0)) runner.Allocator.Return(slot);
    }

    private bool IsWrittenInPlace(Value value, ElementType type) => stage.Kept.Contains(value) && !(runner.HoldsHalf && runner.Plan.CanRegroup && type == ElementType.Float);

    private Slot Expand(Value value, TensorForm form, Batch batch)
    {
        int sampleLength = checked((int)form.SampleLength);
        Slot slot = Own(_expanded, value, (long)batch.Rows * sampleLength * sizeof(float));
        for (int row = 0; row < batch.Rows; row++)
        {
            StoredBatch stored = runner.Store.Find(value, batch.First + row);
            nint source = stored.Slot.Address + ((nint)(batch.First + row - stored.First) * sampleLength * HalfPrecision.Size);
            HalfPrecision.Expand(source, slot.Floats((long)row * sampleLength, sampleLength));
        }
        return slot;
    }

    private bool IsComputedHere(Value value) => stage.Index == 0 || stage.Blends.Any(blend => blend.Output == value);

    private static nint[] AddressesOf(Slot slot, TensorForm form, int samples)
    {
        nint rowBytes = (nint)(form.SampleLength * BoundTensor.SizeOf(form.ElementType) / form.RowsPerSample);
        return [.. Enumerable.Range(0, samples * form.RowsPerSample).Select(row => slot.Address + (row * rowBytes))];
    }

    private Slot Own(Dictionary<Value, Slot> slots, Value value, long bytes)
    {
        if (slots.TryGetValue(value, out Slot slot))
        {
            if (slot.Length >= bytes) return slot;
            runner.Allocator.Return(slot);
        }
        return slots[value] = runner.Allocator.Rent(bytes);
    }
}
