namespace AdaBN.Judgement;

/// <summary>
/// Whether images come from two domains, by what any image has: of each of its planes the mean, the deviation and the roughness (mean difference of neighbours in a row),
/// the latter two as logarithms. Two groups are told apart where splitting the images in two along the feature that splits best leaves next to none of its variance: even a
/// feature that varies evenly over a range would leave a quarter of it, a Gaussian one third.
/// </summary>
/// <param name="First">Images in the smaller group.</param>
/// <param name="Second">Images in the larger group.</param>
internal sealed record ImageGroups(int First, int Second)
{
    private const double LeftWithin = 0.16, LeastShare = 0.1, Smallest = 1e-6;
    private const int LeastImages = 16;

    /// <summary>The groups; null where there is one only, or too few images to tell.</summary>
    /// <param name="images">Tensors of each image.</param>
    /// <param name="inputs">Their shapes: channels first where there are three axes.</param>
    public static ImageGroups? Find(IReadOnlyList<float[][]> images, IReadOnlyList<SampleInput> inputs)
    {
        if (images.Count < LeastImages) return null;
        double[][] features = [.. images.Select(image => image.SelectMany((tensor, i) => Features(tensor, inputs[i])).ToArray())];
        for (int f = 0; f < features[0].Length; f++)
        {
            double[] sorted = [.. features.Select(image => image[f]).Order()];
            int split = BestSplit(sorted, out double left);
            if (left < LeftWithin) return new ImageGroups(Math.Min(split, images.Count - split), Math.Max(split, images.Count - split));
        }
        return null;
    }

    private static IEnumerable<double> Features(float[] tensor, SampleInput input)
    {
        int planes = input.Shape.Length == 3 ? input.Shape[0] : 1, length = tensor.Length / planes, row = input.Shape[^1];
        for (int p = 0; p < planes; p++)
        {
            double sum = 0, squares = 0, rough = 0;
            for (int i = p * length; i < (p + 1) * length; i++)
            {
                sum += tensor[i];
                squares += (double)tensor[i] * tensor[i];
                if (i % row > 0) rough += Math.Abs(tensor[i] - tensor[i - 1]);
            }
            double mean = sum / length;
            yield return mean;
            yield return Math.Log(Math.Sqrt(Math.Max(0, (squares / length) - (mean * mean))) + Smallest);
            yield return Math.Log((rough / length) + Smallest);
        }
    }

    /// <summary>Where to cut sorted numbers so that the least of their variance is left within the two parts, each a tenth at least.</summary>
    private static int BestSplit(double[] sorted, out double left)
    {
        int n = sorted.Length, best = 0;
        double mean = sorted.Average(), total = sorted.Sum(value => (value - mean) * (value - mean)), below = 0;
        left = 1;
        for (int k = 1; k < n; k++)
        {
            below += sorted[k - 1] - mean;
            if (k < LeastShare * n || n - k < LeastShare * n || !(total > 0)) continue;
            double within = 1 - (below * below * (((double)1 / k) + ((double)1 / (n - k))) / total);
            if (within < left) (left, best) = (within, k);
        }
        return best;
    }
}
