using System.Runtime.CompilerServices;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>Copies rows from where they lie to one tensor, in the same layout or the other.</summary>
internal static unsafe class LayoutCopy
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(RowSet rows, TensorForm wanted, Slot result)
    {
        TensorForm form = rows.Form;
        long length = wanted.SampleLength / wanted.RowsPerSample;
        for (int row = 0; row < rows.Addresses.Length; row++)
        {
            if (form.Block == wanted.Block)
            {
                long bytes = length * BoundTensor.SizeOf(form.ElementType);
                Buffer.MemoryCopy((void*)rows.Addresses[row], (byte*)result.Address + (row * bytes), bytes, bytes);
                continue;
            }
            float* source = (float*)rows.Addresses[row], target = (float*)result.Address + (row * length);
            new Span<float>(target, checked((int)length)).Clear(); // what fills up the last block
            for (int c = 0; c < form.Tail[0]; c++)
            {
                (long from, int fromStep) = Plane(form, c);
                (long to, int toStep) = Plane(wanted, c);
                for (int p = 0; p < form.Positions; p++) target[to + (p * toStep)] = source[from + (p * fromStep)];
            }
        }
    }

    /// <summary>Where a channel of a row begins, and how far its positions lie apart.</summary>
    public static (long Offset, int Step) Plane(TensorForm form, int channel) => form.Block == 0
        ? ((long)channel * form.Positions, 1)
        : (((long)(channel / form.Block) * form.Block * form.Positions) + (channel % form.Block), form.Block);
}
