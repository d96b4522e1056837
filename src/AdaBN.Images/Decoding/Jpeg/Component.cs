namespace AdaBN.Images.Decoding.Jpeg;

/// <summary>A colour component of a frame: its coefficients, then its samples.</summary>
/// <param name="Id">By which scans name it.</param>
/// <param name="Horizontal">Samples a row, relative to other components.</param>
/// <param name="Vertical">The same for columns.</param>
/// <param name="Table">Number of its quantization table.</param>
internal sealed record Component(int Id, int Horizontal, int Vertical, int Table)
{
    public const int Side = 8, BlockSize = Side * Side;

    /// <summary>Samples a row that belong to the picture, without filling.</summary>
    public int Width { get; private set; }

    /// <summary>Rows of samples that belong to the picture.</summary>
    public int Height { get; private set; }

    /// <summary>Blocks a row, filled up to whole MCUs.</summary>
    public int BlocksWide { get; private set; }

    /// <summary>Rows of blocks, filled up to whole MCUs.</summary>
    public int BlocksHigh { get; private set; }

    /// <summary>The coefficients of all blocks, each in natural order, still divided by their quantization.</summary>
    public short[] Coefficients { get; private set; } = [];

    /// <summary>The quantization table as it stood when the first scan began; later ones may replace it for others.</summary>
    public ushort[]? Quantization { get; set; }

    /// <summary>Samples a row, filled up to whole blocks.</summary>
    public int Stride => BlocksWide * Side;

    public void Allocate(int width, int height, int mostHorizontal, int mostVertical, int mcusWide, int mcusHigh)
    {
        Width = CeilingOf(width * Horizontal, mostHorizontal);
        Height = CeilingOf(height * Vertical, mostVertical);
        (BlocksWide, BlocksHigh) = (mcusWide * Horizontal, mcusHigh * Vertical);
        Coefficients = new short[BlocksWide * BlocksHigh * BlockSize];
    }

    public Span<short> Block(int x, int y) => Coefficients.AsSpan(((y * BlocksWide) + x) * BlockSize, BlockSize);

    /// <summary>The samples of all blocks; gives the coefficients' memory back.</summary>
    public byte[] Samples()
    {
        ushort[] quantization = Quantization ?? throw ImageDecoder.Damaged($"a colour component has no data or no quantization table");
        var samples = new byte[BlocksWide * BlocksHigh * BlockSize];
        for (int y = 0; y < BlocksHigh; y++)
            for (int x = 0; x < BlocksWide; x++) InverseTransform.Block(Block(x, y), quantization, samples.AsSpan((y * Side * Stride) + (x * Side)), Stride);
        Coefficients = [];
        return samples;
    }

    public static int CeilingOf(int value, int divisor) => (value + divisor - 1) / divisor;
}
