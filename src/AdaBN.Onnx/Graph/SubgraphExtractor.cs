using AdaBN.Onnx.Serialization;

namespace AdaBN.Onnx;

/// <summary>Cuts a piece out of a graph as a model of its own.</summary>
public static class SubgraphExtractor
{
    /// <summary>
    /// The smallest model that computes <paramref name="outputs"/> from <paramref name="inputs"/>: the nodes in between, with the
    /// constants they read, in the file's order, all its data inside. The given model is not changed.
    /// </summary>
    /// <param name="model">The model to cut.</param>
    /// <param name="inputs">Values that the piece takes from its caller, with the types to declare for them.</param>
    /// <param name="outputs">Values of the model's main graph that the piece returns; none of them among the inputs.</param>
    /// <exception cref="OnnxModelException">
    /// The inputs do not bound the piece: computing the outputs (nested graphs counted in) also needs a graph input that is not given.
    /// </exception>
    public static OnnxModel Extract(OnnxModel model, IReadOnlyList<KeyValuePair<Value, TensorType>> inputs, IReadOnlyList<Value> outputs)
    {
        Graph graph = model.Graph;
        HashSet<Value> given = [.. inputs.Select(input => input.Key)];
        if (outputs.FirstOrDefault(output => output.Graph != graph || given.Contains(output)) is { } unfit)
            throw new OnnxModelException($"'{unfit.Name}' cannot be an output of the piece: it is {(given.Contains(unfit) ? "one of its inputs" : "no value of the main graph")}.");

        (HashSet<Node> nodes, HashSet<Value> constants, List<string> missing) = Reach(outputs, given);
        if (missing.Count > 0)
            throw new OnnxModelException($"The cut is open: computing {Names(outputs)} from {Names(given)} also needs graph input {string.Join(", ", missing)}.");

        var piece = new GraphProto { Name = graph.Name.Length > 0 ? graph.Name : "piece" };
        piece.Node.AddRange(graph.Nodes.Where(nodes.Contains).Select(GraphWriter.ToProto));
        piece.Initializer.AddRange(graph.Initializers.Where(initializer => constants.Contains(initializer.Value)).Select(initializer => initializer.Proto));
        piece.SparseInitializer.AddRange(graph.Shell.SparseInitializer.Where(sparse => constants.Any(value => value.Name == sparse.Values.Name)));
        piece.Input.AddRange(inputs.Select(input => GraphWriter.ToProto(input.Key.Name, input.Value)));
        if (model.DeclaresInitializers)
        {
            piece.Input.AddRange(piece.Initializer.Select(tensor =>
                GraphWriter.ToProto(tensor.Name, new TensorType((ElementType)tensor.DataType, [.. tensor.Dims.Select(dim => new Dimension(dim))]))));
        }
        piece.Output.AddRange(outputs.Select(output => GraphWriter.ToProto(output.Name, output.Type)));
        return model.WithGraph(piece).ToSingleFile();
    }

    private static (HashSet<Node> Nodes, HashSet<Value> Constants, List<string> Missing) Reach(IEnumerable<Value> outputs, HashSet<Value> given)
    {
        HashSet<Node> nodes = [];
        HashSet<Value> seen = [.. given];
        HashSet<Value> constants = [];
        List<string> missing = [];
        var open = new Stack<Value>(outputs);
        while (open.TryPop(out Value? value))
        {
            if (!seen.Add(value)) continue;
            if (value.Producer is { } producer)
            {
                if (!nodes.Add(producer)) continue;
                foreach (Value dependency in producer.Dependencies) open.Push(dependency);
            }
            else if (value is { IsGraphInput: true, Initializer: null })
            {
                missing.Add($"'{value.Name}'");
            }
            else
            {
                constants.Add(value);
            }
        }
        return (nodes, constants, missing);
    }

    private static string Names(IEnumerable<Value> values) => string.Join(", ", values.Select(value => $"'{value.Name}'"));
}
