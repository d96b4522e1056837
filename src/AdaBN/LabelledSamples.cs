namespace AdaBN;

/// <summary>A few samples of the target domain whose class is known: <see cref="Verdict"/> then rests on measured accuracy. No statistics are taken from them.</summary>
/// <param name="Samples">The samples, with the inputs of those that are adapted to.</param>
/// <param name="Labels">The class of each, the place of its score in the model's output, from 0.</param>
public sealed record LabelledSamples(ISampleSource Samples, IReadOnlyList<int> Labels);
