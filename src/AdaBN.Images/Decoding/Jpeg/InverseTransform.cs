using System.Runtime.CompilerServices;

namespace AdaBN.Images.Decoding.Jpeg;

/// <summary>
/// The inverse cosine transform of 8 x 8 coefficients, by Loeffler, Ligtenberg and Moschytz ("Practical fast 1-D DCT algorithms with 11 multiplications",
/// ICASSP 1989), columns then rows, in integers with 13 bits behind the point and 2 more kept between the passes. T.81 leaves rounding open; these
/// widths are those of the accurate integer transform of libjpeg, hence of Pillow and torchvision, so that pixels come out the same.
/// </summary>
internal static class InverseTransform
{
    private const int Side = Component.Side, FractionBits = 13, KeptBits = 2, MeanSquareBits = 3;

    // Rotations and scalings of the paper's figure 1, times 2^13.
    private const int C0298 = 2446, C0390 = 3196, C0541 = 4433, C0765 = 6270, C0899 = 7373, C1175 = 9633,
        C1501 = 12299, C1847 = 15137, C1961 = 16069, C2053 = 16819, C2562 = 20995, C3072 = 25172;

    public static void Block(ReadOnlySpan<short> coefficients, ushort[] quantization, Span<byte> samples, int stride)
    {
        Span<int> block = stackalloc int[Component.BlockSize];
        bool isFlat = true;
        for (int i = 0; i < block.Length; i++)
        {
            block[i] = coefficients[i] * quantization[i];
            isFlat &= i == 0 || coefficients[i] == 0;
        }
        if (isFlat) // the same result, in one step
        {
            byte value = ToSample(Rounded(block[0] << KeptBits, KeptBits + MeanSquareBits));
            for (int y = 0; y < Side; y++) samples.Slice(y * stride, Side).Fill(value);
            return;
        }
        for (int x = 0; x < Side; x++) Line(block, x, Side, FractionBits - KeptBits);
        for (int y = 0; y < Side; y++)
        {
            Line(block, y * Side, 1, FractionBits + KeptBits + MeanSquareBits);
            for (int x = 0; x < Side; x++) samples[(y * stride) + x] = ToSample(block[(y * Side) + x]);
        }
    }

    private static void Line(Span<int> block, int at, int step, int shift)
    {
        int i0 = block[at], i1 = block[at + step], i2 = block[at + (2 * step)], i3 = block[at + (3 * step)];
        int i4 = block[at + (4 * step)], i5 = block[at + (5 * step)], i6 = block[at + (6 * step)], i7 = block[at + (7 * step)];

        int turned = (i2 + i6) * C0541, even2 = turned - (i6 * C1847), even3 = turned + (i2 * C0765);
        int even0 = (i0 + i4) << FractionBits, even1 = (i0 - i4) << FractionBits;

        int both = (i7 + i3 + i5 + i1) * C1175;
        int a = (i7 + i1) * -C0899, b = (i5 + i3) * -C2562, c = ((i7 + i3) * -C1961) + both, d = ((i5 + i1) * -C0390) + both;
        int odd7 = (i7 * C0298) + a + c, odd5 = (i5 * C2053) + b + d, odd3 = (i3 * C3072) + b + c, odd1 = (i1 * C1501) + a + d;

        block[at] = Rounded(even0 + even3 + odd1, shift);
        block[at + (7 * step)] = Rounded(even0 + even3 - odd1, shift);
        block[at + step] = Rounded(even1 + even2 + odd3, shift);
        block[at + (6 * step)] = Rounded(even1 + even2 - odd3, shift);
        block[at + (2 * step)] = Rounded(even1 - even2 + odd5, shift);
        block[at + (5 * step)] = Rounded(even1 - even2 - odd5, shift);
        block[at + (3 * step)] = Rounded(even0 - even3 + odd7, shift);
        block[at + (4 * step)] = Rounded(even0 - even3 - odd7, shift);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Rounded(int value, int shift) => (value + (1 << (shift - 1))) >> shift;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte ToSample(int value) => (byte)Math.Clamp(value + 128, byte.MinValue, byte.MaxValue);
}
