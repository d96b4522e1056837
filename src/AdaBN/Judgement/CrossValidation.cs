namespace AdaBN.Judgement;

/// <summary>
/// Choosing among models by labelled samples, and what that is worth. Who chooses by accuracy and reports the same accuracy flatters the choice; so
/// each sample is judged by the model that all other folds would choose (Stone 1974).
/// </summary>
internal static class CrossValidation
{
    /// <summary>The model that classifies most of the samples that count rightly; the first of equals.</summary>
    /// <param name="labels">The class of each sample.</param>
    /// <param name="models">What each model takes each sample for.</param>
    /// <param name="counts">Which samples count.</param>
    public static int Best(IReadOnlyList<int> labels, IReadOnlyList<int[]> models, Func<int, bool> counts)
    {
        int[] samples = [.. Enumerable.Range(0, labels.Count).Where(counts)];
        return Enumerable.Range(0, models.Count).MaxBy(model => samples.Count(i => models[model][i] == labels[i]));
    }

    /// <summary>What each sample is taken for by the model that is best on the other folds; every so many-th sample makes a fold.</summary>
    public static int[] Predict(IReadOnlyList<int> labels, IReadOnlyList<int[]> models, int folds)
    {
        int[] best = [.. Enumerable.Range(0, folds).Select(fold => Best(labels, models, i => i % folds != fold))];
        return [.. labels.Select((_, i) => models[best[i % folds]][i])];
    }
}
