using System.Numerics.Tensors;

namespace AdaBN.Input;

/// <summary>
/// How many independent images a sequence is worth, its neighbours being alike as in a film: n / (1 + 2·Σ ρ(k)) (Bayley and Hammersley 1946,
/// "The 'effective' number of independent observations in an autocorrelated time series"). Taken in as the samples are read, one after another:
/// neither batches nor workers matter.
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
internal sealed class NeighbourResemblance(IReadOnlyList<SampleInput> inputs)
{
    private const int Lags = 64, Stretches = 64, FewestImages = 8;
    private const double LeastContinuity = 0.75;

    private readonly Track[] _tracks = [.. inputs.Select(input => new Track(Math.Min(Stretches, input.Length)))];
    private long _images;

    public void Add(IReadOnlyList<Memory<float>> sample)
    {
        for (int i = 0; i < _tracks.Length; i++) _tracks[i].Add(sample[i].Span, _images);
        _images++;
    }

    /// <summary>Between 1 and the number of images.</summary>
    public double EffectiveImages()
    {
        int lags = (int)Math.Min(Lags, _images / 2);
        if (_images < FewestImages) return _images;
        double[] farApart = [.. _tracks.Select(track => Enumerable.Range(lags / 2, lags - (lags / 2)).Average(lag => track.Variation(lag, _images)))];
        if (farApart.All(variation => variation == 0)) return 1; // one image, again and again
        double Resemblance(int lag) => 1 - _tracks.Zip(farApart).Where(track => track.Second != 0).Average(track => track.First.Variation(lag, _images) / track.Second);

        bool isContinuous = (2 * Resemblance(1)) - Resemblance(2) > LeastContinuity; // not a number, so false, where squares overflow
        if (!isContinuous) return _images;
        double common = Enumerable.Range(1, (lags / 2) - 1).Select(Resemblance).TakeWhile(resemblance => resemblance > 2 / Math.Sqrt(_images)).Sum();
        return _images / (1 + (2 * common));
    }

    /// <summary>One input's last images and the sums of their squared distances, by lag.</summary>
    private sealed class Track(int stretches)
    {
        private readonly double[][] _last = [.. Enumerable.Range(0, Lags).Select(_ => new double[stretches])];
        private readonly double[] _squares = new double[Lags];

        public void Add(ReadOnlySpan<float> values, long image)
        {
            double[] means = _last[image % Lags];
            for (int i = 0, start = 0; i < stretches; i++)
            {
                int end = (int)((long)values.Length * (i + 1) / stretches);
                means[i] = TensorPrimitives.Sum(values[start..end]) / (double)(end - start);
                start = end;
            }
            for (int lag = 1; lag < Math.Min(Lags, image + 1); lag++)
            {
                double distance = TensorPrimitives.Distance<double>(means, _last[(image - lag) % Lags]);
                _squares[lag] += distance * distance;
            }
        }

        public double Variation(int lag, long images) => 0.5 * _squares[lag] / (images - lag);
    }
}
