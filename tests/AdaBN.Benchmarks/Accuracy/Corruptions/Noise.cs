namespace AdaBN.Benchmarks.Accuracy.Corruptions;

/// <summary>Independent errors of single values.</summary>
internal static class Noise
{
    public static float[] Gaussian(float[] picture, double deviation, Draws draws) => Picture.Map(picture, value => value + (float)(deviation * draws.Normal()));

    /// <summary>Photons counted: so many at full brightness.</summary>
    public static float[] Shot(float[] picture, double photons, Draws draws) => Picture.Map(picture, value => (float)(draws.Poisson(value * photons) / photons));

    /// <summary>A share of the values is black or white instead.</summary>
    public static float[] Impulse(float[] picture, double share, Draws draws) =>
        Picture.Map(picture, value => draws.Uniform() >= share ? value : draws.Uniform() < 0.5 ? 0 : 1);

    public static float[] Speckle(float[] picture, double deviation, Draws draws) => Picture.Map(picture, value => value + (float)(value * deviation * draws.Normal()));
}
