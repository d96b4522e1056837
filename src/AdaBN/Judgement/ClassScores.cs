using AdaBN.Onnx;

namespace AdaBN.Judgement;

/// <summary>Which of a model's outputs says what it takes an image for.</summary>
internal static class ClassScores
{
    /// <summary>The first output that is declared as one float a class for each sample (or leaves its shape open); null where there is none.</summary>
    public static Value? Find(Graph graph) => graph.Outputs.FirstOrDefault(output => output.Producer is not null && IsOneScoreAClass(output.Type));

    private static bool IsOneScoreAClass(TensorType? type)
    {
        if (type is null) return true;
        if (type.ElementType != ElementType.Float) return false;
        return type.Shape is not { } shape || (shape.Length >= 2 && shape[1].Length is null or >= 2 && shape.Skip(2).All(axis => axis.Length is null or 1));
    }
}
