using System.Collections.Immutable;
using AdaBN.Onnx;

namespace AdaBN.Planning;

/// <summary>
/// Sees a Concat along the channels as its parts. Each part is then measured and stored once, however many Concats it takes part in
/// (DenseNet repeats every feature map in all later ones), and joined again where it is read.
/// </summary>
internal sealed class ChannelParts(IReadOnlyDictionary<Value, int> depths)
{
    private readonly Dictionary<Value, ImmutableArray<Value>> _parts = [];

    public bool IsJoin(Node node) =>
        node.Is("Concat") && node.GetInt("axis", 0) == 1 && node.Outputs[0] is not null && node.Inputs.All(input => input is not null && depths.ContainsKey(input));

    /// <summary>The parts of a value, in channel order; the value itself where no Concat made it.</summary>
    public ImmutableArray<Value> Of(Value value)
    {
        if (_parts.TryGetValue(value, out ImmutableArray<Value> known)) return known;
        ImmutableArray<Value> parts = value.Producer is { } producer && IsJoin(producer) ? [.. producer.Inputs.SelectMany(input => Of(input!))] : [value];
        return _parts[value] = parts;
    }
}
