using System.Numerics.Tensors;

namespace AdaBN.Domains;

/// <summary>Tells the cluster of an image: the largest of W·z + b, the first where several are as large. ONNX: Gemm, ArgMax.</summary>
/// <param name="Weights">W, a row a cluster.</param>
/// <param name="Offsets">b.</param>
internal sealed record LinearRouter(double[][] Weights, double[] Offsets)
{
    public int Clusters => Offsets.Length;

    public int Of(ReadOnlySpan<double> features)
    {
        int best = 0;
        double most = double.NegativeInfinity;
        for (int k = 0; k < Clusters; k++)
        {
            double score = TensorPrimitives.Dot<double>(Weights[k], features) + Offsets[k];
            if (score > most) (best, most) = (k, score);
        }
        return best;
    }

    public int[] Of(IReadOnlyList<double[]> images) => [.. images.Select(image => Of(image))];
}
