using System.Numerics.Tensors;

namespace AdaBN.Domains;

/// <summary>Covariance of rows about the mean of their cluster, and its Cholesky factor; both as lower triangles.</summary>
internal static class Covariance
{
    private const double Smallest = 1e-6; // of the variance of a standardized feature

    /// <summary>The factor L of the covariance, L·Lᵀ. Off its diagonal it is shrunk by d/(d + n), so that few images will do and there always is a factor.</summary>
    public static double[][] Factor(double[][] rows, int[] clusters, double[][] means)
    {
        int n = rows.Length, d = rows[0].Length;
        double[][] matrix = [.. Enumerable.Range(0, d).Select(j => new double[j + 1])];
        var from = new double[d];
        for (int i = 0; i < n; i++)
        {
            TensorPrimitives.Subtract(rows[i], means[clusters[i]], from);
            for (int j = 0; j < d; j++) TensorPrimitives.MultiplyAdd(from.AsSpan(0, j + 1), from[j], matrix[j], matrix[j]);
        }
        double kept = (double)n / (d + n);
        for (int j = 0; j < d; j++)
        {
            TensorPrimitives.Divide(matrix[j], Math.Max(1, n - means.Length), matrix[j]);
            TensorPrimitives.Multiply(matrix[j].AsSpan(0, j), kept, matrix[j].AsSpan(0, j));
            matrix[j][j] += Smallest;
        }
        for (int j = 0; j < d; j++)
        {
            for (int k = 0; k <= j; k++)
            {
                double left = matrix[j][k] - TensorPrimitives.Dot(matrix[j].AsSpan(0, k), matrix[k].AsSpan(0, k));
                matrix[j][k] = j == k ? Math.Sqrt(left) : left / matrix[k][k];
            }
        }
        return matrix;
    }

    /// <summary>L⁻¹·x: of each feature what the ones before it do not foretell, in units of its deviation.</summary>
    public static double[] Residuals(double[][] factor, double[] x)
    {
        double[] left = [.. x];
        for (int j = 0; j < left.Length; j++) left[j] = (left[j] - TensorPrimitives.Dot(factor[j].AsSpan(0, j), left.AsSpan(0, j))) / factor[j][j];
        return left;
    }

    /// <summary>S⁻¹·x, S the covariance of this factor.</summary>
    public static double[] Solve(double[][] factor, double[] x)
    {
        double[] left = Residuals(factor, x);
        for (int j = left.Length - 1; j >= 0; j--)
        {
            left[j] /= factor[j][j];
            TensorPrimitives.MultiplyAdd(factor[j].AsSpan(0, j), -left[j], left.AsSpan(0, j), left.AsSpan(0, j));
        }
        return left;
    }
}
