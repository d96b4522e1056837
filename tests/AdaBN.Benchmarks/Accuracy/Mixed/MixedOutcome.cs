namespace AdaBN.Benchmarks.Accuracy.Mixed;

/// <summary>What was found in a set, and what adapting to it did.</summary>
/// <param name="Model">The classifier.</param>
/// <param name="Set">The set.</param>
/// <param name="Clusters">Number of clusters found.</param>
/// <param name="Purity">Share of rows in a cluster of mostly their own domain.</param>
/// <param name="Scores">A policy each; of a set of one domain, those of a wrong split.</param>
internal sealed record MixedOutcome(string Model, MixedRows Set, int Clusters, double Purity, IReadOnlyList<MixedScore> Scores)
{
    public MixedScore Of(string policy) => Scores.Single(score => score.Policy == policy);
}

/// <summary>Whether each row was classified rightly by the source model, and by models with the statistics of the mixture, of each cluster, of each domain.</summary>
internal sealed record MixedScore(string Policy, bool[] Source, bool[] Mixture, bool[] Clusters, bool[] Given)
{
    public double Gain => Share(Clusters) - Share(Mixture);

    public double GivenGain => Share(Given) - Share(Mixture);

    public static double Share(bool[] right) => (double)right.Count(isRight => isRight) / right.Length;
}
