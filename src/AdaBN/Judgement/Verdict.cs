namespace AdaBN;

/// <summary>Whether to use the adapted model.</summary>
public enum VerdictKind
{
    /// <summary>Nothing could be judged: the model gives no class scores, or <see cref="AdaptationOptions.JudgementImages"/> is 0.</summary>
    NotJudged,

    /// <summary>Use the adapted model.</summary>
    Adapt,

    /// <summary>The set holds few of the classes, or some far more often: only part of the shift can be told from that. Better adapt on a set of all classes.</summary>
    AdaptPartly,

    /// <summary>Use the source model: there is nothing to gain here.</summary>
    KeepSource,

    /// <summary>Too few images to tell.</summary>
    NeedMoreImages,
}

/// <summary>
/// A judgement on an adaptation from what the models say of images drawn evenly from the set, labels unseen; or, where labelled samples were given, from
/// measured accuracy.
/// </summary>
/// <param name="Kind">The verdict.</param>
/// <param name="Reasons">What it rests on, in plain sentences.</param>
/// <param name="Source">The source model's predictions; null where nothing was judged.</param>
/// <param name="Adapted">Those of the model that the adaptation gives back.</param>
/// <param name="Agreement">Share of the drawn images that both take for the same, 0 to 1.</param>
public sealed record Verdict(VerdictKind Kind, IReadOnlyList<string> Reasons, PredictionSummary? Source = null, PredictionSummary? Adapted = null, double? Agreement = null)
{
    /// <summary>Accuracy on the labelled samples, where such were given.</summary>
    public MeasuredAccuracy? Measured { get; init; }
}

/// <summary>A model's predictions of the drawn images, in short.</summary>
/// <param name="Images">Number of images.</param>
/// <param name="Entropy">How unsure the model is: mean entropy of its probabilities over its largest value; 0 always sure, 1 never.</param>
/// <param name="Diversity">Entropy of <paramref name="Histogram"/> over what as many images, drawn evenly from all classes, would give on average; 0 one class only, about 1 all alike.</param>
/// <param name="Histogram">Images predicted as each class.</param>
public sealed record PredictionSummary(int Images, double Entropy, double Diversity, IReadOnlyList<int> Histogram);

/// <summary>A share and its 95 % interval.</summary>
/// <param name="Value">The share, 0 to 1.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public sealed record Estimate(double Value, double Low, double High);

/// <summary>Accuracy on labelled samples, source and adapted model on the same ones.</summary>
/// <param name="Samples">Number of samples.</param>
/// <param name="Source">The source model's (Wilson's interval).</param>
/// <param name="Adapted">The adapted model's.</param>
/// <param name="Change">Adapted less source; the interval is that of paired differences (normal, half a sample added to each of the four outcomes: Agresti and Min 2005).</param>
public sealed record MeasuredAccuracy(int Samples, Estimate Source, Estimate Adapted, Estimate Change);
