using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AdaBN.Distributed;

namespace AdaBN.Input;

/// <summary>
/// Draws a fixed number of different samples from a stream of unknown length, each as likely as any other: those with the smallest hash of
/// their numbers. So neither the order in which samples come matters, sorted by class or not, nor how often one comes.
/// </summary>
/// <param name="most">Samples to draw.</param>
internal sealed class ImageDraw(int most)
{
    private readonly HashSet<ulong> _hashes = [];
    private readonly PriorityQueue<(float[][] Tensors, long Index), (ulong Hash, long Index)> _drawn = new(Comparer<(ulong, long)>.Create((a, b) => b.CompareTo(a)));

    /// <summary>The drawn samples in an order that is the same whatever the order of reading.</summary>
    public IReadOnlyList<(float[][] Tensors, long Index)> Drawn => [.. _drawn.UnorderedItems.OrderBy(item => item.Priority).Select(item => item.Element)];

    /// <summary>Draws from what all processes have drawn: told first are hashes, then only the tensors of those that stay.</summary>
    public void Merge(Ranks ranks, CancellationToken cancellationToken)
    {
        (ulong Hash, long Index)[] kept = [.. ranks.Gather(
            writer =>
            {
                writer.Write(_drawn.Count);
                foreach ((_, (ulong hash, long index)) in _drawn.UnorderedItems)
                {
                    writer.Write(hash);
                    writer.Write(index);
                }
            },
            reader => Enumerable.Range(0, reader.ReadInt32()).Select(_ => (Hash: reader.ReadUInt64(), Index: reader.ReadInt64())).ToArray(), cancellationToken)
            .SelectMany(drawn => drawn).GroupBy(drawn => drawn.Hash, (_, same) => same.Min()).Order().Take(most)];
        var own = _drawn.UnorderedItems.Where(item => kept.Contains(item.Priority)).ToArray();
        IReadOnlyList<((ulong, long) Priority, float[][] Tensors)[]> all = ranks.Gather(
            writer =>
            {
                writer.Write(own.Length);
                foreach (((float[][] tensors, _), (ulong hash, long index)) in own)
                {
                    writer.Write(hash);
                    writer.Write(index);
                    writer.Write(tensors.Length);
                    foreach (float[] tensor in tensors) Records.Write(writer, tensor);
                }
            },
            reader => Enumerable.Range(0, reader.ReadInt32())
                .Select(_ => ((reader.ReadUInt64(), reader.ReadInt64()), Enumerable.Range(0, reader.ReadInt32()).Select(_ => Records.ReadSingles(reader)).ToArray())).ToArray(), cancellationToken);
        _drawn.Clear();
        foreach (((ulong, long Index) priority, float[][] tensors) in all.SelectMany(items => items)) _drawn.Enqueue((tensors, priority.Index), priority);
    }

    /// <summary>Looks at a sample.</summary>
    /// <param name="tensors">Its tensors.</param>
    /// <param name="index">Its number.</param>
    public void Offer(IReadOnlyList<Memory<float>> tensors, long index)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Memory<float> tensor in tensors) hash.AppendData(MemoryMarshal.AsBytes(tensor.Span));
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        (ulong Hash, long) priority = (BinaryPrimitives.ReadUInt64LittleEndian(digest), index);
        if (_hashes.Contains(priority.Hash)) return;
        if (_drawn.Count == most)
        {
            _drawn.TryPeek(out _, out (ulong Hash, long) last);
            if (last.Hash < priority.Hash) return;
            _drawn.Dequeue();
            _hashes.Remove(last.Hash);
        }
        _hashes.Add(priority.Hash);
        _drawn.Enqueue(([.. tensors.Select(tensor => tensor.ToArray())], index), priority);
    }
}
