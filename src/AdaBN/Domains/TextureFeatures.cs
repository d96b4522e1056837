using System.Numerics.Tensors;

namespace AdaBN.Domains;

/// <summary>
/// What a domain leaves in each plane of an image, whatever it shows: the plane's mean, and the logarithm of the variance of each of its nine 3×3 cosine coefficients (DCT-II of
/// every 3×3 window). Content moves these together; noise, blur and compression move them against each other. In ONNX: Conv (a group a plane), GlobalAveragePool, and that
/// of the squares around it, Log.
/// </summary>
internal static class TextureFeatures
{
    /// <summary>Rows and columns of a filter.</summary>
    public const int Size = 3;

    /// <summary>Features of a plane.</summary>
    public const int PerPlane = 1 + Coefficients;

    /// <summary>The most planes of an image: the search takes the cube of their features.</summary>
    public const int MostPlanes = 16;

    private const int Coefficients = Size * Size;
    private const double Faint = 1e-4;
    private static readonly double[][] _waves = [[1 / Math.Sqrt(3), 1 / Math.Sqrt(3), 1 / Math.Sqrt(3)], [1 / Math.Sqrt(2), 0, -1 / Math.Sqrt(2)], [1 / Math.Sqrt(6), -2 / Math.Sqrt(6), 1 / Math.Sqrt(6)]];

    /// <summary>The filters, one after the other, row by row. The first is even: it gives three times the mean of a window.</summary>
    public static double[] Filters { get; } = [.. from down in _waves from across in _waves from y in down from x in across select y * x];

    /// <summary>Whether a tensor has planes to look at: channels first, each at least as large as a filter.</summary>
    public static bool Apply(SampleInput input) => input.Shape is [> 0 and <= MostPlanes, >= Size, >= Size];

    /// <summary>Of each plane of an image its mean, of all windows, then the variances of its coefficients.</summary>
    public static double[] Moments(float[] image, SampleInput input)
    {
        (int planes, int height, int width) = (input.Shape[0], input.Shape[1], input.Shape[2]);
        var moments = new double[planes * PerPlane];
        double[] pixels = [.. image];
        double[][] alongRows = [.. _waves.Select(_ => new double[pixels.Length - Size + 1])];
        for (int f = 0; f < Size; f++) Filter(pixels, 1, _waves[f], alongRows[f]);
        var coefficients = new double[(height - Size + 1) * (width - Size + 1)];
        var row = new double[width - Size + 1];
        for (int p = 0; p < planes; p++)
        {
            for (int f = 0; f < Coefficients; f++)
            {
                for (int y = 0; y <= height - Size; y++)
                {
                    Filter(alongRows[f % Size].AsSpan(((p * height) + y) * width), width, _waves[f / Size], row);
                    row.CopyTo(coefficients, y * row.Length);
                }
                double mean = TensorPrimitives.Sum<double>(coefficients) / coefficients.Length;
                TensorPrimitives.Subtract(coefficients, mean, coefficients);
                if (f == 0) moments[p * PerPlane] = mean / Size;
                moments[(p * PerPlane) + 1 + f] = TensorPrimitives.SumOfSquares<double>(coefficients) / coefficients.Length;
            }
        }
        return moments;
    }

    /// <summary>What is added to variances: a ten thousandth of their mean. Fainter than that is rounding to 8 bits, or nothing.</summary>
    public static double FloorOf(IReadOnlyList<double[]> moments) =>
        Math.Max(Faint * moments.Select(image => image.Where((_, i) => i % PerPlane > 0).Average()).Order().Average(), 1e-30); // in order: the same bits in any order of images

    /// <summary>Features of an image: its moments, of variances the logarithm.</summary>
    public static double[] Of(double[] moments, double floor) => [.. moments.Select((value, i) => i % PerPlane == 0 ? value : Math.Log(value + floor))];

    /// <summary>Sums of three numbers, a step apart, by their weights.</summary>
    private static void Filter(ReadOnlySpan<double> numbers, int step, double[] weights, Span<double> sums)
    {
        TensorPrimitives.Multiply(numbers[..sums.Length], weights[0], sums);
        for (int tap = 1; tap < Size; tap++) TensorPrimitives.MultiplyAdd(numbers.Slice(tap * step, sums.Length), weights[tap], sums, sums);
    }
}
