using System.Globalization;
using AdaBN.Onnx.Serialization;

namespace AdaBN.Onnx;

/// <summary>Turns a model of other floating-point types into one that computes in float32 throughout.</summary>
public static class Float32Conversion
{
    // Attributes that name an element type: https://onnx.ai/onnx/operators/ (Cast; random generators, EyeLike, windows).
    private static readonly string[] TypeAttributes = ["to", "dtype", "output_datatype"];

    /// <summary>Whether a value, or anything it is computed from, is a floating-point tensor of another type than float32.</summary>
    /// <remarks>Single numbers do not count: exporters write bounds and divisors in any type and cast them.</remarks>
    public static bool Concerns(OnnxModel model, IReadOnlyList<Value> values)
    {
        ArgumentNullException.ThrowIfNull(model);
        HashSet<Value> seen = [];
        var open = new Stack<Value>(values);
        while (open.TryPop(out Value? value))
        {
            if (!seen.Add(value)) continue;
            if (value.Initializer is { } initializer ? IsOther(initializer.Proto) && initializer.Proto.Dims.Any(dim => dim > 1) : value.IsGraphInput && value.Type is { } type && IsOther(type.ElementType)) return true;
            if (value.Producer is not { } producer) continue;
            if (producer.Is("Constant") && producer.Proto.Attribute.Any(attribute => attribute.T is { } tensor && IsOther(tensor) && tensor.Dims.Any(dim => dim > 1))) return true;
            foreach (Value dependency in producer.Dependencies) open.Push(dependency);
        }
        return false;
    }

    /// <summary>Converts in place: initializers, constants, casts, generators and declared types, nested graphs included.</summary>
    /// <exception cref="OnnxModelException">A constant is more than float32 holds.</exception>
    public static void Apply(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Convert(model.Graph);
    }

    private static void Convert(Graph graph)
    {
        foreach (Initializer initializer in graph.Initializers.Where(initializer => IsOther(initializer.Proto)).ToArray())
            graph.ReplaceInitializer(initializer, Converted(initializer));
        foreach (ValueInfoProto info in graph.Shell.Input.Concat(graph.Shell.Output).Concat(graph.Shell.ValueInfo))
            if (info.Type?.TensorType is { } tensor && IsOther((ElementType)tensor.ElemType)) tensor.ElemType = (int)ElementType.Float;
        foreach (Value value in graph.Values)
            if (value.Type is { } type && IsOther(type.ElementType)) value.Type = type with { ElementType = ElementType.Float };
        foreach (Node node in graph.Nodes)
        {
            foreach (AttributeProto attribute in node.Proto.Attribute.Where(attribute => IsOther(node, attribute)).ToArray())
            {
                AttributeProto converted = attribute.Clone();
                if (attribute.T is { } tensor) converted.T = Converted(new Initializer(node.Outputs[0]!, tensor)).Proto;
                else converted.I = (long)ElementType.Float;
                node.SetAttribute(attribute.Name, converted);
            }
            foreach (Graph nested in node.NestedGraphs) Convert(nested);
        }
    }

    private static bool IsOther(Node node, AttributeProto attribute) =>
        attribute.T is { } tensor ? IsOther(tensor) : node.Domain.Length == 0 && TypeAttributes.Contains(attribute.Name) && IsOther((ElementType)attribute.I);

    private static bool IsOther(TensorProto tensor) => IsOther((ElementType)tensor.DataType);

    private static bool IsOther(ElementType type) => type.IsFloatingPoint() && type != ElementType.Float;

    private static Initializer Converted(Initializer initializer)
    {
        double[] elements = initializer.ToDoubleArray();
        Initializer converted = initializer.With(initializer.Value, elements, ElementType.Float);
        if (Array.Find(elements, element => double.IsFinite(element) && !float.IsFinite((float)element)) is var beyond and not 0)
        {
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture,
                $"'{initializer.Name}' holds {beyond:g4}, more than float32, in which statistics are measured. Export the model in float32."));
        }
        return converted;
    }
}
