using System.Collections.Immutable;
using AdaBN.Onnx;

namespace AdaBN.Planning;

/// <summary>
/// Sees a Concat along the channels as its parts. Each part is then measured and stored once, however many Concats it takes part in
/// (DenseNet repeats every feature map in all later ones), and joined again where it is read.
/// </summary>
internal sealed class ChannelParts
{
    private const int MostParts = 512; // Concats of Concats may multiply them without end; the deepest DenseNets have some 65

    private readonly Dictionary<Value, ImmutableArray<Value>> _joins = [];

    public ChannelParts(IReadOnlyList<Node> topologicalOrder, IReadOnlyDictionary<Value, int> depths)
    {
        foreach (Node node in topologicalOrder.Where(node => node.Is("Concat") && node.GetInt("axis", 0) == 1 && node.Inputs.All(input => input is not null && depths.ContainsKey(input))))
        {
            ImmutableArray<Value> parts = [.. node.Inputs.SelectMany(input => Of(input!)).Take(MostParts + 1)];
            if (parts.Length <= MostParts) _joins.Add(node.Outputs[0]!, parts);
        }
    }

    public bool IsJoin(Node node) => node.Outputs is [{ } output, ..] && _joins.ContainsKey(output);

    /// <summary>The parts of a value, in channel order; the value itself where no Concat made it.</summary>
    public ImmutableArray<Value> Of(Value value) => _joins.TryGetValue(value, out ImmutableArray<Value> parts) ? parts : [value];
}
