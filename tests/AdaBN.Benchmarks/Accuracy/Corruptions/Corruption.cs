using AdaBN.Benchmarks.Accuracy.Data;

namespace AdaBN.Benchmarks.Accuracy.Corruptions;

/// <summary>
/// A corruption of CIFAR-10-C (Hendrycks and Dietterich 2019, arXiv 1903.12261), implemented anew from its published definition and constants:
/// near the published files, not the same. Left out: frost and spatter (outside pictures, OpenCV's filters), elastic transform.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Distort">A picture at a severity from 1 to 5.</param>
internal sealed record Corruption(string Name, Func<float[], int, Draws, float[]> Distort)
{
    private static readonly SnowSettings[] _snow =
    [
        new(0.1, 0.2, 1, 0.6, 8, 3, 0.95f), new(0.1, 0.2, 1, 0.5, 10, 4, 0.9f), new(0.15, 0.3, 1.75, 0.55, 10, 4, 0.9f),
        new(0.25, 0.3, 2.25, 0.6, 12, 6, 0.85f), new(0.3, 0.3, 1.25, 0.65, 14, 12, 0.8f),
    ];

    public static IReadOnlyList<Corruption> All { get; } =
    [
        new("gaussian noise", (picture, severity, draws) => Noise.Gaussian(picture, Of(severity, 0.04, 0.06, 0.08, 0.09, 0.1), draws)),
        new("shot noise", (picture, severity, draws) => Noise.Shot(picture, Of(severity, 500, 250, 100, 75, 50), draws)),
        new("impulse noise", (picture, severity, draws) => Noise.Impulse(picture, Of(severity, 0.01, 0.02, 0.03, 0.05, 0.07), draws)),
        new("speckle noise", (picture, severity, draws) => Noise.Speckle(picture, Of(severity, 0.06, 0.1, 0.12, 0.16, 0.2), draws)),
        new("defocus blur", (picture, severity, _) => Blur.Defocus(picture, Of(severity, 0.3, 0.4, 0.5, 1, 1.5), Of(severity, 0.4, 0.5, 0.6, 0.2, 0.1))),
        new("gaussian blur", (picture, severity, _) => Blur.Gaussian(picture, Of(severity, 0.4, 0.6, 0.7, 0.8, 1))),
        new("glass blur", (picture, severity, draws) => Blur.Glass(picture, Of(severity, 0.05, 0.25, 0.4, 0.25, 0.4), 1, Of(severity, 1, 1, 1, 2, 2), draws)),
        new("motion blur", (picture, severity, draws) => Blur.Motion(picture, Of(severity, 6, 6, 6, 8, 9), Of(severity, 1, 1.5, 2, 2, 2.5), draws.Uniform(-45, 45))),
        new("zoom blur", (picture, severity, _) => Blur.Zoom(picture, Of(severity, 7, 12, 16, 21, 26))),
        new("fog", (picture, severity, draws) => Weather.Fog(picture, Of(severity, 0.2, 0.5, 0.75, 1, 1.5), Of(severity, 3, 3, 2.5, 2, 1.75), draws)),
        new("snow", (picture, severity, draws) => Weather.Snow(picture, Of(severity, _snow), draws)),
        new("brightness", (picture, severity, _) => Colour.Brightness(picture, Of(severity, 0.05f, 0.1f, 0.15f, 0.2f, 0.3f))),
        new("contrast", (picture, severity, _) => Colour.Contrast(picture, Of(severity, 0.75f, 0.5f, 0.4f, 0.3f, 0.15f))),
        new("saturate", (picture, severity, _) => Colour.Saturate(picture, Of(severity, 0.3f, 0.1f, 1.5f, 2, 2.5f), Of(severity, 0, 0, 0, 0.1f, 0.2f))),
        new("pixelate", (picture, severity, _) => Digital.Pixelate(picture, Of(severity, 0.95, 0.9, 0.85, 0.75, 0.65))),
        new("jpeg", (picture, severity, _) => Jpeg.Compress(picture, Of(severity, 80, 65, 58, 50, 40))),
    ];

    public static Corruption Named(string name) => All.Single(corruption => corruption.Name == name);

    /// <summary>All pictures, each with random numbers of its own: the same whatever is computed beside it.</summary>
    public LabelledImages Apply(LabelledImages clean, int severity)
    {
        var corrupted = new float[clean.Count][];
        Parallel.For(0, clean.Count, i => corrupted[i] = Apply(clean.Images[i], severity, i));
        return clean with { Images = corrupted };
    }

    public float[] Apply(float[] picture, int severity, int index)
    {
        ulong seed = Name.Aggregate((ulong)severity, (sum, letter) => (sum * 31) + letter);
        return Picture.Quantized(Distort(picture, severity, new Draws((seed << 20) + (ulong)index)));
    }

    private static T Of<T>(int severity, params T[] constants) => constants[severity - 1];
}
