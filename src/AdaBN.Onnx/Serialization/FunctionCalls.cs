using System.Globalization;

namespace AdaBN.Onnx.Serialization;

/// <summary>Which local functions a model's nodes call, and what these calls come to once they are written out.</summary>
internal sealed class FunctionCalls(ModelProto model)
{
    private const int MostNodes = 1_000_000, Deepest = 100;

    private readonly Dictionary<(string Domain, string Name, string Overload), FunctionProto> _functions =
        model.Functions.GroupBy(function => (Domain(function.Domain), function.Name, function.Overload)).ToDictionary(same => same.Key, same => same.First());
    private int _count;

    /// <summary>The domain as it is compared: ONNX's own has two names.</summary>
    public static string Domain(string domain) => domain == "ai.onnx" ? "" : domain;

    /// <summary>The function that a node calls; null where it calls an operator.</summary>
    public FunctionProto? Callee(NodeProto node) => _functions.GetValueOrDefault((Domain(node.Domain), node.OpType, node.Overload));

    /// <summary>
    /// Goes the way that writing the functions out goes, and only counts: functions that each call the next twice double the graph at
    /// every step, which neither this library nor ONNX Runtime would survive.
    /// </summary>
    /// <exception cref="OnnxModelException">The calls make too large a graph, nest too deep, or never end.</exception>
    public void Check()
    {
        if (_functions.Count == 0) return;
        _count = 0;
        Walk(model.Graph.Node, caller: null, depth: 0);
    }

    private void Walk(IEnumerable<NodeProto> nodes, Call? caller, int depth)
    {
        foreach (NodeProto node in nodes)
        {
            if (++_count > MostNodes) throw TooMuch(caller, $"comes to more than {MostNodes} nodes");
            if (depth > Deepest) throw TooMuch(caller, $"calls functions within functions, more than {Deepest} deep, or one that calls itself");
            if (Callee(node) is { } callee) Walk(callee.Node, new Call(node, callee, caller), depth + 1);
            else foreach ((AttributeProto given, Call? of) in node.Attribute.Select(attribute => Given(attribute, caller)).OfType<(AttributeProto, Call?)>())
                foreach (GraphProto body in given.Graphs.Prepend(given.G).OfType<GraphProto>()) Walk(body.Node, of, depth + 1);
        }
    }

    /// <summary>The attribute that stands in the place of a reference to one of the call's, and the call that references inside it mean.</summary>
    private static (AttributeProto Given, Call? Of)? Given(AttributeProto attribute, Call? call)
    {
        if (call is null || attribute.RefAttrName.Length == 0) return (attribute, call);
        return call.Node.Attribute.Where(given => given.Name == attribute.RefAttrName).Select(given => Given(given, call.Caller)).FirstOrDefault(given => given is not null)
            ?? (call.Function.AttributeProto.FirstOrDefault(given => given.Name == attribute.RefAttrName) is { } byDefault ? (byDefault, null) : null);
    }

    private static OnnxModelException TooMuch(Call? call, string what)
    {
        while (call?.Caller is { } caller) call = caller;
        return new OnnxModelException(string.Create(CultureInfo.InvariantCulture,
            $"{(call is null ? "The model's graph" : $"The local function {call.Function.Domain}.{call.Function.Name}, called by the model's graph,")} {what} when the local functions are written out where they are called. The file is damaged or made to do harm; export the model again, without functions."));
    }

    /// <param name="Node">The node that calls.</param>
    /// <param name="Function">What it calls.</param>
    /// <param name="Caller">The call in whose function it stands; null in the model's graph.</param>
    private sealed record Call(NodeProto Node, FunctionProto Function, Call? Caller);
}
