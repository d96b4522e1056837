namespace AdaBN.Benchmarks.Scale;

/// <summary>
/// How long P ranks, one processor each, take for N images: T = fixed + compare + image · N/P + stages · (P − 1) · (latency + B · (exchange + work)), where B, the bytes that a rank gives a stage, are the
/// records of at most 2·log₂(N/P/64) nodes of the tree that merges moments. Compute is measured, the exchange between few ranks too; that it grows with P − 1 is the model.
/// </summary>
/// <param name="FixedMs">Of an adaptation, whatever the number of images: reading the model, planning, opening sessions.</param>
/// <param name="CompareMs">Of ranks comparing themselves; none where there is one.</param>
/// <param name="ImageMs">Of an image on one processor, all stages together.</param>
/// <param name="Stages">Merges.</param>
/// <param name="NodeBytes">Bytes of a node's record, mean over the stages.</param>
/// <param name="LatencyMs">Of an exchange, for each further rank.</param>
/// <param name="ByteMs">Of a byte received.</param>
/// <param name="WorkMs">Of reading and merging a byte received.</param>
internal sealed record CostModel(double FixedMs, double CompareMs, double ImageMs, int Stages, double NodeBytes, double LatencyMs, double ByteMs, double WorkMs)
{
    private const int Shard = 64;

    public double Ms(double images, int ranks) => FixedMs + (ranks > 1 ? CompareMs : 0) + (ImageMs * images / ranks) + MergeMs(images, ranks);

    /// <summary>Weak scaling: the time of one rank with so many images over that of all ranks with as many each.</summary>
    public double Efficiency(double imagesOfARank, int ranks) => Ms(imagesOfARank, 1) / Ms(imagesOfARank * ranks, ranks);

    public double MergeMs(double images, int ranks) => Stages * (ranks - 1) * (LatencyMs + (Bytes(images / ranks) * (ByteMs + WorkMs)));

    private double Bytes(double imagesOfARank) => NodeBytes * Math.Max(1, 2 * Math.Floor(Math.Log2(imagesOfARank / Shard)));
}
