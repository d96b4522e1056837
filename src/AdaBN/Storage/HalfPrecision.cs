using System.Globalization;
using System.Numerics.Tensors;

namespace AdaBN.Storage;

/// <summary>Float32 elements held as 16-bit floats (IEEE 754 binary16).</summary>
internal static unsafe class HalfPrecision
{
    public const int Size = 2;

    /// <exception cref="AdaptationException">A number is more than a 16-bit float holds.</exception>
    public static void Shrink(ReadOnlySpan<float> source, Slot target, string name)
    {
        float largest = source.Length == 0 ? 0 : TensorPrimitives.MaxMagnitude(source);
        if (MathF.Abs(largest) > (float)Half.MaxValue)
        {
            throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                $"'{name}' reaches {largest:g4}, more than a 16-bit float holds ({(float)Half.MaxValue}). Adapt without {nameof(AdaptationOptions.HalfPrecisionActivations)}."));
        }
        TensorPrimitives.ConvertToHalf(source, new Span<Half>((void*)target.Address, source.Length));
    }

    public static void Expand(nint source, Span<float> target) => TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>((void*)source, target.Length), target);
}
