using System.Globalization;
using AdaBN.Discovery;

namespace AdaBN.Forms;

/// <summary>What a user should know about layers that a BatchNormalization was folded into, and about the reference.</summary>
internal static class FoldedFindings
{
    private const int FewSamples = 64;

    /// <param name="survey">The source model as it was found.</param>
    /// <param name="reference">The reference used, or null.</param>
    /// <param name="adapted">The adapted layers.</param>
    public static IEnumerable<string> Of(FormSurvey survey, ReferenceStatistics? reference, IReadOnlyList<BatchNormLayer> adapted)
    {
        if (reference?.IsOfInputsOnly(survey.Copy) != false)
        {
            int looksFolded = survey.LooksFolded.Count();
            if (looksFolded > 0)
            {
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"{looksFolded} layers look as if a BatchNormalization had been folded into them and stay as they are: their source statistics are not in the file. ") +
                    "Measure them on source images ('adabn reference', ReferenceStatistics.Measure), or export the model with BatchNormalization kept, to adapt them too.";
            }
        }
        else
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"{adapted.Count(layer => layer.Info.IsFolded)} of {adapted.Count} layers had their BatchNormalization folded in; they are adapted against statistics measured on {reference.Samples} source images.");
            foreach (var alike in survey.NotFolded.Where(layer => reference.Find(layer.Output.Name) is null).GroupBy(layer => layer.NotFoldedBecause))
                yield return $"Left as it is: {string.Join(", ", alike.Select(layer => $"{layer.Node.OpType} '{layer.Node.DisplayName}'"))}, since {alike.Key}.";
        }
        if (reference is null) yield break;
        if (reference.Samples < FewSamples)
            yield return string.Create(CultureInfo.InvariantCulture, $"The reference comes from {reference.Samples} images only; {FewSamples} or more make its statistics sure.");
        foreach (ReferenceLayer layer in adapted.Select(layer => reference.Find(layer.Output)).OfType<ReferenceLayer>())
        {
            int dead = layer.Variance.Count(variance => variance == 0);
            if (dead > 0)
            {
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"Layer '{layer.Name}': {dead} of {layer.Mean.Count} channels did not vary at all on the source domain; they are kept close to what they were there, since nothing tells how strong they should be.");
            }
        }
    }
}
