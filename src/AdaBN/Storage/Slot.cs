using System.Buffers;

namespace AdaBN.Storage;

/// <summary>A stretch of memory outside the garbage collector's heap, in RAM or in a mapped file. <see cref="SlotAllocator"/> owns it.</summary>
/// <param name="Address">Its first byte; a multiple of <see cref="SlotAllocator.Alignment"/>.</param>
/// <param name="Length">Its length in bytes, at least what was asked for.</param>
internal readonly record struct Slot(nint Address, long Length)
{
    public unsafe Span<float> Floats(long offset, int count) => new((float*)Address + offset, count);

    public unsafe Span<byte> Bytes(int count) => new((byte*)Address, count);

    /// <summary>For interfaces that want <see cref="Memory{T}"/>; valid until the slot is returned.</summary>
    public Memory<float> FloatMemory(int count) => new Manager(this, count).Memory;

    private sealed unsafe class Manager(Slot slot, int count) : MemoryManager<float>
    {
        public override Span<float> GetSpan() => slot.Floats(0, count);

        public override MemoryHandle Pin(int elementIndex = 0) => new((float*)slot.Address + elementIndex);

        public override void Unpin() { }

        protected override void Dispose(bool disposing) { }
    }
}
