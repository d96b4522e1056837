using System.Numerics;

namespace AdaBN.Planning;

/// <summary>
/// Samples a batch, where model and user leave it open: small enough for its tensors to stay in the cache, large enough to use weights
/// more than once, and so many batches that workers end together. Never a matter of the number of workers: it decides the last bits of
/// the result.
/// </summary>
internal static class BatchSizing
{
    private const int Irregular = 32, Largest = 64, BatchesAtLeast = 16;
    private const long BatchBytes = 1 << 20;

    /// <param name="asked">The size that the model or the user fixes, or null.</param>
    /// <param name="canRegroup">Whether stages may differ; where not, shapes say nothing.</param>
    /// <param name="sampleBytes">Bytes of a sample of the largest tensor that the stage reads.</param>
    /// <param name="samples">Number of samples where it is known.</param>
    public static int RowsOf(int? asked, bool canRegroup, long sampleBytes, long? samples)
    {
        if (asked is { } rows) return rows;
        if (!canRegroup) return Irregular;
        long fitting = Math.Clamp(BatchBytes / Math.Max(1, sampleBytes), 1, Largest);
        if (samples is { } known) fitting = Math.Clamp(known / BatchesAtLeast, 1, fitting);
        return 1 << BitOperations.Log2((uint)fitting);
    }
}
