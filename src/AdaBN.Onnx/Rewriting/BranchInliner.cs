using AdaBN.Onnx.Serialization;

namespace AdaBN.Onnx;

/// <summary>Puts the taken branches of Ifs whose conditions are constant in the nodes' places.</summary>
public static class BranchInliner
{
    /// <summary>Inlines one branch of each. Names stay as they are, unless the graph around has them already.</summary>
    /// <param name="model">The model.</param>
    /// <param name="conditions">Ifs of its main graph, and their conditions.</param>
    /// <param name="paths">Where nodes of the main graph stand in the file, by first output, for those that the file has elsewhere; the branches' are added.</param>
    /// <exception cref="OnnxModelException">A node lacks the branch.</exception>
    public static OnnxModel Inline(OnnxModel model, IReadOnlyDictionary<Node, bool> conditions, Dictionary<string, NodePath> paths)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(conditions);
        ArgumentNullException.ThrowIfNull(paths);
        GraphProto graph = GraphWriter.ToProto(model.Graph);
        NodeProto[] nodes = [.. graph.Node];
        graph.Node.Clear();
        var names = new UnusedNames(
        [
            .. model.Graph.Values.Select(value => value.Name),
            .. model.Graph.NodesAndNested().Where(node => !conditions.ContainsKey(node)).SelectMany(node => node.NestedGraphs).SelectMany(nested => nested.Values).Select(value => value.Name),
        ]);
        foreach ((Node node, NodeProto stored) in model.Graph.Nodes.Zip(nodes))
        {
            if (conditions.TryGetValue(node, out bool condition)) Inline(model, node, condition, graph, names, paths);
            else graph.Node.Add(stored);
        }
        return model.WithGraph(graph);
    }

    private static void Inline(OnnxModel model, Node node, bool condition, GraphProto graph, UnusedNames unused, Dictionary<string, NodePath> paths)
    {
        string attribute = condition ? "then_branch" : "else_branch";
        int taken = node.Proto.Attribute.Where(given => given.G is not null).ToList().FindIndex(given => given.Name == attribute);
        if (taken < 0) throw new OnnxModelException($"{node} has no {attribute}. The file is damaged; export the model again.");
        GraphProto branch = GraphWriter.ToProto(node.NestedGraphs[taken]);
        NodePath place = paths.GetValueOrDefault(node.Outputs[0]!.Name, NodePath.InMainGraph(node.Outputs[0]!.Name));

        HashSet<string> own = [.. branch.Initializer.Select(tensor => tensor.Name), .. branch.SparseInitializer.Select(sparse => sparse.Values.Name), .. branch.Node.SelectMany(inner => inner.Output)];
        Dictionary<string, string> names = own.Where(name => name.Length > 0).ToDictionary(name => name, name => unused.Like(name));
        var renaming = new Renaming(name => names.GetValueOrDefault(name, name), reference => reference);

        foreach (NodeProto inner in branch.Node)
        {
            graph.Node.Add(renaming.Copy(inner));
            if (inner.Output.FirstOrDefault(output => output.Length > 0) is { } output) paths[names[output]] = place.Into(taken, output);
        }
        foreach ((ValueInfoProto returned, Value? output) in branch.Output.Zip(node.Outputs))
        {
            if (output is null) continue;
            var identity = new NodeProto { OpType = "Identity" };
            identity.Input.Add(names.GetValueOrDefault(returned.Name, returned.Name));
            identity.Output.Add(output.Name);
            graph.Node.Add(identity);
        }
        graph.Initializer.AddRange(branch.Initializer.Select(renaming.Copy));
        if (model.DeclaresInitializers)
        {
            graph.Input.AddRange(branch.Initializer.Select(tensor =>
                GraphWriter.ToProto(names[tensor.Name], new TensorType((ElementType)tensor.DataType, [.. tensor.Dims.Select(dim => new Dimension(dim))]))));
        }
    }
}
