using AdaBN.Storage;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

[TestClass]
public sealed class StorageTests
{
    [TestMethod]
    public void Slots_are_used_again_and_never_overlap()
    {
        using var allocator = new SlotAllocator(long.MaxValue, null);
        var random = new Random(4);
        var live = new List<(Slot Slot, byte Mark)>();
        for (int i = 0; i < 3000; i++)
        {
            if (live.Count > 0 && random.Next(2) == 0)
            {
                int at = random.Next(live.Count);
                (Slot slot, byte mark) = live[at];
                Assert.IsTrue(slot.Bytes((int)slot.Length).IndexOfAnyExcept(mark) < 0, "another slot wrote here");
                allocator.Return(slot);
                live.RemoveAt(at);
                continue;
            }
            int bytes = random.Next(1, 60_000);
            Slot rented = allocator.Rent(bytes);
            Assert.IsGreaterThanOrEqualTo(bytes, rented.Length);
            Assert.AreEqual(0, rented.Address % SlotAllocator.Alignment);
            rented.Bytes((int)rented.Length).Fill((byte)i);
            live.Add((rented, (byte)i));
        }
        foreach ((Slot slot, _) in live) allocator.Return(slot);
        Assert.IsLessThan(64 << 20, allocator.Peak);
        Slot whole = allocator.Rent(64 << 20); // all pieces have grown together again: no second block
        Assert.AreEqual(0, allocator.Spilled);
        allocator.Return(whole);
    }

    [TestMethod]
    public void Beyond_the_limit_slots_lie_in_nameless_files()
    {
        using var folder = new TemporaryFolder();
        using (var allocator = new SlotAllocator(maxMemory: 0, folder.Path))
        {
            Slot slot = allocator.Rent(1000);
            slot.Bytes(1000).Fill(7);
            Assert.IsGreaterThan(0, allocator.Spilled);
            if (!OperatingSystem.IsWindows()) Assert.IsEmpty(Directory.GetFiles(folder.Path));
            Assert.IsTrue(slot.Bytes(1000).IndexOfAnyExcept((byte)7) < 0);
        }
        Assert.IsEmpty(Directory.GetFiles(folder.Path));
    }

    [TestMethod]
    public void A_run_that_spills_gives_the_same_bytes()
    {
        foreach (string name in (string[])["residual_downsample", "concat_branch", "view_flatten", "fixed_batch8", "two_inputs"])
        {
            var golden = new GoldenCase(name);
            byte[] expected = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Model.ToBytes();
            CollectionAssert.AreEqual(expected, BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { MaxMemory = 0 }).Model.ToBytes(), name);
        }
    }

    [TestMethod]
    public void No_room_for_a_temporary_file_is_a_clear_error()
    {
        using var folder = new TemporaryFolder();
        IOException e = Assert.ThrowsExactly<IOException>(() => new SpillFile(folder.Path, 1L << 60).Dispose());
        Assert.Contains(folder.Path, e.Message);
        Assert.Contains("MaxMemory", e.Message);
        Assert.IsEmpty(Directory.GetFiles(folder.Path));
    }
}
