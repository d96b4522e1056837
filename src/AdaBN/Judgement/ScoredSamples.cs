namespace AdaBN;

/// <summary>What a model says of each of some samples.</summary>
/// <param name="ModelSha256">SHA-256 of the model's file, in lower-case hex.</param>
/// <param name="Domain">The id that a bank of domains scored all of them with; null for other models.</param>
/// <param name="Scores">The model's output, a row of one score a class for each sample.</param>
/// <param name="Predicted">The class of the highest score.</param>
/// <param name="Probability">Its probability: the score itself where all rows add up to 1, else softmax of them.</param>
/// <param name="Summary">The same in short.</param>
public sealed record ScoredSamples(
    string ModelSha256, long? Domain, IReadOnlyList<IReadOnlyList<float>> Scores, IReadOnlyList<int> Predicted, IReadOnlyList<double> Probability, PredictionSummary Summary);
