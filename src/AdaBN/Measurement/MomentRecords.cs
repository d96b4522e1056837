using AdaBN.Distributed;

namespace AdaBN.Measurement;

/// <summary>Moments as bytes, every bit kept.</summary>
internal static class MomentRecords
{
    public static void Write(BinaryWriter writer, ChannelMoments moments)
    {
        writer.Write(moments.Count);
        writer.Write(moments.Images);
        foreach (double[] numbers in (double[][])[moments.Mean, moments.M2, moments.MeanSpread, moments.CrossSpread, moments.SquareSpread]) Records.Write(writer, numbers);
        writer.Write(moments.PerImage?.Count ?? -1);
        foreach (ChannelStatistics image in moments.PerImage ?? [])
        {
            Records.Write(writer, [.. image.Mean]);
            Records.Write(writer, [.. image.Variance]);
        }
    }

    public static ChannelMoments Read(BinaryReader reader)
    {
        var moments = new ChannelMoments(reader.ReadInt64(), Images: reader.ReadInt64(), Mean: Records.ReadNumbers(reader), M2: Records.ReadNumbers(reader),
            MeanSpread: Records.ReadNumbers(reader), CrossSpread: Records.ReadNumbers(reader), SquareSpread: Records.ReadNumbers(reader));
        int images = reader.ReadInt32();
        return images < 0 ? moments : moments with { PerImage = [.. Images(reader, images)] };
    }

    private static IEnumerable<ChannelStatistics> Images(BinaryReader reader, int images)
    {
        for (int i = 0; i < images; i++) yield return new ChannelStatistics(Records.ReadNumbers(reader), Records.ReadNumbers(reader));
    }
}
