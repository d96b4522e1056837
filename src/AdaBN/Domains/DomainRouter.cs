using System.Globalization;
using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN.Domains;

/// <summary>
/// Tells an image's domain from the image itself: the clusters' linear router on <see cref="TextureFeatures"/> of one of the model's inputs, in the graph the same as in the search for
/// clusters.
/// </summary>
/// <param name="Input">The input with the image.</param>
/// <param name="Floor">Added to variances.</param>
/// <param name="Weights">Of features, a row a cluster.</param>
/// <param name="Offsets">One a cluster.</param>
/// <param name="Ids">Each cluster's domain.</param>
internal sealed record DomainRouter(string Input, double Floor, IReadOnlyList<double[]> Weights, IReadOnlyList<double> Offsets, IReadOnlyList<long> Ids)
{
    /// <summary>What is wrong with a router that was read, or null.</summary>
    public string? Fault()
    {
        bool isSound = Ids.Count > 0 && Weights.Count == Ids.Count && Offsets.Count == Ids.Count && Floor > 0 && Offsets.Append(Floor).All(double.IsFinite)
            && Weights.All(row => row is not null && row.Length == Weights[0].Length && row.Length % TextureFeatures.PerPlane == 0 && row.Length > 0 && row.All(double.IsFinite));
        return isSound ? null : "the numbers that tell images' domains are not as many as they should be, or not finite";
    }

    /// <summary>Writes the nodes in front of all others.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prefix">Names of nodes and constants begin with it.</param>
    /// <returns>The domains' ids, int64, N×1.</returns>
    public Value Write(OnnxModel model, string prefix)
    {
        Node first = model.Graph.Nodes[0];
        int planes = Weights[0].Length / TextureFeatures.PerPlane, filters = TextureFeatures.PerPlane - 1;
        Value image = ImageIn(model, planes);
        if (image.Type!.ElementType != ElementType.Float) image = Op("Cast", image).With("to", (long)ElementType.Float);

        double[] bank = [.. Enumerable.Range(0, planes).SelectMany(_ => TextureFeatures.Filters)];
        Value coefficients = Op("Conv", image, Constant("filters", bank, planes * filters, 1, TextureFeatures.Size, TextureFeatures.Size)).With("group", planes);
        Value mean = Op("GlobalAveragePool", coefficients), centred = Op("Sub", coefficients, mean);
        Value spread = Op("Log", Op("Add", Op("GlobalAveragePool", Op("Mul", centred, centred)), Constant("floor", [Floor], 1)));
        // The first filter gives Size times the mean of a window; a plane's other means are no features.
        Value scores = Op("Add", Op("Add", Score("spread", spread, (plane, filter) => (plane * TextureFeatures.PerPlane) + 1 + filter, 1),
            Score("mean", mean, (plane, filter) => filter == 0 ? plane * TextureFeatures.PerPlane : -1, 1.0 / TextureFeatures.Size)), Constant("offsets", [.. Offsets], Offsets.Count));
        Value cluster = Op("ArgMax", scores).With("axis", 1).With("keepdims", 1);
        return Op("Gather", GraphEditor.AddIntegers(model, model.Graph, $"{prefix}route/clusters", Ids).Value, cluster);

        Value Score(string what, Value features, Func<int, int, int> weightOf, double factor)
        {
            double[] weights = [.. from plane in Enumerable.Range(0, planes) from filter in Enumerable.Range(0, filters) from row in Weights let at = weightOf(plane, filter) select at < 0 ? 0 : row[at] * factor];
            return Op("MatMul", Op("Flatten", features), Constant(what, weights, planes * filters, Ids.Count));
        }
        Value Op(string opType, params Value[] inputs)
        {
            Value output = GraphEditor.InsertNode(first, opType, inputs, $"{prefix}route/{opType}");
            GraphEditor.Rename(output.Producer!, output.Name);
            return output;
        }
        Value Constant(string what, double[] numbers, params long[] dims) => GraphEditor.AddConstant(model, model.Graph, $"{prefix}route/{what}", ElementType.Float, dims, numbers).Value;
    }

    private Value ImageIn(OnnxModel model, int planes)
    {
        if (model.Graph.TryGetValue(Input, out Value? image) && image is { IsGraphInput: true, Type: { Shape: { Length: 4 } shape } type } && type.ElementType.IsFloatingPoint() && (shape[1].Length ?? planes) == planes) return image;
        throw new AdaptationException(AdaptationError.InvalidPatch, string.Create(CultureInfo.InvariantCulture, $"The model has no input '{Input}' of images with {planes} planes, by which domains are to be told."));
    }
}
