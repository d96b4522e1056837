using AdaBN.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Discovery;

/// <summary>Along which axis constants of one number a channel lie when they are broadcast.</summary>
internal static class ChannelAxis
{
    /// <summary>The axis counted from the last, which is 1; null where the constant is a single number or has more than one axis.</summary>
    public static int? FromLast(ConstantTensor tensor)
    {
        int[] long_ = [.. Enumerable.Range(0, tensor.Dims.Length).Where(axis => tensor.Dims[axis] != 1)];
        if (long_ is [var only]) return tensor.Dims.Length - only;
        return long_.Length == 0 && tensor.Dims.Length > 1 ? tensor.Dims.Length - 1 : null; // [1, 1, 1, 1]: one channel, along axis 1
    }

    /// <summary>Number of axes of a value of the main graph: as declared, or as ONNX Runtime infers it; null where nobody knows.</summary>
    public static int? RankOf(OnnxModel model, Value value)
    {
        if (value.Type?.Shape is { } shape) return shape.Length;
        try
        {
            using var options = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            KeyValuePair<Value, TensorType>[] inputs = [.. model.Graph.RequiredInputs.Where(input => input.Type is not null).Select(input => KeyValuePair.Create(input, input.Type!))];
            using var session = new InferenceSession(SubgraphExtractor.Extract(model, inputs, [value]).ToBytes(), options);
            int rank = session.OutputMetadata[value.Name].Dimensions.Length;
            return rank > 0 ? rank : null;
        }
        catch (OnnxRuntimeException)
        {
            return null; // the caller says that the rank is unknown
        }
    }
}
