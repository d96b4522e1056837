using AdaBN.Input;
using AdaBN.Layout;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Storage;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace AdaBN.Measurement;

/// <summary>The part of the model that a stage computes with ONNX Runtime, as a session. It holds no statistics, so it can be made before they are known.</summary>
internal sealed class StagePiece : IDisposable
{
    private readonly Stage _stage;
    private readonly InferenceSession _session;
    private readonly BlockedPiece? _blocked;
    private readonly SlotAllocator _allocator;
    private readonly BoundTensor[] _weights;
    private readonly OrtValue[] _weightValues;
    private readonly string[] _inputNames, _outputNames;
    private volatile TensorForm[]? _forms;

    private StagePiece(Stage stage, InferenceSession session, BlockedPiece? blocked, BoundTensor[] weights, SlotAllocator allocator)
    {
        (_stage, _session, _blocked, _weights, _allocator) = (stage, session, blocked, weights, allocator);
        _weightValues = [.. weights.Select(tensor => tensor.ToOrtValue())];
        _inputNames = [.. stage.PieceInputs.Select(value => value.Name), .. (blocked?.Weights ?? []).Select(weights => weights.Name)];
        _outputNames = [.. stage.PieceOutputs.Select(value => value.Name)];
    }

    /// <summary>Opens the session.</summary>
    /// <param name="model">The whole model.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="typeOf">Types of the stage's inputs in the plain layout, with the batch axis open.</param>
    /// <param name="mayBlock">Whether the piece may be written in the blocked layout.</param>
    /// <param name="allocator">Memory for weights.</param>
    public static StagePiece Open(OnnxModel model, Stage stage, Func<Value, TensorType> typeOf, bool mayBlock, SlotAllocator allocator)
    {
        KeyValuePair<Value, TensorType>[] inputs = [.. stage.PieceInputs.Select(value => KeyValuePair.Create(value, typeOf(value)))];
        BlockedPiece? blocked = mayBlock && BlockedLayout.Block > 0 ? BlockedPiece.TryConvert(model, inputs, stage.PieceOutputs, BlockedLayout.Block) : null;
        byte[] piece = blocked?.File ?? SubgraphExtractor.Extract(model, inputs, stage.PieceOutputs).ToBytes();
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = blocked is null ? GraphOptimizationLevel.ORT_ENABLE_ALL : GraphOptimizationLevel.ORT_DISABLE_ALL,
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        BoundTensor[] weights = [.. (blocked?.Weights ?? []).Select(one => Place(one, allocator))];
        try
        {
            return new StagePiece(stage, new InferenceSession(piece, options), blocked, weights, allocator);
        }
        catch (OnnxRuntimeException e)
        {
            throw new AdaptationException(AdaptationError.ModelRefused, $"ONNX Runtime refuses the part of the model before {stage.Goal}: {e.Message}", e);
        }
    }

    /// <summary>Channels a block in which the piece wants an input; 0 for the plain layout.</summary>
    public int BlockOf(Value input) => _blocked is not null && _blocked.BlockedInputs.Contains(input.Name) ? BlockedLayout.Block : 0;

