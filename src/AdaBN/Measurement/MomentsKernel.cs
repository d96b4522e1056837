using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
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
    /// <param name="images">Images to give by themselves as well, each of equally many rows; 0 for none.</param>
    public static ChannelMoments Measure(ReadOnlySpan<float> data, int rows, int channels, int positions, int images = 0)
    {
        using var planes = new Planes(rows, channels);
        for (int r = 0; r < rows; r++)
        {
            Span<double> mean = planes.Mean(r), m2 = planes.M2(r);
            ReadOnlySpan<float> row = data.Slice(r * channels * positions, channels * positions);
            if (positions == 1)
            {
                TensorPrimitives.ConvertTruncating(row, mean);
                m2.Clear();
                continue;
            }
            for (int c = 0; c < channels; c++)
            {
                ReadOnlySpan<float> plane = row.Slice(c * positions, positions);
                mean[c] = Sum(plane) / positions;
                m2[c] = SumOfSquaresAround(plane, mean[c]);
            }
        }
        return Join(planes, rows, channels, positions, images);
    }

    /// <summary>Measures a tensor in the blocked layout (<see cref="Layout.BlockedLayout"/>): a block's channels side by side, each in a lane of its own.</summary>
    /// <param name="data">Rows × padded channels × positions elements.</param>
    /// <param name="rows">Rows (samples) to count.</param>
    /// <param name="channels">Channels, without those that fill up the last block.</param>
    /// <param name="positions">Elements of one row and channel.</param>
    /// <param name="block">Channels a block: 8 or 16.</param>
    /// <param name="images">As in <see cref="Measure"/>.</param>
    public static ChannelMoments MeasureBlocked(ReadOnlySpan<float> data, int rows, int channels, int positions, int block, int images = 0)
    {
        using var planes = new Planes(rows, channels);
        Span<double> mean = stackalloc double[block], m2 = stackalloc double[block];
        int blocks = (channels + block - 1) / block;
        for (int r = 0; r < rows; r++)
        {
            for (int b = 0; b < blocks; b++)
            {
                ReadOnlySpan<float> plane = data.Slice(((r * blocks) + b) * block * positions, block * positions);
                if (block == Vector512<float>.Count) Measure16(plane, positions, mean, m2);
                else Measure8(plane, positions, mean, m2);
                int first = b * block, used = Math.Min(block, channels - first);
                mean[..used].CopyTo(planes.Mean(r)[first..]);
                m2[..used].CopyTo(planes.M2(r)[first..]);
            }
        }
        return Join(planes, rows, channels, positions, images);
    }

    // Each channel is summed in its own lane, one position after another: the vector's width does not touch the bits.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Measure16(ReadOnlySpan<float> plane, int positions, Span<double> mean, Span<double> m2)
    {
        ref float first = ref MemoryMarshal.GetReference(plane);
        Vector512<double> low = Vector512<double>.Zero, high = low;
        for (int p = 0; p < positions; p++)
        {
            (Vector512<double> a, Vector512<double> b) = Vector512.Widen(Vector512.LoadUnsafe(ref first, (nuint)(p * Vector512<float>.Count)));
            low += a;
            high += b;
        }
        Vector512<double> count = Vector512.Create((double)positions), lowMean = low / count, highMean = high / count;
        low = high = Vector512<double>.Zero;
        for (int p = 0; p < positions; p++)
        {
            (Vector512<double> a, Vector512<double> b) = Vector512.Widen(Vector512.LoadUnsafe(ref first, (nuint)(p * Vector512<float>.Count)));
            a -= lowMean;
            b -= highMean;
            low += a * a;
            high += b * b;
        }
        lowMean.CopyTo(mean);
        highMean.CopyTo(mean[Vector512<double>.Count..]);
        low.CopyTo(m2);
        high.CopyTo(m2[Vector512<double>.Count..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Measure8(ReadOnlySpan<float> plane, int positions, Span<double> mean, Span<double> m2)
    {
        ref float first = ref MemoryMarshal.GetReference(plane);
        Vector256<double> low = Vector256<double>.Zero, high = low;
        for (int p = 0; p < positions; p++)
        {
            (Vector256<double> a, Vector256<double> b) = Vector256.Widen(Vector256.LoadUnsafe(ref first, (nuint)(p * Vector256<float>.Count)));
            low += a;
            high += b;
        }
        Vector256<double> count = Vector256.Create((double)positions), lowMean = low / count, highMean = high / count;
        low = high = Vector256<double>.Zero;
        for (int p = 0; p < positions; p++)
        {
            (Vector256<double> a, Vector256<double> b) = Vector256.Widen(Vector256.LoadUnsafe(ref first, (nuint)(p * Vector256<float>.Count)));
            a -= lowMean;
            b -= highMean;
            low += a * a;
            high += b * b;
        }
        lowMean.CopyTo(mean);
        highMean.CopyTo(mean[Vector256<double>.Count..]);
        low.CopyTo(m2);
        high.CopyTo(m2[Vector256<double>.Count..]);
    }

    /// <summary>Planes of equal size, one an image: mean of means, inner plus between-plane squares (analysis of variance), and the images' spread.</summary>
    private static ChannelMoments Join(Planes planes, int rows, int channels, int positions, int images)
    {
        ChannelStatistics[]? perImage = images == 0 ? null : PerImage(planes, rows / images, channels, positions, images);
        var (mean, m2, means, cross, squares) = (new double[channels], new double[channels], new double[channels], new double[channels], new double[channels]);
        for (int r = 0; r < rows; r++)
        {
            TensorPrimitives.Add(mean, planes.Mean(r), mean);
            TensorPrimitives.Add(m2, planes.M2(r), m2);
        }
        if (rows == 1) return new ChannelMoments(positions, mean, m2, 1, means, cross, squares) { PerImage = perImage }; // one image has no spread

        TensorPrimitives.Divide(mean, rows, mean);
        Span<double> product = planes.Spare(0), average = planes.Spare(1);
        for (int r = 0; r < rows; r++)
        {
            Span<double> u = planes.Mean(r);
            TensorPrimitives.Subtract(u, mean, u);
            TensorPrimitives.Multiply(u, u, product);
            TensorPrimitives.Add(means, product, means);
        }
        TensorPrimitives.Multiply(means, positions, product);
        TensorPrimitives.Add(m2, product, m2);
        TensorPrimitives.Divide(m2, (double)rows * positions, average);
        for (int r = 0; r < rows; r++)
        {
            Span<double> u = planes.Mean(r), s = planes.M2(r);
            TensorPrimitives.Divide(s, positions, s);
            TensorPrimitives.Multiply(u, u, product);
            TensorPrimitives.Add(s, product, s);
            TensorPrimitives.Subtract(s, average, s);
            TensorPrimitives.Multiply(u, s, product);
            TensorPrimitives.Add(cross, product, cross);
            TensorPrimitives.Multiply(s, s, product);
            TensorPrimitives.Add(squares, product, squares);
        }
        return new ChannelMoments((long)rows * positions, mean, m2, rows, means, cross, squares) { PerImage = perImage };
    }

    /// <summary>Taken before <see cref="Join"/> computes in the planes' own memory.</summary>
    private static ChannelStatistics[] PerImage(Planes planes, int rowsPerImage, int channels, int positions, int images)
    {
        var found = new ChannelStatistics[images];
        for (int i = 0; i < images; i++)
        {
            var (mean, variance) = (new double[channels], new double[channels]);
            for (int r = i * rowsPerImage; r < (i + 1) * rowsPerImage; r++)
            {
                TensorPrimitives.Add(mean, planes.Mean(r), mean);
                TensorPrimitives.Add(variance, planes.M2(r), variance);
            }
            TensorPrimitives.Divide(mean, rowsPerImage, mean);
            for (int r = i * rowsPerImage; r < (i + 1) * rowsPerImage && rowsPerImage > 1; r++)
                for (int c = 0; c < channels; c++) variance[c] += positions * (planes.Mean(r)[c] - mean[c]) * (planes.Mean(r)[c] - mean[c]);
            TensorPrimitives.Divide(variance, (double)rowsPerImage * positions, variance);
            found[i] = new ChannelStatistics(mean, variance);
        }
        return found;
    }

    /// <summary>Moments of each plane, row by row, and two rows to compute in; in pooled memory, since a batch may have hundreds of thousands of planes.</summary>
    private readonly ref struct Planes(int rows, int channels)
    {
        private readonly double[] _numbers = ArrayPool<double>.Shared.Rent(((2 * rows) + 2) * channels);

        public Span<double> Mean(int row) => Row(row);

        public Span<double> M2(int row) => Row(rows + row);

        public Span<double> Spare(int index) => Row((2 * rows) + index);

        public void Dispose() => ArrayPool<double>.Shared.Return(_numbers);

        private Span<double> Row(int index) => _numbers.AsSpan(index * channels, channels);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
