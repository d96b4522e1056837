using AdaBN.Onnx.Serialization;
using Google.Protobuf;
using static AdaBN.Onnx.Comparison.StoredBytes;

namespace AdaBN.Onnx.Comparison;

/// <summary>
/// Compares what two model files hold. Tensors, nodes and metadata are matched by name; what is left of both files without them has to be the
/// same message, so that nothing can differ unseen.
/// </summary>
internal static class ModelComparer
{
    public static ModelDifferences Compare(OnnxModel first, OnnxModel second)
    {
        List<string> other = [];
        (ModelProto a, ModelProto b) = (first.ToProto(), second.ToProto());
        if (!OutsideAttributes(first, a).SequenceEqual(OutsideAttributes(second, b))) other.Add("data outside the files, of tensors in nodes or functions");
        MetadataDifference[] metadata = [.. Metadata(first, second)];
        if (!OrderOfCommonKeys(first, second).SequenceEqual(OrderOfCommonKeys(second, first))) other.Add("the order of metadata entries");
        var graphs = new GraphComparer(other);
        graphs.Compare(first.Graph, second.Graph, where: null);
        foreach (ModelProto proto in (ModelProto[])[a, b])
        {
            proto.Graph = null;
            proto.MetadataProps.Clear();
        }
        if (!AreSame(a, b)) other.AddRange(Shells(a, b) is { Count: > 0 } named ? named : ["fields that are stored in one file and left at their default in the other"]);
        return new ModelDifferences(graphs.Tensors, graphs.Nodes, metadata, other);
    }

    private static List<string> Shells(ModelProto a, ModelProto b)
    {
        List<string> found = [];
        if (a.IrVersion != b.IrVersion) found.Add(FormattableString.Invariant($"the version of the format: {a.IrVersion}, {b.IrVersion}"));
        if (a.ProducerName != b.ProducerName || a.ProducerVersion != b.ProducerVersion) found.Add($"the tool that wrote it: '{a.ProducerName} {a.ProducerVersion}', '{b.ProducerName} {b.ProducerVersion}'");
        if (!AreSame(a.OpsetImport, b.OpsetImport)) found.Add($"operator sets: {Opsets(a)}; {Opsets(b)}");
        if (!AreSame(a.Functions, b.Functions)) found.Add(FormattableString.Invariant($"local functions ({a.Functions.Count}, {b.Functions.Count})"));
        if (!AreSame(a.TrainingInfo, b.TrainingInfo)) found.Add("training information");
        (ModelProto restOfA, ModelProto restOfB) = (Rest(a), Rest(b));
        if (!AreSame(restOfA, restOfB)) found.Add("the model's domain, version, documentation or fields unknown here");
        return found;
    }

    private static ModelProto Rest(ModelProto proto)
    {
        ModelProto rest = proto.Clone();
        rest.ClearIrVersion();
        rest.ClearProducerName();
        rest.ClearProducerVersion();
        rest.OpsetImport.Clear();
        rest.Functions.Clear();
        rest.TrainingInfo.Clear();
        return rest;
    }

    private static string Opsets(ModelProto proto) => string.Join(", ", proto.OpsetImport.Select(import => FormattableString.Invariant($"{(import.Domain.Length > 0 ? import.Domain : "ai.onnx")} {import.Version}")));

    private static IEnumerable<MetadataDifference> Metadata(OnnxModel first, OnnxModel second)
    {
        Dictionary<string, string> before = ByKey(first), after = ByKey(second);
        foreach ((string key, string text) in before)
        {
            string? now = after.GetValueOrDefault(key);
            if (now != text) yield return new MetadataDifference(key, text, now);
        }
        foreach ((string key, string text) in after.Where(entry => !before.ContainsKey(entry.Key))) yield return new MetadataDifference(key, null, text);
    }

    private static IEnumerable<string> OrderOfCommonKeys(OnnxModel model, OnnxModel twin)
    {
        Dictionary<string, string> known = ByKey(twin);
        return ByKey(model).Keys.Where(known.ContainsKey);
    }

    /// <summary>In the file's order; a key that comes again is marked by a prime.</summary>
    private static Dictionary<string, string> ByKey(OnnxModel model)
    {
        var entries = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string key, string text) in model.Metadata)
        {
            string name = key;
            while (!entries.TryAdd(name, text)) name += "'";
        }
        return entries;
    }

    /// <summary>Data outside the file of tensors that are no initializers; of those the file itself holds the reference only.</summary>
    private static IEnumerable<ByteString> OutsideAttributes(OnnxModel model, ModelProto proto)
    {
        HashSet<TensorProto> initializers = [.. AllGraphs(model.Graph).SelectMany(graph => graph.Initializers).Select(initializer => initializer.Proto)];
        foreach (TensorProto tensor in StoredTensors.Of(proto).Where(tensor => ExternalData.IsIn(tensor) && !initializers.Contains(tensor)))
            yield return UnsafeByteOperations.UnsafeWrap(model.Graph.Folder!.Read(tensor));
    }

    private static IEnumerable<Graph> AllGraphs(Graph graph) => graph.NodesAndNested().SelectMany(node => node.NestedGraphs).Prepend(graph);
}
