namespace AdaBN.Images.Decoding.Jpeg;

/// <summary>YCbCr to RGB as JFIF defines it (ITU-T T.871, section 7), in 16-bit fixed point.</summary>
internal static class JpegColors
{
    private const int FractionBits = 16, Half = 1 << (FractionBits - 1), Middle = 128;
    private const int CrToRed = 91881, CbToBlue = 116130, CrToGreen = -46802, CbToGreen = -22554; // 1.402, 1.772, −0.71414, −0.34414 times 2^16

    public static void ToRgb(ReadOnlySpan<byte> luma, ReadOnlySpan<byte> blueness, ReadOnlySpan<byte> redness, Span<byte> pixels)
    {
        for (int x = 0; x * Picture.Rgb < pixels.Length; x++)
        {
            int y = luma[x], cb = blueness[x] - Middle, cr = redness[x] - Middle;
            pixels[Picture.Rgb * x] = Clamped(y + (((CrToRed * cr) + Half) >> FractionBits));
            pixels[(Picture.Rgb * x) + 1] = Clamped(y + (((CbToGreen * cb) + (CrToGreen * cr) + Half) >> FractionBits));
            pixels[(Picture.Rgb * x) + 2] = Clamped(y + (((CbToBlue * cb) + Half) >> FractionBits));
        }
    }

    private static byte Clamped(int value) => (byte)Math.Clamp(value, byte.MinValue, byte.MaxValue);
}
