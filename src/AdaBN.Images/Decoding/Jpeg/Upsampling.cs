namespace AdaBN.Images.Decoding.Jpeg;

/// <summary>
/// Components of lower resolution brought to the picture's. T.81 leaves the way open; this is libjpeg's "fancy" one: halves are a triangle filter, ¾ of
/// the nearer sample and ¼ of the farther, other ratios are repeats.
/// </summary>
internal static class Upsampling
{
    private const int TooNarrow = 2; // for the horizontal filter

    /// <summary>One row of the picture.</summary>
    /// <param name="component">The component.</param>
    /// <param name="samples">Its samples.</param>
    /// <param name="y">The row.</param>
    /// <param name="across">Pixels a sample, horizontally.</param>
    /// <param name="down">The same vertically.</param>
    /// <param name="row">Receives the row; has room for <paramref name="across"/> pixels a sample.</param>
    public static void Row(Component component, byte[] samples, int y, int across, int down, Span<byte> row)
    {
        ReadOnlySpan<byte> near = samples.AsSpan(y / down * component.Stride, component.Width);
        bool isFiltered = across == 1 || component.Width > TooNarrow;
        if (down == 2 && across <= 2 && isFiltered)
        {
            int farther = Math.Clamp((y / 2) + (y % 2 == 0 ? -1 : 1), 0, component.Height - 1);
            ReadOnlySpan<byte> far = samples.AsSpan(farther * component.Stride, component.Width);
            if (across == 1) BetweenRows(near, far, y % 2 == 0 ? 1 : 2, row);
            else BetweenRowsAndColumns(near, far, row);
        }
        else if (down == 1 && across == 2 && isFiltered)
        {
            BetweenColumns(near, row);
        }
        else
        {
            for (int x = 0; x < near.Length; x++) row.Slice(x * across, across).Fill(near[x]);
        }
    }

    private static void BetweenRows(ReadOnlySpan<byte> near, ReadOnlySpan<byte> far, int rounding, Span<byte> row)
    {
        for (int x = 0; x < near.Length; x++) row[x] = (byte)(((3 * near[x]) + far[x] + rounding) >> 2);
    }

    private static void BetweenColumns(ReadOnlySpan<byte> near, Span<byte> row)
    {
        int last = near.Length - 1;
        for (int x = 0; x <= last; x++)
        {
            row[2 * x] = x == 0 ? near[x] : (byte)(((3 * near[x]) + near[x - 1] + 1) >> 2);
            row[(2 * x) + 1] = x == last ? near[x] : (byte)(((3 * near[x]) + near[x + 1] + 2) >> 2);
        }
    }

    private static void BetweenRowsAndColumns(ReadOnlySpan<byte> near, ReadOnlySpan<byte> far, Span<byte> row)
    {
        int last = near.Length - 1, before = 0, here = (3 * near[0]) + far[0];
        for (int x = 0; x <= last; x++)
        {
            int after = x == last ? 0 : (3 * near[x + 1]) + far[x + 1];
            row[2 * x] = (byte)(x == 0 ? ((4 * here) + 8) >> 4 : ((3 * here) + before + 8) >> 4);
            row[(2 * x) + 1] = (byte)(x == last ? ((4 * here) + 7) >> 4 : ((3 * here) + after + 7) >> 4);
            (before, here) = (here, after);
        }
    }
}
