using System.Collections.Immutable;
using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN.Planning;

/// <summary>
/// Groups layers into stages by depth and cuts the model at their inputs. Every node that some layer's input needs runs in exactly
/// one stage, so all stages together cost about one forward pass; nodes that no layer needs, the classifier behind the last one
/// included, run in none.
/// </summary>
internal static class StagePlanner
{
    public static AdaptationPlan Plan(OnnxModel model, IReadOnlyList<BatchNormLayer> layers)
    {
        Graph graph = model.Graph;
        IReadOnlyList<Node> ordered = graph.TopologicalOrder();
        HashSet<Node> adapted = [.. layers.Select(layer => layer.Node)];
        Dictionary<Value, int> depths = BatchNormDepth.Of(graph, ordered, adapted.Contains);
        HashSet<Node> needed = NodesBefore(layers.Select(layer => layer.Input));

        // Only nodes fed by the data belong to a stage; constant ones are repeated in every piece that reads them.
        Node[] nodes = [.. ordered.Where(node => needed.Contains(node) && node.Outputs.OfType<Value>().Any(depths.ContainsKey))];
        int StageOf(Node node) => depths[node.Outputs.OfType<Value>().First()];

        var lastRead = new Dictionary<Value, int>();
        var reads = new List<Value>[1 + layers.Max(layer => depths[layer.Input])];
        for (int i = 0; i < reads.Length; i++) reads[i] = [];
        foreach (Node node in nodes)
        {
            foreach (Value value in node.Dependencies.Where(depths.ContainsKey))
            {
                int stage = StageOf(node);
                lastRead[value] = Math.Max(stage, lastRead.GetValueOrDefault(value, -1));
                bool computedHere = value.Producer is { } producer && StageOf(producer) == stage;
                if (!computedHere && !reads[stage].Contains(value)) reads[stage].Add(value);
            }
        }

        ImmutableArray<Value> inputs = [.. graph.RequiredInputs.Where(input => lastRead.ContainsKey(input) || layers.Any(layer => layer.Input == input))];
        var stages = ImmutableArray.CreateBuilder<Stage>(reads.Length);
        for (int s = 0; s < reads.Length; s++)
        {
            ImmutableArray<BatchNormLayer> measured = [.. layers.Where(layer => depths[layer.Input] == s)];
            Value[] computed = [.. nodes.Where(node => StageOf(node) == s).SelectMany(node => node.Outputs).OfType<Value>()];
            Value[] crossing = [.. computed.Where(value => lastRead.GetValueOrDefault(value, -1) > s)];
            Value[] measuredInputs = [.. measured.Select(layer => layer.Input).Distinct()];
            stages.Add(new Stage(
                s,
                measured,
                [.. reads[s]],
                [.. measuredInputs.Where(value => value.Producer is not null).Union(crossing)],
                [.. crossing, .. s == 0 ? inputs.Where(input => lastRead.GetValueOrDefault(input, -1) > 0) : []],
                [.. lastRead.Where(read => read.Value == s && s > 0).Select(read => read.Key).Where(value => value.Producer is not { } producer || StageOf(producer) < s)]));
        }
        return new AdaptationPlan(inputs, stages.MoveToImmutable());
    }

    private static HashSet<Node> NodesBefore(IEnumerable<Value> values)
    {
        HashSet<Node> nodes = [];
        var open = new Stack<Value>(values);
        while (open.TryPop(out Value? value))
        {
            if (value.Producer is { } producer && nodes.Add(producer))
                foreach (Value dependency in producer.Dependencies) open.Push(dependency);
        }
        return nodes;
    }
}
