using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN.Forms;

/// <summary>Keeps adaptations from models that make pictures, unless told that this is meant.</summary>
internal static class ImageOutputGuard
{
    /// <summary>What to note of the outputs that adapted layers lead to.</summary>
    /// <exception cref="AdaptationException">One is surely a picture, and that is not allowed.</exception>
    public static IReadOnlyList<string> Check(WorkingModel working, bool allowed)
    {
        HashSet<Node> adapted = [.. working.Layers.Select(layer => layer.Node)];
        ImageOutput[] found = [.. ImageOutputs.Find(working.Model.Graph).Where(image => DependsOn(image.Output, adapted)).Select(image => image.Found)];
        const string why = "BatchNormalization takes each domain's brightness and contrast off: right for classifiers, but a picture made so has the source domain's.";
        if (!allowed && found.FirstOrDefault(image => image.IsSure) is { } sure)
        {
            throw new AdaptationException(AdaptationError.ImageOutput,
                $"The model's output '{sure.Name}' is a picture: {sure.Because}. {why} Should it be none, or be meant so, allow it (AdaptationOptions.AllowImageOutput, --allow-image-output).");
        }
        return [.. found.Select(image => $"The output '{image.Name}' {(image.IsSure ? "is" : "may be")} a picture: {image.Because}. {why} Compare before you ship.")];
    }

    private static bool DependsOn(Value value, HashSet<Node> nodes)
    {
        HashSet<Value> seen = [value];
        var open = new Stack<Value>(seen);
        while (open.TryPop(out Value? next))
        {
            if (next.Producer is not { } producer) continue;
            if (nodes.Contains(producer)) return true;
            foreach (Value dependency in producer.Dependencies)
                if (seen.Add(dependency)) open.Push(dependency);
        }
        return false;
    }
}
