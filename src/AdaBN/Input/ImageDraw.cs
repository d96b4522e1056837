using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

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
