namespace AdaBN.Distributed;

/// <summary>
/// Merges numbered chunks in one fixed binary tree: chunks 2k and 2k+1 first, then pairs of pairs. Chunks may come in any order, from any thread and, as nodes
/// of the tree, from any process; the result is the same, bit for bit, and only unpaired nodes are held.
/// </summary>
/// <param name="merge">Merges two neighbours, the earlier one first.</param>
internal sealed class MergeTree<T>(Func<T, T, T> merge)
    where T : class
{
    private readonly Dictionary<(int Level, long Index), T> _waiting = [];

    /// <summary>What is left unpaired, from the first chunk to the last. A node of a level holds 2^level chunks.</summary>
    public IReadOnlyList<(int Level, long Index, T Value)> Nodes =>
        [.. _waiting.OrderBy(node => node.Key.Index << node.Key.Level).Select(node => (node.Key.Level, node.Key.Index, node.Value))];

    public void Add(long chunk, T value) => Add(0, chunk, value);

    public void Add(int level, long index, T value)
    {
        while (true)
        {
            T? sibling;
            lock (_waiting)
            {
                if (!_waiting.Remove((level, index ^ 1), out sibling))
                {
                    _waiting.Add((level, index), value);
                    return;
                }
            }
            value = (index & 1) == 0 ? merge(value, sibling) : merge(sibling, value);
            (level, index) = (level + 1, index >> 1);
        }
    }

    /// <summary>All chunks together: what is left unpaired (fewer nodes the deeper) merged from the first chunk to the last.</summary>
    public T Total() => Nodes.Select(node => node.Value).Aggregate(merge);
}
