namespace AdaBN.Benchmarks.Accuracy.Data;

/// <summary>Images and what they show. Only scoring looks at the labels, and what makes skewed sets.</summary>
/// <param name="Images">Values 0 to 1, channel by channel.</param>
/// <param name="Labels">Class of each.</param>
internal sealed record LabelledImages(IReadOnlyList<float[]> Images, IReadOnlyList<int> Labels)
{
    public const int Classes = 10;

    public int Count => Images.Count;

    public static LabelledImages Of(IEnumerable<(float[] Image, int Label)> images)
    {
        (float[] Image, int Label)[] all = [.. images];
        return new LabelledImages([.. all.Select(one => one.Image)], [.. all.Select(one => one.Label)]);
    }

    public LabelledImages Take(IEnumerable<int> indices)
    {
        int[] taken = [.. indices];
        return new LabelledImages([.. taken.Select(index => Images[index])], [.. taken.Select(index => Labels[index])]);
    }

    /// <summary>Some of the images, all of them where there are fewer.</summary>
    public LabelledImages EvenlySpaced(int count) =>
        count >= Count ? this : Take(Enumerable.Range(0, count).Select(i => (int)((long)i * Count / count)));

    /// <summary>Classes by Zipf's law: the first class whole, of the next a half, then a third, and so on.</summary>
    public LabelledImages Zipf(int firstClass) => Take(
        Enumerable.Range(0, Classes).SelectMany(rank => Enumerable.Range(0, Count).Where(i => Labels[i] == (firstClass + rank) % Classes).Where((_, nth) => nth % (rank + 1) == 0)).Order());

    public LabelledImages SortedByClass() => Take(Enumerable.Range(0, Count).OrderBy(i => Labels[i]));

    public LabelledImages OneClass(int label) => Take(Enumerable.Range(0, Count).Where(i => Labels[i] == label));

    /// <summary>Every other image from another domain; both have the same images in the same order, or are simply cut to the shorter one.</summary>
    public LabelledImages MixedWith(LabelledImages other) => Of(
        Enumerable.Range(0, Math.Min(Count, other.Count)).Select(i => i % 2 == 0 ? (Images[i], Labels[i]) : (other.Images[i], other.Labels[i])));
}
