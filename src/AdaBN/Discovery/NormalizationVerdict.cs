using System.Globalization;
using AdaBN.Onnx.Ops;

namespace AdaBN;

/// <summary>What an adaptation would make of a model, in a plain sentence or two.</summary>
public static class NormalizationVerdict
{
    internal const string PixelsInstead = "Without BatchNormalization its pixels can be aligned instead, channel by channel: measure them on source images ('adabn reference --pixels', ReferenceStatistics.MeasurePixels) and adapt with that reference.";

    /// <summary>Judges the normalizations that <see cref="NormalizationDiscovery.Inspect"/> lists.</summary>
    public static string Of(IReadOnlyList<NormalizationLayer> layers)
    {
        ArgumentNullException.ThrowIfNull(layers);
        layers = [.. layers.Where(layer => layer.IsNormalization)];
        int adaptable = layers.Count(layer => layer.CanAdapt), declined = layers.Count(layer => layer.Form == BatchNormalization.OpType && !layer.CanAdapt);
        int lost = layers.Count(layer => layer.IsFolded && !layer.CanAdapt);
        if (adaptable > 0)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{layers.Count} normalization layers, {adaptable} of them with statistics to re-estimate.")
                + (lost > 0 ? string.Create(CultureInfo.InvariantCulture, $" {lost} layer(s) look as if a BatchNormalization had been folded into them: with a reference ('adabn reference') they are adapted too.") : "")
                + (declined > 0 ? string.Create(CultureInfo.InvariantCulture, $" {declined} BatchNormalization layer(s) cannot be adapted: mend them, or leave them out to adapt the others.") : "");
        }
        if (declined > 0) return "No BatchNormalization layer of the model can be adapted as it stands; the reason is given with each.";
        string[] forms = [.. layers.Where(layer => layer.Form != "Affine" && !layer.IsFolded).Select(layer => layer.Form).Distinct()];
        int affine = layers.Count(layer => layer.Form == "Affine");
        const string kept = "export the model again with it kept, in PyTorch: torch.onnx.export(model.eval(), …, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False).";
        string folded = lost == 0 ? $"Exporters fold BatchNormalization into Conv by default; {kept}"
            : string.Create(CultureInfo.InvariantCulture, $"Exporters fold it into Conv by default, and {lost} layer(s) look as if that had been done to them. Either measure ") +
              $"what their outputs look like on images of the source domain ('adabn reference', ReferenceStatistics.Measure) and adapt with that reference, or {kept}";
        if (forms.Length > 0 && affine == 0 && lost == 0)
        {
            return $"The model has no BatchNormalization; it normalizes with {string.Join(", ", forms)}, whose statistics are those of each sample, computed anew each time. " +
                $"Nothing of the source domain stands in them, so there is nothing to re-estimate. (Should its network have BatchNormalization elsewhere: {char.ToLowerInvariant(folded[0])}{folded[1..]}) {PixelsInstead}";
        }
        return "The model has no BatchNormalization node, so there are no running statistics to re-estimate. " + (affine > 0
            ? string.Create(CultureInfo.InvariantCulture, $"It has {affine} scale-and-shift pair(s) that may be what is left of one; re-estimating these needs reference statistics of the source domain. ") : "") + $"{folded} {PixelsInstead}";
    }
}
