using System.Globalization;
using AdaBN.Onnx.Serialization;

namespace AdaBN.Onnx;

/// <summary>
/// Writes a model's local functions out where they are called, functions called by functions included: attributes that the body refers to
/// are bound to the call's or to their defaults, values inside get the call's output in front of their names
/// (https://github.com/onnx/onnx/blob/main/docs/IR.md#functions).
/// </summary>
public static class FunctionInliner
{
    /// <summary>The model without local functions; the very same object where it has none.</summary>
    /// <exception cref="OnnxModelException">A function is written for another version of an operator set than the model imports.</exception>
    public static OnnxModel Inline(OnnxModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Functions.Count == 0) return model;
        ModelProto proto = model.ToProto();
        var inliner = new Inliner(proto);
        var graph = inliner.Expand(proto.Graph);
        ModelProto inlined = proto.Clone();
        inlined.Graph = graph;
        inlined.Functions.Clear();
        foreach (OperatorSetIdProto import in proto.Functions.SelectMany(function => function.OpsetImport))
            if (!inlined.OpsetImport.Any(known => FunctionCalls.Domain(known.Domain) == FunctionCalls.Domain(import.Domain))) inlined.OpsetImport.Add(import);
        return model.With(inlined);
    }

    private sealed class Inliner
    {
        private readonly FunctionCalls _calls;
        private readonly Dictionary<string, long> _versions;
        private readonly UnusedNames _names;

        public Inliner(ModelProto model)
        {
            _calls = new FunctionCalls(model);
            _versions = model.OpsetImport.GroupBy(import => FunctionCalls.Domain(import.Domain)).ToDictionary(same => same.Key, same => same.First().Version);
            _names = new UnusedNames(Names(model.Graph));
        }

        public GraphProto Expand(GraphProto graph)
        {
            GraphProto expanded = graph.Clone();
            expanded.Node.Clear();
            foreach (NodeProto node in graph.Node) expanded.Node.AddRange(Expand(node));
            return expanded;
        }

        private IEnumerable<NodeProto> Expand(NodeProto node)
        {
            if (_calls.Callee(node) is { } function) return Body(function, node).SelectMany(Expand);
            if (!node.Attribute.Any(attribute => attribute.G is not null || attribute.Graphs.Count > 0)) return [node];
            NodeProto expanded = node.Clone();
            foreach (AttributeProto attribute in expanded.Attribute)
            {
                if (attribute.G is not null) attribute.G = Expand(attribute.G);
                for (int i = 0; i < attribute.Graphs.Count; i++) attribute.Graphs[i] = Expand(attribute.Graphs[i]);
            }
            return [expanded];
        }

        private List<NodeProto> Body(FunctionProto function, NodeProto call)
        {
            CheckVersions(function);
            var names = new Dictionary<string, string>(StringComparer.Ordinal);
            for (int i = 0; i < function.Input.Count; i++) names[function.Input[i]] = i < call.Input.Count ? call.Input[i] : "";
            List<NodeProto> passed = [];
            for (int i = 0; i < function.Output.Count && i < call.Output.Count; i++)
            {
                if (call.Output[i].Length == 0 || names.TryAdd(function.Output[i], call.Output[i])) continue;
                // An output that is an input, or another output again.
                var identity = new NodeProto { OpType = "Identity" };
                identity.Input.Add(names[function.Output[i]]);
                identity.Output.Add(call.Output[i]);
                passed.Add(identity);
            }
            string prefix = call.Output.FirstOrDefault(output => output.Length > 0) ?? call.OpType;
            var renaming = new Renaming(
                name => names.TryGetValue(name, out string? known) ? known : names[name] = _names.Like($"{prefix}/{name}"),
                reference => Bind(reference, call, function));
            var body = function.Node.Select(inner =>
            {
                NodeProto copy = renaming.Copy(inner);
                if (copy.Name.Length > 0) copy.Name = $"{(call.Name.Length > 0 ? call.Name : prefix)}/{copy.Name}";
                return copy;
            });
            return [.. body, .. passed];
        }

        private static AttributeProto? Bind(AttributeProto reference, NodeProto call, FunctionProto function)
        {
            AttributeProto? given = call.Attribute.FirstOrDefault(attribute => attribute.Name == reference.RefAttrName) ?? function.AttributeProto.FirstOrDefault(attribute => attribute.Name == reference.RefAttrName);
            if (given is null) return null;
            AttributeProto bound = given.Clone();
            bound.Name = reference.Name;
            return bound;
        }

        private void CheckVersions(FunctionProto function)
        {
            foreach (OperatorSetIdProto import in function.OpsetImport)
            {
                if (_versions.GetValueOrDefault(FunctionCalls.Domain(import.Domain), import.Version) == import.Version) continue;
                string set = FunctionCalls.Domain(import.Domain).Length == 0 ? "ai.onnx" : import.Domain;
                throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture,
                    $"The local function {function.Domain}.{function.Name} is written for {set} {import.Version}, the model imports {set} {_versions[FunctionCalls.Domain(import.Domain)]}, so it cannot be inlined. Convert the model to one version (onnx.version_converter), or inline the functions with the exporter's own tool."));
            }
        }

        /// <summary>All that is named in a graph and in those nested in it.</summary>
        private static IEnumerable<string> Names(GraphProto graph) =>
        [
            .. graph.Input.Select(input => input.Name), .. graph.Initializer.Select(tensor => tensor.Name), .. graph.Node.SelectMany(node => node.Output),
            .. graph.Node.SelectMany(node => node.Attribute).SelectMany(attribute => attribute.Graphs.Prepend(attribute.G)).OfType<GraphProto>().SelectMany(Names),
        ];
    }
}
