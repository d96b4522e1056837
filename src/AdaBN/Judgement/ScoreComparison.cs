namespace AdaBN;

/// <summary>What two models say of the same samples.</summary>
/// <param name="Samples">The samples.</param>
/// <param name="Same">Samples that both take for the same class.</param>
/// <param name="Agreement">Their share.</param>
/// <param name="Largest">Largest absolute difference of two scores.</param>
/// <param name="Mean">Mean absolute difference over all scores.</param>
/// <param name="LargestSample">The sample where they lie farthest apart, from 0.</param>
/// <param name="First">The first model's predictions in short.</param>
/// <param name="Second">The second's.</param>
public sealed record ScoreComparison(int Samples, int Same, double Agreement, double Largest, double Mean, int LargestSample, PredictionSummary First, PredictionSummary Second)
{
    /// <summary>Compares the scores of two models.</summary>
    /// <param name="first">The first model's.</param>
    /// <param name="second">The second's, of the same samples in the same order.</param>
    /// <exception cref="AdaptationException">They have other samples, or other classes.</exception>
    public static ScoreComparison Of(ScoredSamples first, ScoredSamples second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.Scores.Count != second.Scores.Count || first.Scores[0].Count != second.Scores[0].Count)
        {
            throw new AdaptationException(AdaptationError.InputMismatch, FormattableString.Invariant(
                $"The models score {first.Scores.Count} and {second.Scores.Count} samples in {first.Scores[0].Count} and {second.Scores[0].Count} classes; only scores of the same samples and classes can be compared."));
        }
        double[][] distances = [.. first.Scores.Zip(second.Scores, (a, b) => a.Zip(b, (x, y) => Math.Abs((double)x - y)).ToArray())];
        int same = first.Predicted.Zip(second.Predicted).Count(pair => pair.First == pair.Second), count = distances.Length;
        (int farthest, double largest) = distances.Select(row => row.Max()).Index().MaxBy(row => row.Item);
        return new ScoreComparison(count, same, (double)same / count, largest, distances.Average(row => row.Average()), farthest, first.Summary, second.Summary);
    }
}
