using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;

namespace AdaBN.Forms;

/// <summary>
/// BatchNormalization nodes of every operator version, with parameters of every make, put into the one form that the engine computes:
/// inference, one output, float initializers (https://onnx.ai/onnx/operators/onnx__BatchNormalization.html).
/// </summary>
internal static class BatchNormForm
{
    private const string ExportInEvalMode = "export the model in eval mode";

    /// <summary>Why a node of the main graph cannot be adapted, or null.</summary>
    public static Refusal? WhyNot(Node node, ConstantFolder constants)
    {
        if (node.Inputs.Count < BatchNormalization.InputCount || node.Inputs.Any(input => input is null) || node.Outputs is not [not null, ..])
        {
            return new Refusal(string.Create(CultureInfo.InvariantCulture, $"it has {node.Inputs.OfType<Value>().Count()} inputs and {node.Outputs.OfType<Value>().Count()} outputs, expected {BatchNormalization.InputCount} and 1"),
                "export the model again");
        }
        if (node.GetInt(BatchNormalization.Spatial, 1) == 0)
            return new Refusal("spatial is 0: it keeps statistics for each activation instead of each channel", "train it with a statistic a channel");
        if (node.Outputs.Skip(1).OfType<Value>().FirstOrDefault(output => output.Uses.Count > 0 || output.IsGraphOutput) is { } read)
            return new Refusal($"it is in training form and its output '{read.Name}', a statistic of each batch, is read {(read.IsGraphOutput ? "by the caller" : $"by {read.Uses[0].Consumer}")}", ExportInEvalMode);
        for (int i = BatchNormalization.ScaleInput; i < BatchNormalization.InputCount; i++)
            if (WhyNot(node.Inputs[i]!, constants) is { } refusal) return refusal;
        long[] lengths = [.. Parameters(node).Select(parameter => constants.Evaluate(parameter)!.Dims[0]).Distinct()];
        return lengths.Length == 1 ? null : new Refusal($"its parameters are for {string.Join(" and ", lengths)} channels", "export the model again");
    }

    /// <summary>How the file writes the node, where that needs saying.</summary>
    public static string? Spelling(Node node, OnnxModel model)
    {
        string[] said = [.. Said(node, model).Distinct()];
        return said.Length == 0 ? null : string.Join(", ", said);
    }

    public static bool IsTraining(Node node, OnnxModel model) =>
        node.Outputs.Count > 1 || node.GetInt(BatchNormalization.TrainingMode, 0) != 0
        || (model.Opset < BatchNormalization.FirstVersionWithoutIsTest && node.GetInt(BatchNormalization.IsTest, 0) == 0);

    /// <summary>Whether all such nodes of the main graph are in inference form.</summary>
    public static bool AreInference(OnnxModel model) => !model.Graph.Nodes.Any(node => node.Is(BatchNormalization.OpType) && IsTraining(node, model));

    /// <summary>Turns a node whose extra outputs nobody reads into inference form.</summary>
    public static void ToInference(Node node, OnnxModel model)
    {
        GraphEditor.KeepFirstOutput(node);
        GraphEditor.RemoveAttribute(node, BatchNormalization.TrainingMode);
        if (model.Opset < BatchNormalization.FirstVersionWithoutIsTest) GraphEditor.SetInt(node, BatchNormalization.IsTest, 1);
    }

    /// <summary>Gives a node of the working copy initializers for parameters that are made by nodes.</summary>
    public static void ToInitializers(Node node, OnnxModel copy, ConstantFolder constants)
    {
        for (int i = BatchNormalization.ScaleInput; i < BatchNormalization.InputCount; i++)
        {
            if (node.Inputs[i]!.Initializer is not null) continue;
            ConstantTensor tensor = constants.Evaluate(node.Inputs[i]!)!;
            GraphEditor.SetConstant(copy, node, i, tensor.ElementType, tensor.Dims, tensor.Elements);
        }
    }

    public static IEnumerable<Value> Parameters(Node node) => node.Inputs.Skip(BatchNormalization.ScaleInput).Take(BatchNormalization.InputCount - 1).Select(input => input!);

    private static IEnumerable<string> Said(Node node, OnnxModel model)
    {
        if (IsTraining(node, model)) yield return "training form";
        foreach (Value parameter in Parameters(node).Where(parameter => parameter.Initializer is null))
            yield return $"parameters from {parameter.Producer!.OpType}";
        foreach (Value parameter in Parameters(node).Where(parameter => parameter.Initializer is { ElementType: not ElementType.Float }))
            yield return parameter.Initializer!.ElementType.ToString().ToLowerInvariant();
    }

    private static Refusal? WhyNot(Value parameter, ConstantFolder constants)
    {
        if (!constants.IsConstant(parameter))
            return new Refusal($"its parameter '{parameter.Name}' is computed at run time{(parameter.Producer is { } producer ? $" by {producer}" : "")}, expected a constant", "export the model with its parameters as initializers");
        if (constants.Evaluate(parameter) is not { } tensor || !tensor.ElementType.IsFloatingPoint())
            return new Refusal($"its parameter '{parameter.Name}' is a constant that cannot be computed as numbers", "export the model with its parameters as initializers");
        return tensor.Dims is [>= 1] ? null : new Refusal($"its parameter '{parameter.Name}' has the shape [{string.Join(", ", tensor.Dims)}], expected one number a channel", "export the model again");
    }
}
