using AdaBN.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Discovery;

/// <summary>
/// Tells constants from what is computed at run time, and computes constants. Chains of constant nodes, whatever they do, are left to
/// ONNX Runtime, so that they come out as the model itself would compute them.
/// </summary>
internal sealed class ConstantFolder
{
    // These give other numbers each time although they read nothing: https://onnx.ai/onnx/operators/
    private static readonly string[] Random = ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"];
    private readonly OnnxModel _model;
    private readonly HashSet<Value> _varying;
    private readonly Dictionary<Value, ConstantTensor?> _known = [];

    public ConstantFolder(OnnxModel model)
    {
        _model = model;
        _varying = [.. model.Graph.RequiredInputs];
        foreach (Node node in model.Graph.TopologicalOrder())
            if (node.Dependencies.Any(_varying.Contains) || node.NestedGraphs.SelectMany(nested => nested.NodesAndNested()).Prepend(node).Any(inner => Random.Contains(inner.OpType)))
                _varying.UnionWith(node.Outputs.OfType<Value>());
    }

    /// <summary>Whether a value of the main graph is the same in every run.</summary>
    public bool IsConstant(Value value) => !_varying.Contains(value);

    /// <summary>The value behind Identity nodes: exporters write equal tensors once and name them again.</summary>
    public static Value Root(Value value)
    {
        while (value.Initializer is null && value.Producer is { Inputs: [{ } source] } producer && producer.Is("Identity")) value = source;
        return value;
    }

    /// <summary>The numbers of a constant of the main graph; null where it varies, holds no numbers, or ONNX Runtime cannot compute it.</summary>
    /// <exception cref="OnnxModelException">A stored tensor is damaged.</exception>
    public ConstantTensor? Evaluate(Value value)
    {
        if (!IsConstant(value)) return null;
        value = Root(value);
        if (!_known.TryGetValue(value, out ConstantTensor? found)) _known.Add(value, found = Compute(value));
        return found;
    }

    private ConstantTensor? Compute(Value value)
    {
        if (value.Initializer is { } initializer && initializer.ElementType.IsFloatingPoint())
            return new ConstantTensor(initializer.ElementType, initializer.Dims, initializer.ToDoubleArray());
        try
        {
            using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            using var session = new InferenceSession(SubgraphExtractor.Extract(_model, [], [value]).ToBytes(), options);
            using var run = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, new Dictionary<string, OrtValue>(), session.OutputNames);
            OrtTensorTypeAndShapeInfo info = outputs[0].GetTensorTypeAndShape();
            var type = (ElementType)info.ElementDataType;
            return type.Size() == 0 ? null : new ConstantTensor(type, [.. info.Shape], type.Read(outputs[0].GetTensorMutableRawData())!);
        }
        catch (OnnxRuntimeException)
        {
            return null; // an operator ONNX Runtime does not know; the caller declines, naming the value
        }
    }
}
