namespace AdaBN.Measurement;

/// <summary>Uncentred second moments of a layer's features, Σ x·xᵀ over images and positions: the sum of Gram matrices. Immutable.</summary>
/// <param name="Count">Positions of all images.</param>
/// <param name="Sums">The lower triangle, row by row.</param>
internal sealed record SecondMoments(long Count, double[] Sums)
{
    public static SecondMoments Merge(SecondMoments a, SecondMoments b) => new(checked(a.Count + b.Count), [.. a.Sums.Zip(b.Sums, (x, y) => x + y)]);

    /// <summary>‖A − B‖² / ‖A‖², Frobenius norms of the mean Gram matrices; 0 where both are.</summary>
    public static double RelativeSquaredDistance(SecondMoments a, SecondMoments b)
    {
        double distance = 0, size = 0;
        for (int i = 0, row = 0; row < a.Sums.Length; row += ++i)
        {
            for (int j = 0; j <= i; j++)
            {
                int both = i == j ? 1 : 2; // the upper triangle is the lower one
                double own = a.Sums[row + j] / a.Count, difference = own - (b.Sums[row + j] / b.Count);
                distance += both * difference * difference;
                size += both * own * own;
            }
        }
        return distance == 0 ? 0 : distance / size;
    }
}

/// <summary>Adds numbered chunks in their order, whenever and from whichever thread they come: the same bits for any number of workers.</summary>
internal sealed class SecondMomentSum
{
    private readonly Dictionary<int, SecondMoments> _early = [];
    private double[]? _sums;
    private long _count;
    private int _next;

    public void Add(int chunk, SecondMoments moments)
    {
        lock (_early)
        {
            _early.Add(chunk, moments);
            for (; _early.Remove(_next, out SecondMoments? next); _next++)
            {
                _count = checked(_count + next.Count);
                if (_sums is null) _sums = next.Sums;
                else for (int i = 0; i < _sums.Length; i++) _sums[i] += next.Sums[i];
            }
        }
    }

    public SecondMoments Total() => new(_count, _sums!);
}
