using System.Collections.Immutable;
using AdaBN.Onnx;

namespace AdaBN.Discovery;

/// <summary>A constant of a model with its numbers at hand.</summary>
/// <param name="ElementType">Type of its elements in the model.</param>
/// <param name="Dims">Length of each axis.</param>
/// <param name="Elements">The elements, row-major, exactly as the type holds them.</param>
internal sealed record ConstantTensor(ElementType ElementType, ImmutableArray<long> Dims, double[] Elements);
