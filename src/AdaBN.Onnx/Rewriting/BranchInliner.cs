using System.Globalization;
using AdaBN.Onnx.Serialization;

namespace AdaBN.Onnx;

/// <summary>Puts the taken branch of an If whose condition is constant in the node's place.</summary>
public static class BranchInliner
{
    /// <summary>Inlines one branch. Names stay as they are, unless the graph around has them already.</summary>
    /// <param name="model">The model.</param>
    /// <param name="node">An If of its main graph.</param>
    /// <param name="condition">Its condition.</param>
    /// <param name="paths">Where nodes of the main graph stand in the file, by first output, for those that the file has elsewhere; the branch's are added.</param>
    /// <exception cref="OnnxModelException">The node lacks the branch.</exception>
    public static OnnxModel Inline(OnnxModel model, Node node, bool condition, Dictionary<string, NodePath> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        string attribute = condition ? "then_branch" : "else_branch";
        int taken = node.Proto.Attribute.Where(given => given.G is not null).ToList().FindIndex(given => given.Name == attribute);
        if (taken < 0) throw new OnnxModelException($"{node} has no {attribute}. The file is damaged; export the model again.");
        GraphProto branch = GraphWriter.ToProto(node.NestedGraphs[taken]);
        NodePath place = paths.GetValueOrDefault(node.Outputs[0]!.Name, NodePath.InMainGraph(node.Outputs[0]!.Name));

        HashSet<string> used = [.. model.Graph.Values.Select(value => value.Name), .. model.Graph.NodesAndNested().Where(inner => inner != node).SelectMany(inner => inner.NestedGraphs).SelectMany(nested => nested.Values).Select(value => value.Name)];
        HashSet<string> own = [.. branch.Initializer.Select(tensor => tensor.Name), .. branch.SparseInitializer.Select(sparse => sparse.Values.Name), .. branch.Node.SelectMany(inner => inner.Output)];
        Dictionary<string, string> names = own.Where(name => name.Length > 0).ToDictionary(name => name, name => Unused(used, name));
        var renaming = new Renaming(name => names.GetValueOrDefault(name, name), reference => reference);

        List<NodeProto> body = [];
        foreach (NodeProto inner in branch.Node)
        {
            NodeProto copy = renaming.Copy(inner);
            body.Add(copy);
            if (inner.Output.FirstOrDefault(output => output.Length > 0) is { } output) paths[names[output]] = place.Into(taken, output);
        }
        foreach ((ValueInfoProto returned, Value? output) in branch.Output.Zip(node.Outputs))
        {
            if (output is null) continue;
            var identity = new NodeProto { OpType = "Identity" };
            identity.Input.Add(names.GetValueOrDefault(returned.Name, returned.Name));
            identity.Output.Add(output.Name);
            body.Add(identity);
        }

        GraphProto graph = GraphWriter.ToProto(model.Graph);
        int index = model.Graph.Nodes.ToList().IndexOf(node);
        graph.Node.RemoveAt(index);
        foreach (NodeProto inner in body) graph.Node.Insert(index++, inner);
        graph.Initializer.AddRange(branch.Initializer.Select(renaming.Copy));
        if (model.DeclaresInitializers)
        {
            graph.Input.AddRange(branch.Initializer.Select(tensor =>
                GraphWriter.ToProto(names[tensor.Name], new TensorType((ElementType)tensor.DataType, [.. tensor.Dims.Select(dim => new Dimension(dim))]))));
        }
        return model.WithGraph(graph);
    }

    private static string Unused(HashSet<string> used, string name)
    {
        string unused = name;
        for (int i = 1; !used.Add(unused); i++) unused = string.Create(CultureInfo.InvariantCulture, $"{name}_{i}");
        return unused;
    }
}
