using System.Numerics.Tensors;
using AdaBN.Distributed;

namespace AdaBN.Input;

/// <summary>
/// How many independent images a sequence is worth, its neighbours being alike as in a film: n / (1 + 2·Σ ρ(k)) (Bayley and Hammersley 1946,
/// "The 'effective' number of independent observations in an autocorrelated time series"). Taken in as the samples are read, one after another:
/// neither batches nor workers matter. Squares are summed by shard of the set and then as moments are, so that processes that read a part each come to the same bits.
/// </summary>
/// <remarks>
/// An image is known by the means of 64 equal stretches of its tensor. V(k) is half the mean square distance of images k apart, S the mean V of the
/// farther half of the lags looked at (below 64, and below half of the images), ρ(k) = 1 − V(k)/S. Differences, not products around a common mean, so
/// that what changes over longer stretches (light that drifts, classes in a sorted set) takes no part. Summed are lags of the nearer half up to
/// the first that cannot be told from none: ρ ≤ 2/√n, twice what chance leaves (Bartlett 1946).
/// A set sorted by class is not poorer for its order, and images of a class have something in common at any distance; films and repeats have all in
/// common where the distance goes to 0. So only where ρ(0), carried on from ρ(1) and ρ(2) as 2ρ(1) − ρ(2), is above ¾ is anything summed: it is 1 for
/// repeats, 1 − (1 − a)² where ρ(k) = aᵏ, and the share that classes have in the variance where the set is sorted (up to 0.6 for digits).
/// Images alike over more than 32 are counted as at least n/64.
/// </remarks>
/// <param name="inputs">The tensors of each sample.</param>
/// <param name="share">The part of the set that comes here, after its halo.</param>
internal sealed class NeighbourResemblance(IReadOnlyList<SampleInput> inputs, Share share)
{
    private const int Lags = 64, Stretches = 64, FewestImages = 8;
    private const double LeastContinuity = 0.75;

    private readonly Track[] _tracks = [.. inputs.Select(input => new Track(Math.Min(Stretches, input.Length)))];
    private MergeTree<NeighbourSums> _shards = new(NeighbourSums.Merge);
    private NeighbourSums _shard = NeighbourSums.None(inputs.Count, Lags);
    private long _seen;

    public void Add(IReadOnlyList<Memory<float>> sample)
    {
        for (int i = 0; i < _tracks.Length; i++) _tracks[i].Add(sample[i].Span, _seen, _seen < share.Halo ? null : _shard.Squares[i]);
        if (_seen++ < share.Halo) return;
        for (int lag = 1; lag < Math.Min(Lags, _seen); lag++) _shard.Pairs[lag]++;
        _shard.Pairs[0]++; // images
        if (_shard.Pairs[0] == share.ShardRows) EndShard();
    }

    /// <summary>To be called once, after the last sample: what other processes have read is counted in.</summary>
    public void Complete(CancellationToken cancellationToken)
    {
        if (_shard.Pairs[0] > 0) EndShard();
        share.Ranks?.Merge([_shards], NeighbourSums.Write, NeighbourSums.Read, cancellationToken);
    }

    /// <summary>A digest of all sums, in which each image has a part, and its place.</summary>
    public string Fingerprint() => Ranks.Digest(ToBytes());

    /// <summary>The sums of the whole set, once complete.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        if (_shards.Nodes.Count > 0) NeighbourSums.Write(writer, _shards.Total());
        return bytes.ToArray();
    }

    /// <summary>Takes the sums of the whole set in the place of those of the samples that came here.</summary>
    public void Restore(byte[] sums)
    {
        using var reader = new BinaryReader(new MemoryStream(sums, writable: false));
        _shards = new MergeTree<NeighbourSums>(NeighbourSums.Merge);
        _shards.Add(0, NeighbourSums.Read(reader));
    }

    private void EndShard()
    {
        _shards.Add(share.FirstShard + ((_seen - share.Halo - 1) / share.ShardRows), _shard);
        _shard = NeighbourSums.None(inputs.Count, Lags);
    }

    /// <summary>Between 1 and the number of images, once that is complete.</summary>
    public double EffectiveImages()
    {
        if (_shards.Nodes.Count == 0) return 0;
        NeighbourSums all = _shards.Total();
        long images = all.Pairs[0];
        int lags = (int)Math.Min(Lags, images / 2);
        if (images < FewestImages) return images;
        double[] farApart = [.. all.Squares.Select((_, input) => Enumerable.Range(lags / 2, lags - (lags / 2)).Average(lag => all.Variation(input, lag)))];
        if (farApart.All(variation => variation == 0)) return 1; // one image, again and again
        double Resemblance(int lag) => 1 - farApart.Index().Where(input => input.Item != 0).Average(input => all.Variation(input.Index, lag) / input.Item);

        bool isContinuous = (2 * Resemblance(1)) - Resemblance(2) > LeastContinuity; // not a number, so false, where squares overflow
        if (!isContinuous) return images;
        double common = Enumerable.Range(1, (lags / 2) - 1).Select(Resemblance).TakeWhile(resemblance => resemblance > 2 / Math.Sqrt(images)).Sum();
        return images / (1 + (2 * common));
    }

    /// <summary>One input's last images.</summary>
    private sealed class Track(int stretches)
    {
        private readonly double[][] _last = [.. Enumerable.Range(0, Lags).Select(_ => new double[stretches])];

        public void Add(ReadOnlySpan<float> values, long image, double[]? squares)
        {
            double[] means = _last[image % Lags];
            for (int i = 0, start = 0; i < stretches; i++)
            {
                int end = (int)((long)values.Length * (i + 1) / stretches);
                means[i] = TensorPrimitives.Sum(values[start..end]) / (double)(end - start);
                start = end;
            }
            for (int lag = 1; lag < Math.Min(Lags, image + 1) && squares is not null; lag++)
            {
                double distance = TensorPrimitives.Distance<double>(means, _last[(image - lag) % Lags]);
                squares[lag] += distance * distance;
            }
        }
    }
}

/// <summary>Of images a lag apart: how many pairs, and for each input the sum of their squared distances. Lag 0 counts the images.</summary>
internal sealed record NeighbourSums(long[] Pairs, double[][] Squares)
{
    public static NeighbourSums None(int inputs, int lags) => new(new long[lags], [.. Enumerable.Range(0, inputs).Select(_ => new double[lags])]);

    public static NeighbourSums Merge(NeighbourSums a, NeighbourSums b) =>
        new([.. a.Pairs.Zip(b.Pairs, (x, y) => x + y)], [.. a.Squares.Zip(b.Squares, (x, y) => x.Zip(y, (one, other) => one + other).ToArray())]);

    public static void Write(BinaryWriter writer, NeighbourSums sums)
    {
        writer.Write(sums.Squares.Length);
        Records.Write(writer, [.. sums.Pairs.Select(pairs => (double)pairs)]);
        foreach (double[] squares in sums.Squares) Records.Write(writer, squares);
    }

    public static NeighbourSums Read(BinaryReader reader)
    {
        int inputs = reader.ReadInt32();
        return new NeighbourSums([.. Records.ReadNumbers(reader).Select(pairs => (long)pairs)], [.. Enumerable.Range(0, inputs).Select(_ => Records.ReadNumbers(reader))]);
    }

    /// <summary>Half the mean square distance.</summary>
    public double Variation(int input, int lag) => 0.5 * Squares[input][lag] / Pairs[lag];
}
