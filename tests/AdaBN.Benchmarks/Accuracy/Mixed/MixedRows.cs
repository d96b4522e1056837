namespace AdaBN.Benchmarks.Accuracy.Mixed;

/// <summary>A set whose rows come from one domain or several, without saying which.</summary>
/// <param name="Case">The row of the summary it counts in.</param>
/// <param name="Rows">Domain and number of each image.</param>
internal sealed record MixedRows(string Case, IReadOnlyList<(string Domain, int Image)> Rows)
{
    public string Name => string.Join(", ", Rows.Select(row => row.Domain).Distinct());

    /// <summary>Numbers of the rows of each domain.</summary>
    public IReadOnlyList<int[]> Given => Groups([.. Rows.Select(row => row.Domain)]);

    /// <summary>Row i from domain i mod K.</summary>
    public static MixedRows Even(string @case, int images, params string[] domains) => new(@case, [.. Enumerable.Range(0, images).Select(i => (domains[i % domains.Length], i))]);

    /// <summary>One row in so many from the rare domain, the others from the common one.</summary>
    public static MixedRows Uneven(string @case, int images, int oneIn, string common, string rare) => new(@case, [.. Enumerable.Range(0, images).Select(i => (i % oneIn == 0 ? rare : common, i))]);

    /// <summary>Numbers of the rows that have the same key, by first occurrence.</summary>
    public static IReadOnlyList<int[]> Groups<T>(IReadOnlyList<T> keys) => [.. Enumerable.Range(0, keys.Count).GroupBy(i => keys[i]).Select(group => group.ToArray())];

    /// <summary>Share of rows that are of the domain which most rows of their cluster are of.</summary>
    public double Purity(int[] clusters) => (double)Groups(clusters).Sum(cluster => cluster.CountBy(row => Rows[row].Domain).Max(pair => pair.Value)) / Rows.Count;
}
