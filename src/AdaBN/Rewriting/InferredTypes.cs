using AdaBN.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace AdaBN.Rewriting;

/// <summary>What is known of a value before the model runs.</summary>
/// <param name="ElementType">Type of its elements.</param>
/// <param name="Dims">Length of each axis, −1 where it is open; null where even their number is unknown.</param>
internal sealed record InferredType(ElementType ElementType, IReadOnlyList<int>? Dims)
{
    public static InferredType Unknown { get; } = new(ElementType.Undefined, null);

    public static InferredType Of(TensorType? type) =>
        type?.Shape is { } shape ? new InferredType(type.ElementType, [.. shape.Select(dim => (int)(dim.Length is >= 0 and <= int.MaxValue ? dim.Length : -1))]) : Unknown;
}

/// <summary>Types of values as ONNX Runtime infers them; as the file declares them where it cannot.</summary>
internal static class InferredTypes
{
    public static IReadOnlyDictionary<Value, InferredType> Of(OnnxModel model, IEnumerable<Value> values)
    {
        Dictionary<Value, InferredType> types = values.Distinct().ToDictionary(value => value, value => InferredType.Of(value.Type));
        Value[] computed = [.. types.Keys.Where(value => value.Producer is not null)];
        if (computed.Length == 0) return types;
        try
        {
            using var options = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            KeyValuePair<Value, TensorType>[] inputs = [.. model.Graph.RequiredInputs.Where(input => input.Type is not null).Select(input => KeyValuePair.Create(input, input.Type!))];
            using var session = new InferenceSession(SubgraphExtractor.Extract(model, inputs, computed).ToBytes(), options);
            foreach (Value value in computed)
            {
                NodeMetadata found = session.OutputMetadata[value.Name];
                if (found is { IsTensor: true, Dimensions.Length: > 0 }) types[value] = new InferredType((ElementType)found.ElementDataType, found.Dimensions);
            }
            Value[] unknown = [.. computed.Where(value => types[value].Dims is null)];
            if (unknown.Length == 0 || !inputs.All(input => input.Value.Shape is { Length: > 0 } shape && shape.Skip(1).All(dim => dim.Length > 0))) return types;
            foreach ((Value value, InferredType found) in unknown.Zip(Seen(session, inputs, unknown))) types[value] = found;
        }
        catch (OnnxRuntimeException)
        {
            // An operator that ONNX Runtime does not know; who needs a type that the file does not declare either says so.
        }
        return types;
    }

    /// <summary>The shapes that ONNX Runtime computes rather than infers, such as behind Shape → Reshape: those of one sample of zeros. Only the number of axes holds for others.</summary>
    private static IEnumerable<InferredType> Seen(InferenceSession session, KeyValuePair<Value, TensorType>[] inputs, Value[] values)
    {
        OrtValue[] zeros = [.. inputs.Select(input => OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, (TensorElementType)input.Value.ElementType, [.. input.Value.Shape!.Value.Select(dim => dim.Length ?? 1)]))];
        foreach (OrtValue zero in zeros) zero.GetTensorMutableRawData().Clear();
        using var options = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(options, [.. inputs.Select(input => input.Key.Name)], zeros, [.. values.Select(value => value.Name)]);
        foreach (OrtValue zero in zeros) zero.Dispose();
        return [.. outputs.Select(output => output.GetTensorTypeAndShape()).Select(found => new InferredType((ElementType)found.ElementDataType, [.. found.Shape.Select((length, axis) => axis == 1 ? (int)length : -1)]))];
    }
}
