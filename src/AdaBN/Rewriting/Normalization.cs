using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// A normalization as a sub-graph of ONNX's own operators: the operator itself where the model's operator set has it, else the smallest
/// decomposition. Immutable; lists hold one number a channel (axis 1) unless said otherwise. Values that it needs beside the one it
/// normalizes are given by name: one of the model's, or else an input that is added to the model.
/// </summary>
public abstract record Normalization
{
    private const long FirstOpsetOfOnnxRuntime = 7;

    /// <summary>Added to the variance before the square root; above 0.</summary>
    public float Epsilon { get; init; } = Onnx.Ops.BatchNormalization.DefaultEpsilon;

    /// <summary>The first version of ONNX's own operator set that it can be written in; never below 7, ONNX Runtime's first.</summary>
    public virtual long LowestOpset => FirstOpsetOfOnnxRuntime;

    /// <summary>The model with the normalization in the place of a node: it reads the node's first input and computes its output.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="node">A node of its main graph with one output.</param>
    /// <exception cref="AdaptationException">It cannot be written there: operator set, shape, type, or a value that it needs.</exception>
    /// <exception cref="ArgumentException">The normalization's own numbers do not fit together.</exception>
    /// <exception cref="OnnxModelException">The node is no node of the main graph with one output.</exception>
    public OnnxModel InPlaceOf(OnnxModel model, Node node)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(node);
        if (node.Graph != model.Graph || node.Inputs is not [not null, ..] || node.Outputs is not [{ } output])
            throw new OnnxModelException($"{node} cannot be replaced: expected a node of the model's main graph with an input and one output.");
        OnnxModel edited = model.Clone();
        Node old = NodePath.InMainGraph(output.Name).Find(edited);
        Write(edited, old, InferredTypes.Of(edited, [old.Inputs[0]!])[old.Inputs[0]!], isInFront: false);
        return edited;
    }

    /// <summary>Writes the sub-graph in a node's place, or in front of it, over its first input.</summary>
    internal SubgraphWriter Write(OnnxModel model, Node node, InferredType type, bool isInFront)
    {
        Value x = node.Inputs[0]!;
        if (WhyNot(model, x, type) is { } refusal) throw new AdaptationException(AdaptationError.UnsupportedForm, $"{GetType().Name} cannot be written at {node}: {refusal.Reason}. Mend: {refusal.Mend}.");
        var to = new SubgraphWriter(model, node, x, type.Dims!.Count);
        Value float32 = type.ElementType == ElementType.Float ? x : to.Cast(x, ElementType.Float);
        Value y = Write(to, float32);
        if (type.ElementType != ElementType.Float) y = to.Cast(y, type.ElementType);
        if (isInFront)
        {
            GraphEditor.SetInput(node, 0, y);
        }
        else
        {
            GraphEditor.ReplaceNode(node, y);
            GraphEditor.Rename(to.Heir, node.Name);
        }
        return to;
    }

    /// <summary>Why it cannot be written behind a value, or null.</summary>
    /// <exception cref="ArgumentException">The normalization's own numbers do not fit together.</exception>
    internal Refusal? WhyNot(OnnxModel model, Value x, InferredType type)
    {
        Check();
        if (model.Opset < LowestOpset) return new Refusal(string.Create(CultureInfo.InvariantCulture, $"the model's operator set is {model.Opset}, expected {LowestOpset} or later"), "convert the model (onnx.version_converter)");
        if (type.Dims is null) return new Refusal($"the type and the number of axes of '{x.Name}' cannot be inferred", "declare the types of the model's inputs");
        return WhyNot(type.Dims) is { } reason ? new Refusal(reason, "choose another normalization for it, or leave it as it is") : null;
    }

    /// <summary>Why values of a shape cannot be normalized so, or null. Open axes are −1.</summary>
    internal abstract string? WhyNot(IReadOnlyList<int> dims);

    /// <summary>Writes the nodes, in float32.</summary>
    internal abstract Value Write(SubgraphWriter to, Value x);

    /// <summary>Names all of the normalization's own faults.</summary>
    internal virtual IEnumerable<string> Faults() => [];

    private void Check()
    {
        List<string> faults = [.. Faults()];
        if (!(Epsilon > 0 && float.IsFinite(Epsilon))) faults.Insert(0, string.Create(CultureInfo.InvariantCulture, $"{nameof(Epsilon)} is {Epsilon}, expected a finite number above 0"));
        if (faults.Count > 0) throw new ArgumentException($"{GetType().Name}: {string.Join("; ", faults)}.");
    }

    /// <summary>Whether lists have the length of the first.</summary>
    internal static IEnumerable<string> DifferingLengths(params (string Name, int Count)[] lists) =>
        lists.Skip(1).Where(list => list.Count != lists[0].Count).Select(list => string.Create(CultureInfo.InvariantCulture, $"{list.Name} has {list.Count} numbers, {lists[0].Name} has {lists[0].Count}"));

    /// <summary>Of layers with channels and positions: why a shape does not fit so many channels.</summary>
    internal static string? OtherChannels(IReadOnlyList<int> dims, int channels) =>
        dims.Count < 2 || (dims[1] >= 0 && dims[1] != channels) ? string.Create(CultureInfo.InvariantCulture, $"its input has the shape {Shape(dims)}, expected {channels} channels along axis 1") : null;

    /// <summary>Of normalizations by a sample's own statistics: a single position a channel has no spread, all of it would become 0.</summary>
    internal static string? NoPositions(IReadOnlyList<int> dims) =>
        dims.Count < 3 || dims.Skip(2).All(dim => dim == 1) ? $"its input has the shape {Shape(dims)}: a sample has one number a channel, and its own statistics would leave nothing of it" : null;

    private static string Shape(IReadOnlyList<int> dims) => $"[{string.Join(", ", dims.Select(dim => dim < 0 ? "?" : dim.ToString(CultureInfo.InvariantCulture)))}]";
}
