namespace AdaBN.TestSupport;

/// <summary>Square grey images of another size.</summary>
internal static class Resize
{
    /// <summary>Half-pixel centres, edge pixels repeated, no antialiasing.</summary>
    public static float[] Bilinear(float[] image, int from, int to)
    {
        var resized = new float[to * to];
        for (int y = 0; y < to; y++)
        {
            for (int x = 0; x < to; x++)
            {
                double sourceY = ((y + 0.5) * from / to) - 0.5, sourceX = ((x + 0.5) * from / to) - 0.5;
                int top = (int)Math.Floor(sourceY), left = (int)Math.Floor(sourceX);
                double Pixel(int row, int column) => image[(Math.Clamp(row, 0, from - 1) * from) + Math.Clamp(column, 0, from - 1)];
                double Across(int row) => double.Lerp(Pixel(row, left), Pixel(row, left + 1), sourceX - left);
                resized[(y * to) + x] = (float)double.Lerp(Across(top), Across(top + 1), sourceY - top);
            }
        }
        return resized;
    }

    /// <summary>In the middle of a larger black image.</summary>
    public static float[] Pad(float[] image, int from, int to)
    {
        var padded = new float[to * to];
        int margin = (to - from) / 2;
        for (int y = 0; y < from; y++) image.AsSpan(y * from, from).CopyTo(padded.AsSpan(((y + margin) * to) + margin));
        return padded;
    }
}
