using AdaBN.TestSupport;

namespace AdaBN.Mpi.Tests;

/// <summary>Random pictures in the shape of the shipped model's; up to 600 different ones.</summary>
internal static class Digits
{
    private const int Different = 600, Pixels = 28 * 28;

    /// <summary>Writes them and gives the file's path.</summary>
    /// <param name="path">A .npy file.</param>
    /// <param name="samples">Their number.</param>
    /// <param name="seed">Tells sets apart.</param>
    /// <param name="spoilt">One that gets a NaN.</param>
    public static string Write(string path, int samples, int seed, int? spoilt = null)
    {
        var random = new Random(seed);
        float[] some = [.. Enumerable.Range(0, Math.Min(samples, Different) * Pixels).Select(_ => random.NextSingle() * random.NextSingle())], pixels = new float[samples * Pixels];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = some[i % some.Length];
        if (spoilt is { } sample) pixels[sample * Pixels] = float.NaN;
        Npy.Write(path, pixels, samples, 1, 28, 28);
        return path;
    }
}
