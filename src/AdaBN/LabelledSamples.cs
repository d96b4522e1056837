using System.Globalization;

namespace AdaBN;

/// <summary>A few samples of the target domain whose class is known: <see cref="Verdict"/> then rests on measured accuracy. No statistics are taken from them.</summary>
/// <param name="Samples">The samples, with the inputs of those that are adapted to.</param>
/// <param name="Labels">The class of each, the place of its score in the model's output, from 0.</param>
public sealed record LabelledSamples(ISampleSource Samples, IReadOnlyList<int> Labels)
{
    /// <exception cref="AdaptationException">There turned out to be more or fewer samples than labels.</exception>
    internal void CheckCount(long read)
    {
        if (read != Labels.Count)
            throw new AdaptationException(AdaptationError.InputMismatch, string.Create(CultureInfo.InvariantCulture, $"There are {read} labelled samples and {Labels.Count} labels; expected as many."));
    }

    /// <exception cref="AdaptationException">A label is no class of the model's.</exception>
    internal void CheckLabels(int classes)
    {
        int sample = Labels.TakeWhile(label => label >= 0 && label < classes).Count();
        if (sample < Labels.Count)
            throw new AdaptationException(AdaptationError.InputMismatch, string.Create(CultureInfo.InvariantCulture, $"A label is {Labels[sample]}, but the model has {classes} classes; expected 0 to {classes - 1} (sample {sample}, counting from 0)."));
    }
}
