using System.Text.Json.Serialization;
using AdaBN.Onnx.Comparison;

namespace AdaBN.Onnx;

/// <summary>In which way a thing differs between two models.</summary>
public enum DifferenceKind
{
    /// <summary>Both models have it, not the same.</summary>
    Changed,

    /// <summary>Only the second model has it.</summary>
    Added,

    /// <summary>Only the first model has it.</summary>
    Removed,
}

/// <summary>What differs between two models as their files hold them: what is not listed is the same, byte for byte, data outside the files included.</summary>
/// <param name="Tensors">Initializers, of nested graphs too.</param>
/// <param name="Nodes">Nodes, matched by the value they compute first.</param>
/// <param name="Metadata">Entries of the metadata.</param>
/// <param name="Other">Everything else, in plain words.</param>
public sealed record ModelDifferences(
    IReadOnlyList<TensorDifference> Tensors, IReadOnlyList<NodeDifference> Nodes, IReadOnlyList<MetadataDifference> Metadata, IReadOnlyList<string> Other)
{
    /// <summary>Whether nothing differs.</summary>
    public bool IsEmpty => Tensors.Count + Nodes.Count + Metadata.Count + Other.Count == 0;

    /// <summary>Compares two models. Of the tensors that differ, numbers are read and compared.</summary>
    /// <param name="first">The first model.</param>
    /// <param name="second">The second.</param>
    /// <exception cref="OnnxModelException">A tensor's data outside a file cannot be read.</exception>
    public static ModelDifferences Between(OnnxModel first, OnnxModel second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        return ModelComparer.Compare(first, second);
    }
}

/// <summary>An initializer that differs.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Graph">The nested graph that holds it, such as <c>If 'gate', graph 0</c>; null for the main graph.</param>
/// <param name="Kind">Whether it changed, came or went.</param>
/// <param name="Before">Type and shape in the first model, such as <c>Float [8]</c>; null where it is not there.</param>
/// <param name="After">The same in the second.</param>
/// <param name="Elements">Elements in all; null where types, shapes or the kind do not let them be compared.</param>
/// <param name="Differing">Elements that are not the same number. 0 means that the same numbers are stored in another way.</param>
/// <param name="Largest">Largest absolute difference of two elements; infinite where only one is a finite number.</param>
/// <param name="Mean">Mean absolute difference over all elements.</param>
public sealed record TensorDifference(
    string Name, string? Graph, DifferenceKind Kind, string? Before, string? After, long? Elements = null, long? Differing = null, double? Largest = null, double? Mean = null)
{
    /// <summary>The tensors themselves, in the first and the second model.</summary>
    [JsonIgnore]
    public (Initializer? First, Initializer? Second) Stored { get; init; }
}

/// <summary>A node that differs.</summary>
/// <param name="Name">Its name, or its output's where it has none.</param>
/// <param name="OpType">Its operator; the second model's where both have it.</param>
/// <param name="Graph">The nested graph that holds it; null for the main graph.</param>
/// <param name="Kind">Whether it changed, came or went.</param>
/// <param name="Changes">What changed: <c>inputs</c>, <c>attribute 'epsilon'</c> and the like; <c>operator Relu</c> alone where that was the first model's; empty where the node came or went.</param>
public sealed record NodeDifference(string Name, string OpType, string? Graph, DifferenceKind Kind, IReadOnlyList<string> Changes)
{
    /// <summary>The word in <see cref="Changes"/> for a node that reads other values.</summary>
    public const string Inputs = "inputs";

    /// <summary>The nodes themselves, in the first and the second model.</summary>
    [JsonIgnore]
    public (Node? First, Node? Second) Stored { get; init; }
}

/// <summary>A metadata entry that differs.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Before">Its text in the first model; null where it is not there.</param>
/// <param name="After">The same in the second.</param>
public sealed record MetadataDifference(string Key, string? Before, string? After);
