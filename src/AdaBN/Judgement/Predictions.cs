using System.Numerics.Tensors;

namespace AdaBN.Judgement;

/// <summary>What a model takes some images for.</summary>
/// <param name="Class">The class of the highest score, an image each.</param>
/// <param name="Probability">Its probability.</param>
/// <param name="Entropy">How unsure the model is of it, 0 to 1.</param>
/// <param name="Summary">The same in short.</param>
internal sealed record Predictions(int[] Class, double[] Probability, double[] Entropy, PredictionSummary Summary)
{
    private const float Rounding = 1e-3f;

    /// <summary>Reads a model's scores, probabilities or not; null where they are no numbers to compare.</summary>
    public static Predictions? Of(float[][]? scores)
    {
        if (scores is not [{ Length: >= 2 and var classes }, ..] || scores.Any(row => row.Length != classes || !row.All(float.IsFinite))) return null;
        bool areProbabilities = scores.All(row => row.All(score => score is >= 0 and <= 1 + Rounding) && Math.Abs(row.Sum() - 1) < Rounding);
        int[] labels = [.. scores.Select(row => TensorPrimitives.IndexOfMax(row))];
        var histogram = new int[classes];
        foreach (int label in labels) histogram[label]++;
        double[] entropy = new double[labels.Length], probability = new double[labels.Length];
        for (int i = 0; i < labels.Length; i++)
        {
            float[] row = areProbabilities ? scores[i] : Softmax(scores[i]);
            (entropy[i], probability[i]) = (EntropyOf(row.Select(p => (double)p)) / Math.Log(classes), row[labels[i]]);
        }
        double diversity = labels.Length == 1 ? 1 : EntropyOf(histogram.Select(count => (double)count / labels.Length)) / ExpectedEntropy(labels.Length, classes);
        return new Predictions(labels, probability, entropy, new PredictionSummary(labels.Length, entropy.Average(), diversity, histogram));
    }

    /// <summary>Share of images that both take for the same.</summary>
    public double AgreementWith(Predictions other) => (double)Class.Zip(other.Class).Count(pair => pair.First == pair.Second) / Class.Length;

    /// <summary>Expected entropy of the histogram of n even draws from C classes: −C·Σ_k P(k)·(k/n)·ln(k/n), k binomial (n, 1/C).</summary>
    internal static double ExpectedEntropy(int images, int classes)
    {
        double sum = 0, logOdds = -Math.Log(classes - 1), logProbability = images * Math.Log(1 - (1.0 / classes));
        for (int k = 1; k <= images; k++)
        {
            logProbability += Math.Log((double)(images - k + 1) / k) + logOdds;
            double share = (double)k / images;
            sum -= Math.Exp(logProbability) * share * Math.Log(share);
        }
        return classes * sum;
    }

    private static double EntropyOf(IEnumerable<double> shares) => shares.Sum(share => share > 0 ? -share * Math.Log(share) : 0);

    private static float[] Softmax(float[] scores)
    {
        var probabilities = new float[scores.Length];
        TensorPrimitives.Subtract(scores, TensorPrimitives.Max<float>(scores), probabilities);
        TensorPrimitives.SoftMax<float>(probabilities, probabilities);
        return probabilities;
    }
}
