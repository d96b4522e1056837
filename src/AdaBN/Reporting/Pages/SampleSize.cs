namespace AdaBN.Reporting.Pages;

/// <summary>Whether there were enough images.</summary>
/// <param name="StandardError">Of the shift, in the layer where it is least sure.</param>
/// <param name="Images">Images measured.</param>
/// <param name="Layers">How many layers there are.</param>
/// <param name="SureLayers">In how many of them the shift exceeds <see cref="LayerShift.SureErrors"/> standard errors.</param>
/// <param name="Wanted">What it would take to be surer: errors go with one over the square root of the number of images.</param>
internal sealed record SampleSize(double StandardError, long Images, int Layers, int SureLayers, IReadOnlyList<ImagesFor> Wanted)
{
    private static readonly double[] Errors = [0.1, 0.05, 0.02, 0.01];

    public static SampleSize Of(IReadOnlyList<PageLayer> layers, long images)
    {
        double worst = layers.Max(layer => layer.StandardError);
        return new SampleSize(worst, images, layers.Count, layers.Count(layer => layer.IsSure), [.. Errors.Select(error => new ImagesFor(error, Math.Ceiling(images * Math.Pow(worst / error, 2))))]);
    }
}

/// <summary>How many images a standard error takes.</summary>
internal sealed record ImagesFor(double StandardError, double Images);
