using System.Numerics.Tensors;

namespace AdaBN.Judgement;

/// <summary>What a model takes some images for.</summary>
/// <param name="Classes">Number of classes.</param>
/// <param name="Class">The class of the highest score, an image each.</param>
/// <param name="Probabilities">Probability of each class, an image each: of scores that are none already, their softmax.</param>
internal sealed record Predictions(int Classes, int[] Class, float[][] Probabilities)
{
    private const float Rounding = 1e-3f;

    /// <summary>Reads a model's scores; null where they are no numbers to compare.</summary>
    public static Predictions? Of(float[][]? scores)
    {
        if (scores is not [{ Length: >= 2 } first, ..] || scores.Any(row => row.Length != first.Length || !row.All(float.IsFinite))) return null;
        bool areProbabilities = scores.All(row => row.All(score => score is >= 0 and <= 1 + Rounding) && Math.Abs(row.Sum() - 1) < Rounding);
        return new Predictions(first.Length, [.. scores.Select(row => TensorPrimitives.IndexOfMax(row))], areProbabilities ? scores : [.. scores.Select(Softmax)]);
    }

    /// <summary>How unsure the model is: mean entropy of the probabilities over its largest value; 0 always sure, 1 never.</summary>
    public double Entropy => Probabilities.Average(row => row.Sum(p => p > 0 ? -p * Math.Log(p) : 0)) / Math.Log(Classes);

    /// <summary>
    /// How many classes the model sees: entropy of the histogram of <see cref="Class"/> over that expected of as many images drawn evenly from all
    /// classes; 0 one class only, about 1 all alike.
    /// </summary>
    public double Diversity
    {
        get
        {
            double entropy = Class.CountBy(label => label).Sum(count => Share(count.Value) is var share ? -share * Math.Log(share) : 0);
            return Class.Length == 1 ? 1 : entropy / ExpectedEntropy(Class.Length, Classes);
            double Share(int count) => (double)count / Class.Length;
        }
    }

    /// <summary>Images of each class, from class 0.</summary>
    public int[] Histogram => [.. Enumerable.Range(0, Classes).Select(label => Class.Count(one => one == label))];

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

    private static float[] Softmax(float[] scores)
    {
        var probabilities = new float[scores.Length];
        TensorPrimitives.Subtract(scores, TensorPrimitives.Max<float>(scores), probabilities);
        TensorPrimitives.SoftMax<float>(probabilities, probabilities);
        return probabilities;
    }
}
