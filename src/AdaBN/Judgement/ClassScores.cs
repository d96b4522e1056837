using AdaBN.Onnx;

namespace AdaBN.Judgement;

/// <summary>Which of a model's outputs says what it takes an image for.</summary>
internal static class ClassScores
{
    /// <summary>The first output that is declared as one float a class for each sample (or leaves its shape open); null where there is none.</summary>
    /// <param name="graph">The model's graph.</param>
    /// <param name="anyPrecision">Whether other floating-point types will do.</param>
    public static Value? Find(Graph graph, bool anyPrecision = false) => graph.Outputs.FirstOrDefault(output => output.Producer is not null && IsOneScoreAClass(output.Type, anyPrecision));

    private static bool IsOneScoreAClass(TensorType? type, bool anyPrecision)
    {
        if (type is null) return true;
        if (type.ElementType != ElementType.Float && !(anyPrecision && type.ElementType.IsFloatingPoint())) return false;
        return type.Shape is not { } shape || (shape.Length >= 2 && shape[1].Length is null or >= 2 && shape.Skip(2).All(axis => axis.Length is null or 1));
    }
}
