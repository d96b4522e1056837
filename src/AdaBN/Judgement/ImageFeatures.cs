namespace AdaBN.Judgement;

/// <summary>What any image has, whatever it shows: of each of its planes the mean, the deviation and the roughness (mean difference of neighbours in a row), the latter two as logarithms.</summary>
internal static class ImageFeatures
{
    private const double Smallest = 1e-6;

    /// <summary>Features of each image.</summary>
    /// <param name="images">Tensors of each image.</param>
    /// <param name="inputs">Their shapes: channels first where there are three axes.</param>
    public static double[][] Of(IEnumerable<float[][]> images, IReadOnlyList<SampleInput> inputs) => [.. images.Select(image => image.SelectMany((tensor, i) => Of(tensor, inputs[i])).ToArray())];

    private static IEnumerable<double> Of(float[] tensor, SampleInput input)
    {
        int planes = input.Shape.Length == 3 ? input.Shape[0] : 1, length = tensor.Length / planes, row = input.Shape is [.., var last] ? last : 1; // a sample may be a single number
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
}