    /// <summary>Computes a batch. The forms of the outputs are known after the first; from then on they are written straight to their place.</summary>
    /// <param name="runOptions">Lets a run be stopped.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="inputs">One tensor for each input of the piece.</param>
    /// <param name="place">Gives an output of that form and shape its place.</param>
    /// <param name="regular">Whether outputs hold samples along their first axis; where not, every batch's form is taken as it comes.</param>
    public void Run(RunOptions runOptions, Batch batch, IReadOnlyList<BoundTensor> inputs, Func<Value, TensorForm, long[], Slot> place, bool regular)
    {
        OrtValue[] batchValues = [.. inputs.Select(input => input.ToOrtValue())], inputValues = [.. batchValues, .. _weightValues];
        OrtValue[]? outputValues = null;
        try
        {
            if (_forms is { } forms && regular)
            {
                outputValues = [.. forms.Select((form, i) =>
                {
                    long[] shape = form.Shape(batch.Rows);
                    return new BoundTensor(place(_stage.PieceOutputs[i], form, shape), form.ElementType, shape).ToOrtValue();
                })];
                _session.Run(runOptions, _inputNames, inputValues, _outputNames, outputValues);
                return;
            }
            outputValues = [.. _session.Run(runOptions, _inputNames, inputValues, _outputNames)];
            _forms = [.. outputValues.Select((output, i) => CopyOut(output, i, batch, place, regular))];
        }
        catch (OnnxRuntimeException e)
        {
            throw new AdaptationException(AdaptationError.ModelRefused,
                $"ONNX Runtime failed on {batch} in stage {_stage.Index} (up to {_stage.Goal}): {e.Message}", e);
        }
        finally
        {
            foreach (OrtValue value in batchValues) value.Dispose();
            foreach (OrtValue value in outputValues ?? []) value.Dispose();
        }
    }

    public void Dispose()
    {
        _session.Dispose();
        foreach (OrtValue value in _weightValues) value.Dispose();
        foreach (BoundTensor weights in _weights) _allocator.Return(weights.Slot);
    }

    private static BoundTensor Place(BlockedWeights weights, SlotAllocator allocator)
    {
        Slot slot = allocator.Rent((long)weights.Length * sizeof(float));
        Span<float> data = slot.Floats(0, weights.Length);
        data.Clear();
        weights.Fill(data);
        return new BoundTensor(slot, ElementType.Float, weights.Dims);
    }

    private TensorForm CopyOut(OrtValue output, int index, Batch batch, Func<Value, TensorForm, long[], Slot> place, bool regular)
    {
        Value value = _stage.PieceOutputs[index];
        OrtTensorTypeAndShapeInfo info = output.GetTensorTypeAndShape();
        long[] shape = info.Shape;
        if (info.ElementDataType == TensorElementType.String || (regular && (shape.Length == 0 || shape[0] == 0 || shape[0] % batch.Rows != 0)))
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm,
                $"'{value.Name}' between stages is {info.ElementDataType} [{string.Join(", ", shape)}] for a batch of {batch.Rows}, expected numbers with the samples along the first axis.");
        }
        long[] tail = shape.Length == 0 ? [] : shape[1..];
        if (_blocked is not null) tail[0] = _blocked.Channels[value.Name];
        var form = new TensorForm((ElementType)info.ElementDataType, regular ? (int)(shape[0] / batch.Rows) : 1, tail, _blocked is null ? 0 : BlockedLayout.Block);
        ReadOnlySpan<byte> bytes = output.GetTensorMutableRawData();
        Slot slot = place(value, form, shape);
        bytes.CopyTo(slot.Bytes(bytes.Length));
        return form;
    }
}

/// <summary>A tensor in a slot.</summary>
internal readonly record struct BoundTensor(Slot Slot, ElementType ElementType, long[] Shape)
{
    public OrtValue ToOrtValue() => OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, (TensorElementType)ElementType, Shape, Slot.Address, ByteLength(ElementType, Shape));

    public static long ByteLength(ElementType type, long[] shape)
    {
        long bytes = SizeOf(type);
        foreach (long length in shape)
        {
            if (length > int.MaxValue / Math.Max(1, bytes))
                throw new AdaptationException(AdaptationError.UnsupportedForm, $"A batch's tensor {type} [{string.Join(", ", shape)}] takes 2 GB or more. Choose a smaller batch size.");
            bytes *= length;
        }
        return bytes;
    }

    public static int SizeOf(ElementType type) =>
        type.Size() is > 0 and var size ? size : throw new AdaptationException(AdaptationError.UnsupportedForm, $"A tensor of {type} elements crosses stages; that is not supported.");
}
