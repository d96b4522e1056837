namespace AdaBN.Images.Decoding.Jpeg;

/// <summary>A component's part in a scan.</summary>
internal sealed record ScanComponent(Component Component, HuffmanTable? Dc, HuffmanTable? Ac)
{
    public int Prediction { get; set; }
}

/// <summary>What a scan adds to the coefficients: a band of them, from a bit position down (ITU-T T.81, annexes F and G).</summary>
/// <param name="Components">The components it is about.</param>
/// <param name="IsProgressive">Whether the frame is built up by several scans.</param>
/// <param name="Start">First coefficient, in zigzag order.</param>
/// <param name="End">Last coefficient.</param>
/// <param name="Refines">Whether it adds one bit to what earlier scans gave.</param>
/// <param name="Low">The lowest bit it gives.</param>
internal sealed record ScanDecoder(ScanComponent[] Components, bool IsProgressive, int Start, int End, bool Refines, int Low)
{
    private static readonly byte[] _natural =
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];

    private int _blocksWithoutBand;

    /// <summary>Natural place of a coefficient in zigzag order.</summary>
    public static int Natural(int zigzag) => _natural[zigzag];

    /// <summary>Decodes the scan and returns what follows it.</summary>
    public ReadOnlySpan<byte> Decode(ReadOnlySpan<byte> data, int restartInterval, int mcusWide, int mcusHigh)
    {
        var reader = new EntropyReader(data);
        bool isAlone = Components.Length == 1; // then its blocks come one by one, without filling
        Component first = Components[0].Component;
        int wide = isAlone ? Component.CeilingOf(first.Width, Component.Side) : mcusWide, high = isAlone ? Component.CeilingOf(first.Height, Component.Side) : mcusHigh;
        for (int unit = 0; unit < wide * high; unit++)
        {
            if (restartInterval > 0 && unit > 0 && unit % restartInterval == 0) Restart(ref reader);
            (int row, int column) = Math.DivRem(unit, wide);
            if (isAlone)
            {
                Block(ref reader, Components[0], column, row);
            }
            else
            {
                foreach (ScanComponent part in Components)
                {
                    (int across, int down) = (part.Component.Horizontal, part.Component.Vertical);
                    for (int i = 0; i < across * down; i++) Block(ref reader, part, (column * across) + (i % across), (row * down) + (i / across));
                }
            }
            if (reader.IsOverrun) throw ImageDecoder.Damaged($"its data ends in row {row} of {high}; was it copied completely?");
        }
        return reader.Rest;
    }

    private void Restart(ref EntropyReader reader)
    {
        if (!reader.TryRestart()) throw ImageDecoder.Damaged($"a restart marker is missing in its data");
        foreach (ScanComponent part in Components) part.Prediction = 0;
        _blocksWithoutBand = 0;
    }

    private void Block(ref EntropyReader reader, ScanComponent part, int x, int y)
    {
        Span<short> block = part.Component.Block(x, y);
        int from = Start;
        if (from == 0)
        {
            Dc(ref reader, part, block);
            if (IsProgressive) return;
            from = 1;
        }
        if (Refines) RefineBand(ref reader, part.Ac!, block);
        else Band(ref reader, part.Ac!, block, from);
    }

    private void Dc(ref EntropyReader reader, ScanComponent part, Span<short> block)
    {
        if (Refines)
        {
            block[0] |= (short)(reader.Take(1) << Low);
            return;
        }
        int bits = part.Dc!.Decode(ref reader);
        if (bits > 15) throw ImageDecoder.Damaged($"a coefficient has {bits} bits");
        part.Prediction += reader.TakeSigned(bits);
        block[0] = (short)(part.Prediction << Low);
    }

    private void Band(ref EntropyReader reader, HuffmanTable table, Span<short> block, int from)
    {
        if (_blocksWithoutBand > 0)
        {
            _blocksWithoutBand--;
            return;
        }
        for (int k = from; k <= End; k++)
        {
            int symbol = table.Decode(ref reader), zeros = symbol >> 4, bits = symbol & 15;
            if (bits == 0 && zeros < 15)
            {
                _blocksWithoutBand = IsProgressive ? RunOf(ref reader, zeros) - 1 : 0;
                return;
            }
            k += zeros;
            if (k > End) throw ImageDecoder.Damaged($"a block has more than its {Component.BlockSize} coefficients");
            if (bits > 0) block[Natural(k)] = (short)(reader.TakeSigned(bits) << Low);
        }
    }

    /// <summary>One more bit for coefficients known, and new ones of that bit between them (T.81, G.1.2.3).</summary>
    private void RefineBand(ref EntropyReader reader, HuffmanTable table, Span<short> block)
    {
        int k = Start;
        while (_blocksWithoutBand == 0 && k <= End)
        {
            int symbol = table.Decode(ref reader), zeros = symbol >> 4, bits = symbol & 15;
            if (bits == 0 && zeros < 15)
            {
                _blocksWithoutBand = RunOf(ref reader, zeros);
                break;
            }
            if (bits > 1) throw ImageDecoder.Damaged($"a refined coefficient has {bits} bits");
            int value = bits == 0 ? 0 : (reader.Take(1) != 0 ? 1 : -1) * (1 << Low);
            while (k <= End)
            {
                ref short known = ref block[Natural(k)];
                k++;
                if (known != 0)
                {
                    Refine(ref reader, ref known);
                }
                else if (zeros-- == 0)
                {
                    known = (short)value;
                    break;
                }
            }
        }
        if (_blocksWithoutBand == 0) return;
        for (; k <= End; k++)
        {
            ref short known = ref block[Natural(k)];
            if (known != 0) Refine(ref reader, ref known);
        }
        _blocksWithoutBand--;
    }

    private void Refine(ref EntropyReader reader, ref short known)
    {
        if (reader.Take(1) != 0 && (known & (1 << Low)) == 0) known += (short)(known > 0 ? 1 << Low : -(1 << Low));
    }

    private static int RunOf(ref EntropyReader reader, int bits) => (1 << bits) + reader.Take(bits);
}
