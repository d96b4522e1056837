using System.Globalization;
using AdaBN.Onnx;
using AdaBN.Rewriting;

namespace AdaBN;

/// <summary>
/// Layer normalization (Ba et al., arXiv 1607.06450): y = (x − μ) / √(σ² + ε) · γ + β, with the mean and variance over the last axes, for each
/// of all others. From opset 17 the operator <c>LayerNormalization</c>; from opset 7 instance normalization of (others)×1×(last) between Reshapes.
/// </summary>
/// <param name="Shape">Lengths of the last axes, over which it normalizes.</param>
/// <param name="Scale">γ, one number for each element of these axes, row-major.</param>
/// <param name="Bias">β, likewise.</param>
public sealed record LayerNorm(IReadOnlyList<long> Shape, IReadOnlyList<double> Scale, IReadOnlyList<double> Bias) : Normalization
{
    private const long FirstOpsetOfOperator = 17;

    private long Elements => Shape.Aggregate(1L, (product, length) => product * length);

    internal override string? WhyNot(IReadOnlyList<int> dims)
    {
        bool fits = dims.Count > Shape.Count && dims.TakeLast(Shape.Count).Zip(Shape).All(pair => pair.First < 0 || pair.First == pair.Second);
        if (!fits) return $"its input has the shape [{string.Join(", ", dims)}], expected it to end in [{string.Join(", ", Shape)}]";
        return Elements == 1 ? "a single number has no spread" : null;
    }

    internal override Value Write(SubgraphWriter to, Value x)
    {
        Value scale = to.Constant("scale", Scale, [.. Shape]), bias = to.Constant("bias", Bias, [.. Shape]);
        if (to.Opset >= FirstOpsetOfOperator) return to.Op("LayerNormalization", x, scale, bias).With("axis", -Shape.Count).With("epsilon", Epsilon);
        Value rows = to.Op("Reshape", x, to.Integers("rows", -1, 1, Elements));
        Value normalized = (InstanceNorm.Plain(1) with { Epsilon = Epsilon }).Write(to, rows);
        return to.Op("Add", to.Op("Mul", to.Op("Reshape", normalized, to.Op("Shape", x)), scale), bias);
    }

    internal override IEnumerable<string> Faults()
    {
        if (Shape.Count == 0 || Shape.Any(length => length < 1)) yield return $"{nameof(Shape)} is [{string.Join(", ", Shape)}], expected one axis or more of positive length";
        else if (Scale.Count != Elements || Bias.Count != Elements) yield return string.Create(CultureInfo.InvariantCulture, $"{nameof(Scale)} has {Scale.Count} numbers and {nameof(Bias)} {Bias.Count}, expected {Elements}");
    }
}
