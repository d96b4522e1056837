using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace AdaBN.Measurement;

/// <summary>
/// Moments of a tensor (rows, channels, positions). Each plane (one row's positions of one channel) is read twice while it is in
/// the cache: for its mean, then for the squares around it; planes of a channel are then joined. Sums run in double over a fixed
/// lane pattern without fused operations, so the bits do not depend on the processor's vector width.
/// </summary>
internal static class MomentsKernel
{
    /// <summary>Measures the first <paramref name="rows"/> rows.</summary>
    /// <param name="data">Row-major tensor, at least rows × channels × positions elements.</param>
    /// <param name="rows">Rows (samples) to count.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="positions">Elements of one row and channel: the product of the axes after the second; 1 for rank 2.</param>
    public static ChannelMoments Measure(ReadOnlySpan<float> data, int rows, int channels, int positions)
    {
        int planes = rows * channels;
        var planeMean = new double[planes];
        var planeM2 = new double[planes];
        for (int p = 0; p < planes; p++)
        {
            ReadOnlySpan<float> plane = data.Slice(p * positions, positions);
            double mean = positions == 1 ? plane[0] : Sum(plane) / positions;
            planeMean[p] = mean;
            planeM2[p] = positions == 1 ? 0 : SumOfSquaresAround(plane, mean);
        }
        return Join(planeMean, planeM2, rows, channels, positions);
    }

    /// <summary>Planes of equal size: mean of means, and inner plus between-plane squares (analysis of variance).</summary>
    private static ChannelMoments Join(double[] planeMean, double[] planeM2, int rows, int channels, int positions)
    {
        var mean = new double[channels];
        var m2 = new double[channels];
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < channels; c++) mean[c] += planeMean[(r * channels) + c];
        for (int c = 0; c < channels; c++) mean[c] /= rows;
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < channels; c++)
            {
                double delta = planeMean[(r * channels) + c] - mean[c];
                m2[c] += planeM2[(r * channels) + c] + (delta * delta * positions);
            }
        }
        return new ChannelMoments((long)rows * positions, mean, m2);
    }

    private static double Sum(ReadOnlySpan<float> plane)
    {
        Vector256<double> low = Vector256<double>.Zero, high = low;
        ReadOnlySpan<Vector256<float>> vectors = MemoryMarshal.Cast<float, Vector256<float>>(plane);
        foreach (Vector256<float> vector in vectors)
        {
            (Vector256<double> a, Vector256<double> b) = Vector256.Widen(vector);
            low += a;
            high += b;
        }
        double sum = Vector256.Sum(low + high);
        foreach (float x in plane[(vectors.Length * Vector256<float>.Count)..]) sum += x;
        return sum;
    }

    private static double SumOfSquaresAround(ReadOnlySpan<float> plane, double mean)
    {
        Vector256<double> center = Vector256.Create(mean), low = Vector256<double>.Zero, high = low;
        ReadOnlySpan<Vector256<float>> vectors = MemoryMarshal.Cast<float, Vector256<float>>(plane);
        foreach (Vector256<float> vector in vectors)
        {
            (Vector256<double> a, Vector256<double> b) = Vector256.Widen(vector);
            a -= center;
            b -= center;
            low += a * a;
            high += b * b;
        }
        double sum = Vector256.Sum(low + high);
        foreach (float x in plane[(vectors.Length * Vector256<float>.Count)..]) sum += (x - mean) * (x - mean);
        return sum;
    }
}
