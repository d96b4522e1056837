using AdaBN.Input;
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
    private readonly string[] _inputNames, _outputNames;
    private volatile TensorForm[]? _forms;

    private StagePiece(Stage stage, InferenceSession session)
    {
        (_stage, _session) = (stage, session);
        _inputNames = [.. stage.PieceInputs.Select(value => value.Name)];
        _outputNames = [.. stage.PieceOutputs.Select(value => value.Name)];
    }

    /// <summary>Opens the session; types are those of the stage's inputs, with the batch axis open.</summary>
    public static StagePiece Open(OnnxModel model, Stage stage, Func<Value, TensorType> typeOf)
    {
        OnnxModel piece = SubgraphExtractor.Extract(model, [.. stage.PieceInputs.Select(value => KeyValuePair.Create(value, typeOf(value)))], stage.PieceOutputs);
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        try
        {
            return new StagePiece(stage, new InferenceSession(piece.ToBytes(), options));
        }
        catch (OnnxRuntimeException e)
        {
            throw new AdaptationException(AdaptationError.ModelRefused, $"ONNX Runtime refuses the part of the model before layer '{stage.Layers[0].Info.Name}': {e.Message}", e);
        }
    }

    /// <summary>Computes a batch. The forms of the outputs are known after the first; from then on they are written straight to their place.</summary>
    /// <param name="runOptions">Lets a run be stopped.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="inputs">One tensor for each input of the piece.</param>
    /// <param name="place">Gives an output of that form and shape its place.</param>
    /// <param name="regular">Whether outputs hold samples along their first axis; where not, every batch's form is taken as it comes.</param>
    public void Run(RunOptions runOptions, Batch batch, IReadOnlyList<BoundTensor> inputs, Func<Value, TensorForm, long[], Slot> place, bool regular)
    {
        OrtValue[] inputValues = [.. inputs.Select(input => input.ToOrtValue())];
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
                $"ONNX Runtime failed on {batch} in stage {_stage.Index} (up to layer '{_stage.Layers[0].Info.Name}'): {e.Message}", e);
        }
        finally
        {
            foreach (OrtValue value in inputValues) value.Dispose();
            foreach (OrtValue value in outputValues ?? []) value.Dispose();
        }
    }

    public void Dispose() => _session.Dispose();

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
        var form = new TensorForm((ElementType)info.ElementDataType, regular ? (int)(shape[0] / batch.Rows) : 1, shape.Length == 0 ? [] : shape[1..]);
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

    public static long ByteLength(ElementType type, long[] shape) => shape.Aggregate((long)SizeOf(type), (bytes, length) => checked(bytes * length));

    public static int SizeOf(ElementType type) => type switch
    {
        ElementType.Bool or ElementType.Int8 or ElementType.UInt8 => 1,
        ElementType.Int16 or ElementType.UInt16 or ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.Float or ElementType.Int32 or ElementType.UInt32 => 4,
        ElementType.Double or ElementType.Int64 or ElementType.UInt64 => 8,
        _ => throw new AdaptationException(AdaptationError.UnsupportedForm, $"A tensor of {type} elements crosses stages; that is not supported."),
    };
}
