using System.Collections.Immutable;

namespace AdaBN.Onnx;

/// <summary>One axis of a declared shape: a fixed length, a named symbol, or neither (unknown).</summary>
/// <param name="Length">The fixed length, or null.</param>
/// <param name="Symbol">The symbol's name (such as <c>N</c>), or null.</param>
public readonly record struct Dimension(long? Length, string? Symbol = null)
{
    /// <inheritdoc/>
    public override string ToString() => Length?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? Symbol ?? "?";
}

/// <summary>Declared type of a tensor value.</summary>
/// <param name="ElementType">Type of its elements.</param>
/// <param name="Shape">Its axes, or null where even the rank is not declared.</param>
public sealed record TensorType(ElementType ElementType, ImmutableArray<Dimension>? Shape)
{
    /// <inheritdoc/>
    public override string ToString() => $"{ElementType} {(Shape is { } shape ? $"[{string.Join(", ", shape)}]" : "[…]")}";
}
