using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace AdaBN.Distributed;

/// <summary>What processes tell each other: records in place of bytes.</summary>
internal sealed class Ranks(ICommunicator communicator)
{
    /// <summary>The ranks of a communicator; null where this process is alone.</summary>
    public static Ranks? Of(ICommunicator? communicator) => communicator is { Size: > 1 } or PartialCommunicator ? new Ranks(communicator) : null;

    /// <summary>Whether the processes run at the same time; where not, they exchange files, and only what a stage measures.</summary>
    public bool Meet => communicator is not PartialCommunicator;

    public int Rank => communicator.Rank;

    public int Size => communicator.Size;

    /// <summary>Number of processes, this one included, that share this machine's memory.</summary>
    public int OnThisMachine(CancellationToken cancellationToken) =>
        Gather(writer => writer.Write(Environment.MachineName), reader => reader.ReadString(), cancellationToken).Count(name => name == Environment.MachineName);

    /// <summary>Gives a record to all and gets those of all, in the order of ranks.</summary>
    public IReadOnlyList<T> Gather<T>(Action<BinaryWriter> write, Func<BinaryReader, T> read, CancellationToken cancellationToken)
    {
        using var mine = new MemoryStream();
        using (var writer = new BinaryWriter(mine, Encoding.UTF8, leaveOpen: true)) write(writer);
        IReadOnlyList<byte[]> all = communicator.AllGather(mine.GetBuffer().AsMemory(0, (int)mine.Length), cancellationToken);
        if (all.Count != Size) throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"The communicator gave {all.Count} records for {Size} ranks."));
        return [.. all.Select(bytes =>
        {
            using var reader = new BinaryReader(new MemoryStream(bytes, writable: false), Encoding.UTF8);
            return read(reader);
        })];
    }

    /// <summary>Merges trees, several at once: every process gets all nodes that are left unpaired in any, and merges them in the tree's own order.</summary>
    public void Merge<T>(IReadOnlyList<MergeTree<T>> trees, Action<BinaryWriter, T> write, Func<BinaryReader, T> read, CancellationToken cancellationToken)
        where T : class
    {
        IReadOnlyList<(int Tree, int Level, long Index, T Value)[]> all = Gather(
            writer =>
            {
                writer.Write(trees.Sum(tree => tree.Nodes.Count));
                foreach ((int number, MergeTree<T> tree) in trees.Index())
                {
                    foreach ((int level, long index, T value) in tree.Nodes)
                    {
                        writer.Write(number);
                        writer.Write(level);
                        writer.Write(index);
                        write(writer, value);
                    }
                }
            },
            reader => Enumerable.Range(0, reader.ReadInt32()).Select(_ => (reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt64(), read(reader))).ToArray(),
            cancellationToken);
        foreach ((int tree, int level, long index, T value) in all.Where((_, rank) => rank != Rank).SelectMany(nodes => nodes)) trees[tree].Add(level, index, value);
    }

    /// <summary>Throws where not every process has the same.</summary>
    /// <param name="what">What each has, by name: said where they differ.</param>
    /// <param name="mend">What to do then.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public void CheckSame(IReadOnlyList<(string Name, string Value)> what, string mend, CancellationToken cancellationToken)
    {
        IReadOnlyList<string[]> all = Gather(
            writer =>
            {
                foreach ((_, string value) in what) writer.Write(value);
            },
            reader => what.Select(_ => reader.ReadString()).ToArray(), cancellationToken);
        string[] differences = [.. what.Index().SelectMany(item => all.Index().Where(other => other.Item[item.Index] != all[0][item.Index])
            .Select(other => string.Create(CultureInfo.InvariantCulture, $"{item.Item.Name} of rank {other.Index} is {other.Item[item.Index]}, expected {all[0][item.Index]} as on rank 0")))];
        if (differences.Length > 0) throw new AdaptationException(AdaptationError.RanksDiffer, $"{string.Join("; ", differences)}. {mend}");
    }

    /// <summary>A short name for bytes, to compare.</summary>
    public static string Digest(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes))[..16];
}
