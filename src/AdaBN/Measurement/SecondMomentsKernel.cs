using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>
/// Σ x·xᵀ over the positions of a batch, x being all channels at one position. Positions are gathered in double, some hundred at a time, so
/// that they stay in the cache while every pair of channels is multiplied; in one fixed lane pattern without fused operations.
/// </summary>
internal static unsafe class SecondMomentsKernel
{
    private const int NumbersAtATime = 1 << 16, FewestColumns = 8;

    /// <param name="parts">The tensors whose channels, one after the other, are the layer's input.</param>
    /// <param name="rows">Rows of each to count.</param>
    public static SecondMoments Measure(IReadOnlyList<(nint Address, TensorForm Form)> parts, int rows)
    {
        int channels = checked((int)parts.Sum(part => part.Form.Tail[0])), positions = parts[0].Form.Positions;
        int columns = Math.Max(FewestColumns, NumbersAtATime / channels);
        double[] gathered = ArrayPool<double>.Shared.Rent(checked(channels * columns));
        var sums = new double[checked(channels * (channels + 1) / 2)];
        fixed (double* x = gathered, result = sums)
        {
            int filled = 0;
            for (int row = 0; row < rows; row++)
            {
                for (int first = 0; first < positions;)
                {
                    int count = Math.Min(positions - first, columns - filled);
                    double* channel = x + filled;
                    foreach ((nint address, TensorForm form) in parts)
                    {
                        float* start = (float*)address + (row * (form.SampleLength / form.RowsPerSample));
                        for (int c = 0; c < form.Tail[0]; c++, channel += columns)
                        {
                            (long offset, int step) = LayoutCopy.Plane(form, c);
                            for (int p = 0; p < count; p++) channel[p] = start[offset + ((long)(first + p) * step)];
                        }
                    }
                    first += count;
                    filled += count;
                    if (filled < columns) continue;
                    Multiply(x, channels, columns, filled, result);
                    filled = 0;
                }
            }
            Multiply(x, channels, columns, filled, result);
        }
        ArrayPool<double>.Shared.Return(gathered);
        return new SecondMoments((long)rows * positions, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(double* x, int channels, int stride, int columns, double* sums)
    {
        for (int i = 0; i < channels; i++)
        {
            double* left = x + ((long)i * stride);
            for (int j = 0; j <= i; j++, sums++) *sums += Dot(left, x + ((long)j * stride), columns);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Dot(double* x, double* y, int length)
    {
        Vector256<double> even = Vector256<double>.Zero, odd = even;
        int i = 0;
        for (; i <= length - (2 * Vector256<double>.Count); i += 2 * Vector256<double>.Count)
        {
            even += Vector256.Load(x + i) * Vector256.Load(y + i);
            odd += Vector256.Load(x + i + Vector256<double>.Count) * Vector256.Load(y + i + Vector256<double>.Count);
        }
        double sum = Vector256.Sum(even + odd);
        for (; i < length; i++) sum += x[i] * y[i];
        return sum;
    }
}
