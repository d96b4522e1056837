using System.Collections.Immutable;
using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN.Planning;

/// <summary>
/// Groups layers into stages by depth and cuts the model at their inputs. Every node that some layer's input needs runs in exactly one
/// stage (a Concat along the channels where it is read), so all stages together cost about one forward pass. Nodes that no layer
/// needs run in none; the classifier behind the last one runs in a stage of its own where its scores are asked for.
/// </summary>
internal sealed class StagePlanner
{
    private readonly Graph _graph;
    private readonly IReadOnlyList<BatchNormLayer> _layers;
    private readonly Dictionary<Value, int> _depths;
    private readonly ChannelParts _parts;
    private readonly BlendFinder _finder;
    private readonly List<Node>[] _pieceNodes;
    private readonly List<Blend>[] _blends;
    private readonly List<Value>[] _pieceReads;
    private readonly Dictionary<Value, int> _lastRead = [];
    private readonly HashSet<Value> _measured;
    private readonly Value? _scores;

    private StagePlanner(OnnxModel model, IReadOnlyList<BatchNormLayer> layers, Dictionary<Node, BatchNormLayer> adapted, Value? scores)
    {
        (_graph, _layers, _scores) = (model.Graph, layers, scores);
        IReadOnlyList<Node> ordered = _graph.TopologicalOrder();
        _depths = BatchNormDepth.Of(_graph, ordered, adapted.ContainsKey);
        _parts = new ChannelParts(ordered, _depths);
        _finder = new BlendFinder(_depths, _parts, adapted);
        int stages = (scores is null ? 1 : 2) + layers.Max(layer => _depths[layer.Input]);
        (_pieceNodes, _blends, _pieceReads) = (Lists<Node>(stages), Lists<Blend>(stages), Lists<Value>(stages));
        _measured = [.. layers.SelectMany(layer => _parts.Of(layer.Input))];

        // Only nodes fed by the data belong to a stage; constant ones are repeated in every piece that reads them.
        HashSet<Node> needed = NodesBefore([.. layers.Select(layer => layer.Input), .. scores is null ? Array.Empty<Value>() : [scores]]);
        foreach (Node node in ordered.Where(node => needed.Contains(node) && StageOf(node) >= 0 && !_parts.IsJoin(node)))
            if (!_finder.TryTake(node)) _pieceNodes[StageOf(node)].Add(node);
        for (int stage = stages - 1; stage >= 0; stage--) NoteReads(stage);
    }

    /// <summary>Plans the way through a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="layers">The layers to adapt.</param>
    /// <param name="scores">A value to compute behind all layers, or null; left out where it does not depend on the deepest of them.</param>
    public static AdaptationPlan Plan(OnnxModel model, IReadOnlyList<BatchNormLayer> layers, Value? scores = null)
    {
        Dictionary<Node, BatchNormLayer> adapted = layers.ToDictionary(layer => layer.Node);
        if (scores is null) return new StagePlanner(model, layers, adapted, null).Build();
        Dictionary<Value, int> depths = BatchNormDepth.Of(model.Graph, model.Graph.TopologicalOrder(), adapted.ContainsKey);
        bool isBehindAll = scores.Producer?.Is("Concat") == false && depths.TryGetValue(scores, out int depth) && depth == 1 + layers.Max(layer => depths[layer.Input]);
        return new StagePlanner(model, layers, adapted, isBehindAll ? scores : null).Build();
    }

    /// <summary>
    /// For layers that stay as they are: ONNX Runtime computes them like any other node, so all are measured in a single stage and nothing is stored.
    /// </summary>
    public static AdaptationPlan PlanUnchanged(OnnxModel model, IReadOnlyList<BatchNormLayer> layers) => new StagePlanner(model, layers, [], null).Build();

    /// <summary>What a stage reads, found from the last stage back: a blend is computed only where something reads or measures it.</summary>
    private void NoteReads(int stage)
    {
        foreach (Value part in _pieceNodes[stage].SelectMany(node => node.Dependencies).Where(_depths.ContainsKey).SelectMany(value => _parts.Of(value)).Distinct())
        {
            bool fromThisPiece = part.Producer is { } producer && _depths[part] == stage && !_finder.Candidates.ContainsKey(part) && _pieceNodes[stage].Contains(producer);
            if (fromThisPiece) continue;
            _pieceReads[stage].Add(part);
            Read(part, stage);
        }
        foreach (Blend blend in _finder.Candidates.Values.Where(blend => _depths[blend.Output] == stage))
        {
            if (!_lastRead.ContainsKey(blend.Output) && !IsWanted(blend.Output)) continue;
            _blends[stage].Add(blend);
            foreach (Value part in blend.Terms.SelectMany(term => term.Parts)) Read(part, stage);
        }
    }

    private void Read(Value value, int stage) => _lastRead[value] = Math.Max(stage, _lastRead.GetValueOrDefault(value, -1));

    private AdaptationPlan Build()
    {
        ImmutableArray<Value> inputs = [.. _graph.RequiredInputs.Where(input => _lastRead.ContainsKey(input) || _measured.Contains(input))];
        var stages = ImmutableArray.CreateBuilder<Stage>(_blends.Length);
        for (int s = 0; s < _blends.Length; s++)
        {
            Value[] computed = [.. _pieceNodes[s].SelectMany(node => node.Outputs).OfType<Value>().Where(value => IsWanted(value) || _lastRead.GetValueOrDefault(value, -1) > s)];
            Value[] present = [.. computed, .. _blends[s].Select(blend => blend.Output), .. s == 0 ? inputs : []];
            stages.Add(new Stage(
                s,
                [.. _layers.Where(layer => _depths[layer.Input] == s)],
                [.. _blends[s]],
                computed.Length == 0 ? [] : [.. _pieceReads[s]],
                [.. computed],
                [.. present.Where(_measured.Contains)],
                [.. present.Where(value => _lastRead.GetValueOrDefault(value, -1) > s)],
                [.. _lastRead.Where(read => read.Value == s && !present.Contains(read.Key)).Select(read => read.Key)]));
        }
        return new AdaptationPlan(
            inputs, stages.MoveToImmutable(), _layers.ToDictionary(layer => layer, layer => _parts.Of(layer.Input)),
            // Nothing crosses out of the stage of the scores.
            _pieceNodes.SkipLast(_scores is null ? 0 : 1).All(nodes => nodes.All(node => BatchAxis.IsKeptBy(node, value => !_depths.ContainsKey(value)))), _scores);
    }

    private bool IsWanted(Value value) => _measured.Contains(value) || value == _scores;

    /// <summary>The depth of a node's outputs; −1 where they do not depend on the data.</summary>
    private int StageOf(Node node) => node.Outputs.OfType<Value>().FirstOrDefault() is { } output && _depths.TryGetValue(output, out int depth) ? depth : -1;

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

    private static List<T>[] Lists<T>(int count) => [.. Enumerable.Range(0, count).Select(_ => new List<T>())];
}
