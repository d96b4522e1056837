namespace AdaBN.Benchmarks.Accuracy.Corruptions;

/// <summary>
/// Random numbers that a seed decides on every platform and version of .NET, seeds beside each other unrelated: SplitMix64 (Steele, Lea and Flood 2014).
/// </summary>
internal sealed class Draws(ulong seed)
{
    private ulong _state = seed * 0xD1342543DE82EF95;

    /// <summary>From 0 to below 1.</summary>
    public double Uniform()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }

    public double Uniform(double from, double to) => from + ((to - from) * Uniform());

    /// <summary>Standard normal, by Box and Muller.</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - Uniform())) * Math.Cos(2 * Math.PI * Uniform());

    /// <summary>By Knuth's product of uniforms, split so that it never underflows.</summary>
    public int Poisson(double mean)
    {
        const double most = 256;
        int count = 0;
        for (; mean > most; mean -= most) count += Poisson(most);
        double limit = Math.Exp(-mean);
        for (double product = Uniform(); product > limit; product *= Uniform()) count++;
        return count;
    }
}
