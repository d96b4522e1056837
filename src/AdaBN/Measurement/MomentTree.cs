namespace AdaBN.Measurement;

/// <summary>
/// Merges the moments of numbered chunks in one fixed binary tree: chunks 2k and 2k+1 first, then pairs of pairs. Chunks may come in
/// any order and from any thread; the result is the same, bit for bit, and only unpaired nodes are held.
/// </summary>
internal sealed class MomentTree
{
    private readonly Dictionary<(int Level, int Index), ChannelMoments> _waiting = [];

    public void Add(int chunk, ChannelMoments moments)
    {
        (int level, int index) = (0, chunk);
        while (true)
        {
            ChannelMoments? sibling;
            lock (_waiting)
            {
                if (!_waiting.Remove((level, index ^ 1), out sibling))
                {
                    _waiting.Add((level, index), moments);
                    return;
                }
            }
            moments = (index & 1) == 0 ? ChannelMoments.Merge(moments, sibling) : ChannelMoments.Merge(sibling, moments);
            (level, index) = (level + 1, index >> 1);
        }
    }

    /// <summary>The moments of all chunks: what is left unpaired (fewer nodes the deeper) merged from the first chunk to the last.</summary>
    public ChannelMoments Total() =>
        _waiting.OrderByDescending(node => node.Key.Level).Select(node => node.Value).Aggregate(ChannelMoments.Merge);
}
